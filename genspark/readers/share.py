"""A rank's share of each global batch: neighbouring slots, cut again into micro-batches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from genspark.errors import ConfigError
from genspark.readers.order import Integers


@dataclass(frozen=True)
class Share:
    """What rank `rank` of `world` reads of each global batch of `batch` rows, in `accumulation` micro-batches.

    Shares differ by one row at most, where the numbers do not divide.
    """

    batch: int
    rank: int = 0
    world: int = 1
    accumulation: int = 1

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ConfigError(f"global_batch_size: {self.batch} is no number of rows; give 1 or more")
        if self.world < 1:
            raise ConfigError(f"world_size: {self.world} is no number of ranks; give 1 or more")
        if not 0 <= self.rank < self.world:
            raise ConfigError(f"rank: {self.rank} is none of {self.world} ranks; give 0 to {self.world - 1}")
        if self.accumulation < 1:
            raise ConfigError(f"accumulation: {self.accumulation} is no number of micro-batches; give 1 or more")
        if self.batch < self.world * self.accumulation:
            raise ConfigError(
                f"global_batch_size: {self.batch} rows do not give each of {self.world} ranks and {self.accumulation} "
                f"micro-batches a row; give {self.world * self.accumulation} or more"
            )

    @cached_property
    def micro_batches(self) -> list[Integers]:
        """The slots of every global batch that each of the rank's micro-batches has."""
        first, end = (self.batch * rank // self.world for rank in (self.rank, self.rank + 1))
        edges = [first + (end - first) * number // self.accumulation for number in range(self.accumulation + 1)]
        return [np.arange(*edge) for edge in pairwise(edges)]
