"""`TypedFormat`, the base of formats whose files hold the types of their columns."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import polars as pl

from genspark.errors import ShardError, SourceError, first_line
from genspark.sources import ddl
from genspark.sources.format import UNREADABLE, Format, Found, Schema
from genspark.sources.places import PLACE, REMEDY
from genspark.sources.shard import Shard
from genspark.sources.types import normal_schema, readable_as, same_or_refuse


class TypedFormat(Format):
    """A format whose columns stand in the header or footer of each file. A subclass defines `raw_schema`."""

    @abstractmethod
    def raw_schema(self, path: str) -> pl.Schema:
        """Read the columns of a file, with the types that it holds. Raises one of `UNREADABLE`."""

    def looked_at(self, path: str) -> tuple[pl.Schema, int | None]:
        """`raw_schema` of a file, and its number of rows where the same look tells it."""
        return self.raw_schema(path), None

    def schema(
        self, shards: Sequence[Shard], options: Mapping[str, str], given: Schema | None, constants: Schema
    ) -> Found:
        """Find the columns of the files: all files must have the same, or those that source.schema gives."""
        first: dict[str, pl.DataType] | None = None
        numbers: dict[str, int] = {}
        variants, counts = {}, {}
        for shard in shards:
            raw, rows = self._looked_at(shard.path)
            if rows is not None:
                counts[shard.path] = rows
            variants[shard.path] = numbers.setdefault(repr(raw), len(numbers))
            # A column that no table holds is no mistake where the schema leaves it out.
            own = normal_schema({n: t for n, t in raw.items() if given is None or n in given}, shard.path)
            if given is None:
                same_or_refuse(own, shard.path, first or own, shards[0].path)
            else:
                _fits_or_refuse(own, shard.path, {name: t for name, t in given.items() if name not in constants})
            first = first or own
        if not first:
            raise SourceError(f"{PLACE}: {shards[0].path} has no column; check that it holds {self.name}")
        return Found(given or first, variants=variants, rows=counts)

    def _looked_at(self, path: str) -> tuple[pl.Schema, int | None]:
        try:
            return self.looked_at(path)
        except UNREADABLE as error:
            cause = f"is not {self.name} that can be read ({first_line(error)})"
            raise ShardError({path: cause}, REMEDY) from error


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
