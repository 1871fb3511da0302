"""Errors of reading or writing shards with Polars, translated into errors that the user can act on."""

from __future__ import annotations

import re
import tempfile

from genspark.errors import DataError, GensparkError, SinkError, first_line
from genspark.sources import Dataset, shard_error
from genspark.storage.refusals import refusal
from genspark.storage.secrets import MASK

_FULL = re.compile(r"No space left|Disk quota exceeded|File too large|os error (?:27|28|122)\b")
# Not what asks the metadata service of a machine for credentials, which may be for reading.
_NOT_PUT = re.compile(
    r"Error performing (?:PUT|POST) (?!http://169\.254\.)|multiple part upload|during (?:PutObject|UploadPart)"
)
_CANNOT_CAST = re.compile(r"conversion from .* failed .*|(?:could not|cannot) (?:cast|parse|convert) .*")

_QUOTING = {
    re.compile(r"( for \d+ out of \d+ values): \[.*\]", re.DOTALL): rf"\1: {MASK}",
    re.compile(r"The value .* of the type", re.DOTALL): f"The value {MASK} of the type",
}
"""How Polars and Spark quote values, and what is said instead."""


def failure(error: Exception, line: str, dataset: Dataset, table: str) -> GensparkError:
    """The GensparkError for what ended the work on shards: a full disk, a bad value, a bad shard, or the error itself.

    `line` is the error in one line, as `with_kind` gives it or as a worker reported it.
    """
    if _FULL.search(line):
        return SinkError(
            f"sink.path: no space is left for {table}, or for temporary files in {tempfile.gettempdir()}; "
            "free some, or choose another place"
        )
    if _NOT_PUT.search(line):
        return SinkError(f"sink.path: {table}: {refusal(line, table)}")
    if cast := _CANNOT_CAST.search(line):
        return DataError(f"source.path: {cast[0]}; clean the column before it is cast")
    return shard_error(dataset, error) or GensparkError(f"source.path: {named(dataset)}: {line}")


def without_values(error: BaseException) -> None:
    """Take the values that could not be cast out of an error's message, where engines quote them."""
    for quoting, instead in _QUOTING.items():
        error.args = tuple(quoting.sub(instead, part) if isinstance(part, str) else part for part in error.args)


def with_kind(error: Exception) -> str:
    """The class of an error and the first line of its message."""
    return f"{type(error).__name__}: {first_line(error)}"


def named(dataset: Dataset) -> str:
    """The paths of the first few shards, for a message."""
    return ", ".join(shard.path for shard in dataset.shards[:3]) + (", ..." if len(dataset.shards) > 3 else "")
