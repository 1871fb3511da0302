"""Formats whose files tell the types of their columns themselves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import polars as pl

from genspark.errors import ShardError, SourceError
from genspark.sources import ddl
from genspark.sources.format import Format, Found, Schema
from genspark.sources.places import PLACE, REMEDY
from genspark.sources.shard import Shard
from genspark.sources.types import normal_schema, readable_as, same_or_refuse

UNREADABLE = (OSError, ValueError, pl.exceptions.PolarsError)
"""What PyArrow and Polars raise of a file that they cannot read: Arrow's errors are ValueErrors and OSErrors."""


class TypedFormat(Format):
    """Finds the columns in each file's head or foot: give it `raw_schema`."""

    @abstractmethod
    def raw_schema(self, path: str) -> pl.Schema:
        """The columns as a file has them. Raises one of `UNREADABLE`."""

    def schema(
        self, shards: Sequence[Shard], options: Mapping[str, str], given: Schema | None, constants: Schema
    ) -> Found:
        """The columns of the files: all of them must agree, or hold what source.schema says."""
        first: dict[str, pl.DataType] | None = None
        seen: dict[str, int] = {}
        variants = {}
        for shard in shards:
            raw = self._raw_schema(shard.path)
            variants[shard.path] = seen.setdefault(repr(raw), len(seen))
            own = normal_schema(raw, shard.path)
            if given is None:
                same_or_refuse(own, shard.path, first or own, shards[0].path)
            else:
                _fits_or_refuse(own, shard.path, {name: t for name, t in given.items() if name not in constants})
            first = first or own
        if not first:
            raise SourceError(f"{PLACE}: {shards[0].path} has no column; check that it holds {self.name}")
        return Found(given or first, variants=variants)

    def _raw_schema(self, path: str) -> pl.Schema:
        try:
            return self.raw_schema(path)
        except UNREADABLE as error:
            reason = str(error).partition("\n")[0]
            raise ShardError({path: f"is not {self.name} that can be read ({reason})"}, REMEDY) from error


def _fits_or_refuse(own: Schema, path: str, given: Schema) -> None:
    for name, dtype in given.items():
        if name not in own:
            raise SourceError(f"source.schema: {path} has no column {name!r}; leave it out")
        if not readable_as(own[name], dtype):
            names = (ddl.name_of(own[name]), ddl.name_of(dtype))
            raise SourceError(
                f"source.schema: column {name!r} of {path} is {names[0]} and cannot be read as {names[1]}; "
                "leave the schema out and add a `cast` step"
            )
