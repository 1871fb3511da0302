"""Find the shards that cannot be read, and why, after a scan has failed."""

from __future__ import annotations

from genspark.errors import ShardError, SourceError, StoreError, first_line
from genspark.sources.dataset import Dataset
from genspark.sources.format import UNREADABLE
from genspark.sources.places import REMEDY
from genspark.sources.shard import Shard
from genspark.storage.stores import entry

# ArrowTypeError is a TypeError, ArrowKeyError a KeyError, ArrowNotImplementedError a NotImplementedError.
_FAILURES = (*UNREADABLE, TypeError, KeyError, EOFError, NotImplementedError)


def diagnose(dataset: Dataset) -> list[tuple[Shard, str]]:
    """Read every shard to its end; return those that cannot be read, each with the cause in a short sentence."""
    causes = ((shard, _cause(dataset, shard)) for shard in dataset.shards)
    return [(shard, cause) for shard, cause in causes if cause is not None]


def shard_error(dataset: Dataset, error: BaseException) -> SourceError | None:
    """Turn the error of a scan into one that names the shards at fault; None where every shard can be read."""
    if isinstance(error, SourceError):
        return error
    causes = diagnose(dataset)
    if not causes:
        return None
    return ShardError({shard.path: f"cannot be read ({cause})" for shard, cause in causes}, REMEDY)


def _cause(dataset: Dataset, shard: Shard) -> str | None:
    """Why a shard cannot be read, in a short sentence; None where it can."""
    try:
        file = entry(shard.path)
        if file is None:
            return "the file is gone"
        if not shard.size:
            return None
        size_change = _size_change(shard, file.size)
        if size_change is None:
            dataset.format.read_through(shard, dataset.file_schema, dataset.options)
    except (SourceError, StoreError) as error:
        return str(error)
    except _FAILURES as error:
        return first_line(error)
    return size_change


def _size_change(shard: Shard, size: int) -> str | None:
    """A sentence that says how the file's size changed since it was listed; None if it did not."""
    # A part of a file has a size of its own.
    if shard.row_groups is not None or size == shard.size:
        return None
    return f"the file has {size} bytes, and had {shard.size} when it was listed"
