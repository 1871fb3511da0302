"""The identity of rows in a table: an id from the key, the file that each was read from, and its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl

from genspark.columns.dtypes import Schema, is_hashable
from genspark.columns.expressions import is_hidden
from genspark.columns.hashing import ORDER, ROW_ID, KeyHash, orders
from genspark.columns.names import FILE_COLUMN, ID_COLUMN, RECORD_COLUMN
from genspark.config import JobConfig
from genspark.engines.engine import key_columns
from genspark.engines.fate import FILE, RECORD
from genspark.errors import PlanError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Identity:
    """What the rows of a table carry: `key` are the columns hashed for a row's id, none where nothing can be hashed.

    The order of rows is a hash of the id under `seed`. `is_visible`: the table has the columns `_row_id`, Int64, and
    `_source_file`, the URI of the row's file, null where the source knows none; and with `has_record` `_source_row`,
    Int64, the number of its record in that file.
    """

    key: tuple[str, ...]
    seed: int
    is_visible: bool
    has_record: bool = False

    @classmethod
    def of(cls, config: JobConfig, source: Schema, result: Schema) -> Identity:
        """The identity of a job's rows, whose columns are read and written as these schemas say.

        A source that is such a table itself has its columns replaced. Raises PlanError where a step makes one.
        """
        sink = config.sink
        own = (ID_COLUMN, FILE_COLUMN, RECORD_COLUMN) if sink.lineage else ()
        made = [name for name in own if name in result and name not in source]
        if made:
            raise PlanError(
                f"sink.lineage: a step makes a column {made[0]!r}, which is the row's own; "
                "give it another name there, or set sink.lineage: false"
            )
        can_be_hashed = config.key or any(is_hashable(dtype) for dtype in source.values())
        return cls(key_columns(config.key, source) if can_be_hashed else (), sink.seed, sink.lineage, sink.source_row)

    @property
    def hashes(self) -> Sequence[KeyHash]:
        """What the engine adds for it, beside the draws."""
        return [KeyHash(self.key)] if self.key else []

    @property
    def columns(self) -> dict[str, Any]:
        """The columns that the table has for it."""
        row_id = {ID_COLUMN: nw.Int64()} if self.key else {}
        record = {RECORD_COLUMN: nw.Int64()} if self.has_record else {}
        return {**row_id, FILE_COLUMN: nw.String(), **record} if self.is_visible else {}

    def kept(self, names: Iterable[str]) -> Iterator[str]:
        """The columns of the rows that are neither hidden nor replaced; a record of a file named no more goes, too."""
        replaced = (*self.columns, RECORD_COLUMN) if self.is_visible else ()
        return (name for name in names if not is_hidden(name) and name not in replaced)

    def on_polars(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The rows after their steps, with these columns and `ORDER`, and without what is hidden beside that."""
        names = frame.collect_schema().names()
        columns: list[Any] = list(self.kept(names))
        if self.is_visible and self.key:
            columns.append(pl.col(ROW_ID).alias(ID_COLUMN))
        if self.is_visible:
            file = pl.col(FILE) if FILE in names else pl.lit(None, dtype=pl.String)
            columns.append(file.alias(FILE_COLUMN))
        if self.has_record:
            columns.append(pl.col(RECORD).alias(RECORD_COLUMN))
        if self.key:
            columns.append(_order(self.seed))
        return frame.select(columns)

    def on_spark(self, frame: DataFrame) -> DataFrame:
        """The same as `on_polars` for a Spark frame."""
        from genspark.engines.spark.functions import functions
        from genspark.engines.spark.names import quoted

        F = functions()
        columns = [F.col(quoted(name)) for name in self.kept(frame.columns)]
        if self.is_visible and self.key:
            columns.append(F.col(ROW_ID).alias(ID_COLUMN))
        if self.is_visible:
            file = F.col(FILE) if FILE in frame.columns else F.lit(None).cast("string")
            columns.append(file.alias(FILE_COLUMN))
        if self.has_record:
            columns.append(F.col(RECORD).alias(RECORD_COLUMN))
        if self.key:
            order = F.xxhash64(F.lit(self.seed).cast("long"), F.lit("order"), F.col(ROW_ID))
            columns.append(order.alias(ORDER))
        return frame.select(*columns)


NO_IDENTITY = Identity((), 0, is_visible=False)


def _order(seed: int) -> pl.Expr:
    def numbers(series: pl.Series) -> pl.Series:
        return pl.Series(ORDER, orders(series.to_numpy(), seed), dtype=pl.Int64)

    return pl.col(ROW_ID).map_batches(numbers, return_dtype=pl.Int64, is_elementwise=True).alias(ORDER)
