"""A table as trainers read it: one version, some columns, some partitions; and several tables mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from genspark.errors import ConfigError
from genspark.readers.log import read_log
from genspark.readers.mixing import joined
from genspark.readers.nulls import Nulls, fillings
from genspark.readers.order import WINDOW, Shuffle
from genspark.readers.packed import Asked, PackedReader
from genspark.readers.parts_of_groups import filtered
from genspark.readers.plan import ROW_ID, make_plan
from genspark.readers.ranks import rank_and_world
from genspark.readers.readable import Parted, Readable
from genspark.readers.reader import MEMORY, THREADS
from genspark.readers.scaling import scalings
from genspark.readers.share import Share
from genspark.readers.where import Where
from genspark.storage.catalogs import place_of


class TrainingTable(Readable):
    """A version of the Delta table at a path or URI, the newest unless `version` is given, for training.

    A name in a catalog, as `schema.table`, is looked up by the Spark session that runs.

    `columns` are those to read, all if None; `where` maps columns to the value, or the values, wanted, or
    is a condition as an expression of Polars over each row's own values. Partitions are picked from the log; other
    columns are read here to know the rows that pass, whose places the plan keeps.
    `nulls` gives a value for null in each of some columns, or `mask`: 0 or False, and a column `NAME_is_null` beside.
    Columns that a job left unscaled, by `defer`, are scaled, unless `scale` is False.

    Log and footers are read here, once; readers and their workers get what they say as plain data, and open files by
    PyArrow. Raises SourceError and SchemaError where that cannot be done.
    """

    def __init__(
        self,
        path: str,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        nulls: Nulls | None = None,
        *,
        scale: bool = True,
    ) -> None:
        log = read_log(place_of(str(path)), version)
        has_id = any(column.name == ROW_ID for column in log.columns)
        wanted = columns if columns is None or not has_id else [*columns, ROW_ID]
        plan = filtered(make_plan(log, wanted, where), log, where)
        types = {column.name: column.type for column in plan.columns}
        left = scalings(plan.properties, types) if scale else ()
        super().__init__(replace(plan, fillings=fillings(nulls, (*plan.columns, *plan.partition_by)), scalings=left))

    def packed(
        self,
        column: str,
        *,
        length: int,
        global_batch_size: int,
        rank: int | None = None,
        world_size: int | None = None,
        groups: Mapping[int, int] | Any | None = None,
        seed: int = 0,
        shuffle: Shuffle = "blocks",
        window: int = WINDOW,
        threads: int = THREADS,
        memory: int = MEMORY,
    ) -> PackedReader:
        """A reader of the lists of a column, such as tokens, packed into sequences of `length`.

        An epoch's documents stand end to end in its order, and are cut every `length` tokens: each token is there once,
        and only the last sequence is filled up. A batch has `global_batch_size` sequences, shared among ranks as rows
        are by `reader`: `tokens`, `segments` (which document of the sequence, from 1 on, 0 where no token is),
        `positions` (in that piece of it) and `_mask` (False for sequences that only fill the last batch). The column is
        read once here, for the lengths. Raises ConfigError, SchemaError and SourceError.
        """
        share = Share(global_batch_size, *rank_and_world(rank, world_size, groups))
        return PackedReader(self.plan, Asked(column, length, share, seed, shuffle, window, threads, memory))

    def unscaled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Columns of scaled values, such as a model's samples, on the scale of the table; others as they are."""
        found = {one.column: one.unscaled(values[one.column]) for one in self.plan.scalings if one.column in values}
        return {**values, **found}

    @property
    def version(self) -> int:
        """The version that is read, whatever is written meanwhile."""
        return self.plan.version


class Mixture(Readable):
    """Several tables, of which every global batch has rows by their weights, to the nearest row.

    They must have the same columns, of the same types. Raises SchemaError, and ConfigError for weights that are none.
    """

    def __init__(self, tables: Sequence[tuple[TrainingTable, float]]) -> None:
        if not tables:
            raise ConfigError("tables: there is none to mix; give pairs of a table and a weight")
        plan, self._parts = joined([table.plan for table, _ in tables], [weight for _, weight in tables])
        super().__init__(plan)

    def _parted(self, stratify: str | None, weights: Mapping[Any, float] | None) -> Parted:
        if stratify is not None or weights is not None:
            raise ConfigError("stratify, weights: a mixture has the weights of its tables, and no others")
        return self.plan, self._parts
