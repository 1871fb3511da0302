"""The rows of clusters as the parameters hold them, and the kernel that finds each row among them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from genspark.columns.expressions import HIDDEN
from genspark.columns.hashing import PLACE
from genspark.columns.kernels import Kernel
from genspark.columns.packed import packed, unpacked
from genspark.errors import DataError, ModelError
from genspark.storage import spill

if TYPE_CHECKING:
    import polars as pl

CLUSTER, IS_MEMBER, KEY = f"{HIDDEN}cluster", f"{HIDDEN}is_member", f"{HIDDEN}key_hash"
MOST_INSIDE, MOST_WITHOUT_A_JOB = 20_000, 4_000_000
"""Rows that parameters hold themselves, in a job and without one; a job writes more to a file beside its table."""


def told(members: pl.DataFrame) -> dict[str, Any]:
    """What the parameters hold of the members: themselves, or the path of a file. Raises DataError for too many."""
    place = spill.current()
    if members.height <= MOST_INSIDE or (place is None and members.height <= MOST_WITHOUT_A_JOB):
        return {"packed": packed(members)}
    if place is None:
        raise DataError(
            f"{members.height:,} rows are duplicates, more than a model holds ({MOST_WITHOUT_A_JOB:,}); run it as a "
            "job, which keeps them in a file beside the table"
        )
    path = place.new("members", "arrow")
    spill.save(members, path)
    return {"path": path}


def finding(members: Mapping[str, Any]) -> Kernel:
    """The kernel of two hidden columns: whether a row is a member, and its cluster, which of others is their own."""
    outputs = {CLUSTER: pa.int64(), IS_MEMBER: pa.bool_()}
    return Kernel((KEY, PLACE), outputs, Membership(tuple(members.items())))


@dataclass(frozen=True)
class Membership:
    """The hashes of the row's key and place -> its cluster, and whether it is a member, by binary search."""

    members: tuple[tuple[str, str], ...]

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        key, place = (np.asarray(array.to_numpy(zero_copy_only=False), np.int64) for array in arrays)
        own = (key.view(np.uint64) >> np.uint64(11)).astype(np.int64)
        is_member = np.zeros(len(key), np.bool_)
        for (ids, clusters), values in zip(self._tables, (key, place), strict=True):
            if not len(ids):
                continue
            near = np.minimum(np.searchsorted(ids, values), len(ids) - 1)
            hit = ids[near] == values
            own = np.where(hit, clusters[near], own)
            is_member |= hit
        return [pa.array(own), pa.array(is_member)]

    @functools.cached_property
    def _tables(self) -> list[tuple[Any, Any]]:
        import polars as pl

        held = dict(self.members)
        try:
            frame = unpacked(held["packed"]) if "packed" in held else pl.read_ipc(held["path"])
        except OSError as error:
            raise ModelError(
                f"{held['path']}: the file of the duplicates cannot be read ({error}); fit again"
            ) from None
        parts = [frame.filter(pl.col("by_place") == by_place) for by_place in (False, True)]
        return [(part["id"].to_numpy(), part["cluster"].to_numpy()) for part in parts]
