"""Which shards cannot be read, and why: asked only after a scan failed."""

from __future__ import annotations

import polars as pl

from genspark.errors import ShardError, SourceError
from genspark.sources.dataset import Dataset
from genspark.sources.places import REMEDY
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
        changed = _changed(shard, found.size)
        if changed is None:
            dataset.format.read_through(shard, dataset.file_schema, dataset.options)
    except SourceError as error:
        return str(error)
    except _FAILURES as error:
        return _sentence(error)
    return changed


def _changed(shard: Shard, size: int) -> str | None:
    if shard.row_groups is not None or size == shard.size:
        return None
    return f"the file has {size} bytes, and had {shard.size} when it was listed"


def _sentence(error: BaseException) -> str:
    line = str(error).strip().partition("\n")[0]
    return line or type(error).__name__
