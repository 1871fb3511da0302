"""Which shards cannot be read, and why: asked only after a scan failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from genspark.errors import ShardError, SourceError
from genspark.sources.dataset import REMEDY, Dataset
from genspark.sources.formats import parquet
from genspark.sources.scanning import frames_of
from genspark.sources.shard import Shard
from genspark.storage.stores import entry

# What PyArrow, Polars and the system raise: Arrow's errors are ValueErrors, OSErrors and the like.
_FAILURES = (OSError, ValueError, TypeError, KeyError, EOFError, NotImplementedError, pl.exceptions.PolarsError)


def diagnose(dataset: Dataset) -> list[tuple[Shard, str]]:
    """The shards that cannot be read to their end, each with the cause in a short sentence."""
    causes = ((shard, _cause(dataset, shard)) for shard in dataset.shards)
    return [(shard, cause) for shard, cause in causes if cause is not None]


def shard_error(dataset: Dataset, error: BaseException) -> SourceError | None:
    """The error of a scan as one that names the shards at fault; None where every shard can be read."""
    if isinstance(error, SourceError):
        return error
    found = diagnose(dataset)
    if not found:
        return None
    return ShardError({shard.path: f"cannot be read ({cause})" for shard, cause in found}, REMEDY)


def _cause(dataset: Dataset, shard: Shard) -> str | None:
    try:
        found = entry(shard.path)
        if found is None:
            return "the file is gone"
        if not shard.size:
            return None
        return _changed(shard, found.size) or _read(dataset, shard)
    except SourceError as error:
        return str(error)
    except _FAILURES as error:
        return _sentence(error)


def _changed(shard: Shard, size: int) -> str | None:
    if shard.row_groups is not None or size == shard.size:
        return None
    return f"the file has {size} bytes, and had {shard.size} when it was listed"


def _read(dataset: Dataset, shard: Shard) -> str | None:
    if dataset.format in ("parquet", "delta"):
        _exhaust(parquet.pieces(shard))
    else:
        _exhaust(frames_of(dataset, shard, None))
    return None


def _exhaust(pieces: Iterator[Any]) -> None:
    for _ in pieces:
        pass


def _sentence(error: BaseException) -> str:
    line = str(error).strip().partition("\n")[0]
    return line or type(error).__name__
