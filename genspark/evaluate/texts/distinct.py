"""Smallest hashes: distinct things counted in a state of bounded size, exactly while they fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genspark.evaluate.mixing import Hashes

MOST = 1 << 20
"""Hashes that are kept: 8 MiB. The count of more distinct things is off by 0.1 % (one standard deviation)."""


@dataclass(frozen=True)
class Distinct:
    """The `most` smallest distinct hashes of things, sorted.

    Source: Z. Bar-Yossef et al., "Counting distinct elements in a data stream", 2002.
    """

    hashes: Hashes
    most: int = MOST

    @classmethod
    def of(cls, hashes: Hashes, most: int = MOST) -> Distinct:
        """Those of some hashes."""
        return cls(np.unique(hashes)[:most], most)

    def merged(self, other: Distinct) -> Distinct:
        """Those of both."""
        return Distinct(np.union1d(self.hashes, other.hashes)[: self.most], self.most)

    @property
    def is_exact(self) -> bool:
        """Whether all distinct things are there."""
        return len(self.hashes) < self.most

    @property
    def count(self) -> float:
        """How many distinct things there are: exact, or from how densely the smallest hashes lie."""
        if self.is_exact:
            return float(len(self.hashes))
        return (self.most - 1) / ((float(self.hashes[-1]) + 1.0) / 2.0**64)

    @property
    def error(self) -> float:
        """The relative standard error of the count."""
        return 0.0 if self.is_exact else (self.most - 2) ** -0.5
