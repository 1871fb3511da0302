"""What went wrong while shards were read or written with Polars, as an error that the user can act on."""

from __future__ import annotations

import re
import tempfile

from genspark.errors import DataError, GensparkError, SinkError
from genspark.sources import Dataset, shard_error
from genspark.storage.object_stores import REMEDY, one_line

_FULL = re.compile(r"No space left|Disk quota exceeded|File too large|os error (?:27|28|122)\b")
# Not what asks the metadata service of a machine for credentials, which may be for reading.
_NOT_PUT = re.compile(r"Error performing (?:PUT|POST) (?!http://169\.254\.)")
_CANNOT_CAST = re.compile(r"conversion from .* failed .*|(?:could not|cannot) (?:cast|parse|convert) .*")


def failure(error: Exception, told: str, dataset: Dataset, table: str) -> GensparkError:
    """The error for one of which a line was told: the disk, a value, a shard, or what nobody foresaw."""
    if _FULL.search(told):
        return SinkError(
            f"sink.path: no space is left for {table}, or for temporary files in {tempfile.gettempdir()}; "
            "free some, or choose another place"
        )
    if _NOT_PUT.search(told):
        return SinkError(f"sink.path: {table}: {one_line(told)}; {REMEDY}")
    if cast := _CANNOT_CAST.search(told):
        return DataError(f"source.path: {cast[0]}; clean the column before it is cast")
    return shard_error(dataset, error) or GensparkError(f"source.path: {named(dataset)}: {told}")


def in_a_line(error: Exception) -> str:
    """The kind of an error and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def named(dataset: Dataset) -> str:
    """A few shards by name."""
    return ", ".join(shard.path for shard in dataset.shards[:3]) + (", ..." if len(dataset.shards) > 3 else "")
