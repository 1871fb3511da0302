"""How well persons hide in classes of rows that look alike: k-anonymity, l-diversity and t-closeness.

Sources: L. Sweeney, "k-anonymity: a model for protecting privacy", 2002; A. Machanavajjhala et al., "l-Diversity:
Privacy Beyond k-Anonymity", 2007; N. Li, T. Li, S. Venkatasubramanian, "t-Closeness: Privacy Beyond k-Anonymity and
l-Diversity", 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
_AT_ONCE = 1 << 22
"""Cells of a matrix of classes and values that are in memory at a time."""


@dataclass(frozen=True)
class Cells:
    """Counted rows: `counts[i]` of them are in class `classes[i]` and have the sensitive value `values[i]`.

    Classes and values are numbered from 0 on; a pair is there once at most. Of `n_values` values, those that are
    ordered are numbered in their order.
    """

    classes: Codes
    values: Codes
    counts: Codes
    n_classes: int
    n_values: int

    @classmethod
    def of(cls, classes: Codes, values: Codes, counts: Codes) -> Cells:
        """The cells of counted rows: pairs may be there several times, classes and values have any rising numbers."""
        _, numbers = np.unique(classes, return_inverse=True)
        _, values = np.unique(values, return_inverse=True)
        n_values = int(values.max(initial=-1)) + 1
        pairs, place = np.unique(numbers * max(n_values, 1) + values, return_inverse=True)
        added = np.bincount(place, weights=counts, minlength=len(pairs)).astype(np.int64)
        own, value = np.divmod(pairs, max(n_values, 1))
        return cls(own, value, added, int(numbers.max(initial=-1)) + 1, n_values)

    def sizes(self) -> Codes:
        """The rows of each class: the least is the k that the table is anonymous by."""
        return np.bincount(self.classes, weights=self.counts, minlength=self.n_classes).astype(np.int64)

    def diversity(self) -> Codes:
        """The distinct sensitive values of each class: the least is the l of distinct l-diversity."""
        return np.bincount(self.classes, minlength=self.n_classes)

    def entropy_diversity(self) -> Numbers:
        """The exponential of the entropy of each class's values: the least is the l of entropy l-diversity."""
        shares = self._shares()
        entropies = np.bincount(self.classes, weights=-shares * np.log(shares), minlength=self.n_classes)
        return np.exp(entropies)

    def closeness(self, overall: Numbers | None = None, *, ordered: bool = False) -> Numbers:
        """The earth mover's distance of each class's sensitive values to those of all rows: the most is t.

        `overall` are the shares of the values in all rows; left out, those of these cells. Values lie as far apart as
        any others, or, where they are `ordered`, by how many of them are between: from 0 to 1 either way.
        """
        q = self.overall() if overall is None else overall
        shares = self._shares()
        if not ordered:
            # Half of all differences: of the values that the class has, and of the others, whose share is 0.
            own = np.bincount(self.classes, weights=np.abs(shares - q[self.values]), minlength=self.n_classes)
            others = 1 - np.bincount(self.classes, weights=q[self.values], minlength=self.n_classes)
            return (own + others) / 2
        if self.n_values < 2:
            return np.zeros(self.n_classes)
        found = np.empty(self.n_classes)
        step = max(1, _AT_ONCE // self.n_values)
        for start in range(0, self.n_classes, step):
            end = min(start + step, self.n_classes)
            low, high = np.searchsorted(self.classes, [start, end])
            p = np.zeros((end - start, self.n_values))
            p[self.classes[low:high] - start, self.values[low:high]] = shares[low:high]
            found[start:end] = np.abs(np.cumsum(p - q, axis=1)).sum(axis=1) / (self.n_values - 1)
        return found

    def overall(self) -> Numbers:
        """The share of each value in all rows."""
        of_value = np.bincount(self.values, weights=self.counts, minlength=self.n_values)
        return np.asarray(of_value / max(of_value.sum(), 1))

    def _shares(self) -> Numbers:
        """The share of each cell in its class."""
        return np.asarray(self.counts / self.sizes()[self.classes])


def summary(cells: Cells, *, is_sensitive: bool, ordered: bool) -> dict[str, Any]:
    """What is told of a table: rows, classes, k, and with a sensitive column l, the l of the entropy, and t.

    `unique` are rows that are alone in their class. All is None where there is no row.
    """
    sizes = cells.sizes()
    told: dict[str, Any] = {
        "rows": int(sizes.sum()),
        "classes": len(sizes),
        "k": int(sizes.min()) if len(sizes) else None,
        "unique": int((sizes == 1).sum()),
    }
    if is_sensitive:
        told["l"] = int(cells.diversity().min()) if len(sizes) else None
        told["entropy_l"] = float(cells.entropy_diversity().min()) if len(sizes) else None
        told["t"] = float(cells.closeness(ordered=ordered).max()) if len(sizes) else None
    return told
