"""The rows that are measured on: float64 columns of four shapes with holes, in Parquet shards, made once.

One shard is in memory at a time, so a data set may be larger than that.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

NULL_SHARE = 0.05
FEWEST_SHARDS = 8
ROWS_OF_A_SHARD = 2_000_000
GROUPS = np.array(list("abcdefgh"))

Numbers = npt.NDArray[np.float64]
Shape = Callable[[np.random.Generator, int], Numbers]

SHAPES: Sequence[Shape] = (
    lambda random, rows: random.normal(size=rows),
    lambda random, rows: random.lognormal(size=rows),
    lambda random, rows: random.gamma(2.0, size=rows),
    # Tails so heavy that every column loses rows to the outlier rule.
    lambda random, rows: random.standard_t(3, size=rows),
)


class Size(NamedTuple):
    """A size that has a name: of the data, and how many deviations from the mean the job drops a row at."""

    rows: int
    columns: int = 20
    threshold: float = 3.0


SIZES = {
    "1m": Size(1_000_000),
    "4m": Size(4_000_000),
    "16m": Size(16_000_000),
    "64m": Size(64_000_000),
    # Hardly any row is within 3 deviations in all of 500 columns, and there would be nothing to write.
    "wide": Size(200_000, 500, 10.0),
}


@dataclass(frozen=True)
class Spec:
    """What decides the shards; two equal specs are the same bytes."""

    rows: int
    columns: int
    shards: int
    seed: int

    @property
    def names(self) -> list[str]:
        """The float64 columns; `id` (int64) and `group` (string, 8 values) stand beside them."""
        return [f"x{i:03d}" for i in range(self.columns)]

    @property
    def folder_name(self) -> str:
        """`shards-4000000x20-8-seed20`."""
        return f"shards-{self.rows}x{self.columns}-{self.shards}-seed{self.seed}"

    def source(self) -> Mapping[str, Any]:
        """The fields of a `Task` that tell how to read the shards, beyond their defaults."""
        return {}

    def ids(self, shard: int) -> npt.NDArray[np.int64]:
        """The ids of a shard's rows; the first shards have one row more where they cannot all be equal."""
        size, more = divmod(self.rows, self.shards)
        start = shard * size + min(shard, more)
        return np.arange(start, start + size + (shard < more), dtype=np.int64)


def shards_for(rows: int) -> int:
    """As many shards as are usual for that many rows."""
    return min(rows, max(FEWEST_SHARDS, -(-rows // ROWS_OF_A_SHARD)))


def write_shards(spec: Spec, out: Path, tell: Callable[[str], None]) -> Path:
    """The folder with the spec's shards, written if it is not there yet."""
    folder = out / spec.folder_name
    if folder.is_dir():
        tell(f"shards: those in {folder}")
        return folder
    # Under another name until it is whole: an interrupted run leaves no half a data set behind.
    draft = out / f".{spec.folder_name}.{os.getpid()}"
    draft.mkdir(parents=True)
    try:
        for shard in range(spec.shards):
            tell(f"shards: writing {shard + 1} of {spec.shards}")
            # Spark's own default codec, so that no reader meets a foreign one.
            frame(spec, shard).write_parquet(draft / f"shard-{shard:03d}.parquet", compression="snappy")
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def frame(spec: Spec, shard: int) -> pl.DataFrame:
    """The rows of one shard: `id`, `group` and the float64 columns."""
    ids = spec.ids(shard)
    random = np.random.default_rng([spec.seed, shard])
    columns = [pl.Series("id", ids), pl.Series("group", random.choice(GROUPS, size=len(ids)), dtype=pl.String)]
    for position, name in enumerate(spec.names):
        values = SHAPES[position % len(SHAPES)](random, len(ids))
        values[random.random(len(ids)) < NULL_SHARE] = np.nan
        columns.append(pl.Series(name, values, nan_to_null=True))
    return pl.DataFrame(columns)
