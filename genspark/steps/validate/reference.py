"""Other tables that values must be in: read once, when a model is fitted, and kept as hashes of their values."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.hashing import SPARK_SEED, Hashes
from genspark.columns.kernels import Kernel
from genspark.columns.series_hash import hash_series
from genspark.columns.text_hash import text_hash
from genspark.errors import DataError, GensparkError, SchemaError, did_you_mean
from genspark.statistics import State, Statistic
from genspark.statistics.packed import packed, unpacked
from genspark.steps.base import STEP_CONFIG
from genspark.steps.checked import Checked
from genspark.steps.learner import Learner, Parameters
from genspark.storage.globs import is_glob
from genspark.storage.object_stores import delta_options, one_line, polars_options
from genspark.storage.secrets import masked_texts
from genspark.storage.stores import absolute, entry

MOST_VALUES = 10_000_000
"""Distinct values of a reference, 8 bytes each in memory and 11 in the model."""

LOOKED_AT = 10_000
"""Rows of a reference of text that are looked at before work."""

_ODD = "values that are no whole numbers"

TEXT, NUMBER = "text", "number"


@dataclass(config=STEP_CONFIG)
class Reference(metaclass=Checked):
    """A column of another table, in which the values must be."""

    table: str = Field(
        description="A Delta table, Parquet files (a folder, file or glob), or a CSV file with a header."
    )
    column: str = Field(description="The column of that table, of whole numbers or text, as the values are.")

    @property
    def key(self) -> str:
        """By what the parameters know it."""
        return f"{self.table}#{self.column}"

    def check(self, columns: Schema) -> list[str]:
        """What is wrong with holding some columns against it. Looks at its schema, and at first rows of text."""
        try:
            schema = self._scan().collect_schema()
        except (OSError, pl.exceptions.PolarsError, GensparkError) as error:
            return [f"the table {masked_texts(self.table)} cannot be read: {one_line(error)}"]
        if self.column not in schema:
            meant = did_you_mean(self.column, list(schema))
            return [f"{masked_texts(self.table)} has no column {self.column!r}{meant}"]
        texts = [column for column, dtype in columns.items() if dtype == nw.String]
        numbers = [column for column in columns if column not in texts]
        theirs = schema[self.column]
        told, remedy = f"is {theirs}", "cast one of them"
        if not self._is_text:
            unlike = numbers if theirs == pl.String else texts if theirs.is_integer() else list(columns)
        elif numbers and self._values(self._scan().head(LOOKED_AT), is_text=False) is None:
            unlike, told, remedy = numbers, f"has {_ODD}", "cast the column to string"
        else:
            return []
        return [f"{column!r} is {columns[column]} and {self._named} {told}; {remedy}" for column in unlike]

    @property
    def _named(self) -> str:
        """The column and its table, as errors name them."""
        return f"{self.column!r} of {masked_texts(self.table)}"

    @property
    def _is_text(self) -> bool:
        return self.table.endswith((".csv", ".csv.gz"))

    def _scan(self) -> pl.LazyFrame:
        path = absolute(self.table)
        options = polars_options(path)
        here = None if is_glob(path) else entry(path)
        if here is None and not is_glob(path):
            raise SchemaError(["there is nothing at that path"])
        if here is not None and here.is_folder and entry(f"{path}/_delta_log") is not None:
            return pl.scan_delta(path, storage_options=delta_options(path))
        if self._is_text:
            # As text, so that codes keep their zeros; numbers are read where they are looked up.
            return pl.scan_csv(path, infer_schema=False, storage_options=options)
        return pl.scan_parquet(path, storage_options=options)

    def hashes(self, *, is_text: bool) -> Hashes:
        """The sorted hashes of its distinct values. Raises DataError for too many, or values that are no numbers."""
        found = self._values(self._scan(), is_text=is_text)
        if found is None:
            raise DataError(f"exists_in: {self._named} has {_ODD}; cast the column that is held against it to string")
        if len(found) > MOST_VALUES:
            raise DataError(
                f"exists_in: {self._named} has {len(found):,} values, and up to {MOST_VALUES:,} are kept in a model; "
                "join the tables before"
            )
        return np.unique(_hashed(found))

    def _values(self, rows: pl.LazyFrame, *, is_text: bool) -> pl.Series | None:
        """The distinct values, as numbers unless as text; None where some are no numbers. Raises DataError."""
        given = pl.col(self.column)
        value = given if is_text else given.cast(pl.Int64, strict=False)
        is_odd = given.is_not_null() & value.is_null()
        try:
            told = rows.select(value.alias("value"), is_odd.alias("odd")).unique().collect(engine="streaming")
        except OSError as error:
            raise DataError(f"exists_in: {self._named} cannot be read: {one_line(error)}") from None
        except pl.exceptions.PolarsError as error:
            # Its text may have values of the rows.
            raise DataError(f"exists_in: {self._named} cannot be read ({type(error).__name__}); look at it") from None
        return None if told["odd"].any() else told["value"].drop_nulls()


@plain_dataclass(frozen=True)
class LookingUp(Learner):
    """Reads the references in which columns are looked up."""

    wanted: tuple[tuple[Reference, str], ...]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        known: dict[str, dict[str, str]] = {}
        for reference, column in self.wanted:
            kind = TEXT if schema[column] == nw.String else NUMBER
            of_table = known.setdefault(reference.key, {})
            if kind not in of_table:
                of_table[kind] = packed(reference.hashes(is_text=kind == TEXT))
        return {"references": known} if known else {}


def looked_up(column: str, known: Mapping[str, str], output: str) -> Kernel:
    """The kernel of the hidden Boolean column that tells whether values are among those known; null for null.

    `known` are the packed hashes of text, of numbers, or of both.
    """

    def look(arrays: Sequence[pa.Array]) -> list[pa.Array]:
        values = pl.Series(arrays[0])
        hashes = _unpacked(known[TEXT if values.dtype == pl.String else NUMBER])
        mine = _hashed(values)
        places = np.minimum(np.searchsorted(hashes, mine), max(len(hashes) - 1, 0))
        is_there = hashes[places] == mine if len(hashes) else np.zeros(len(mine), bool)
        return [pa.array(is_there, mask=values.is_null().to_numpy())]

    return Kernel((column,), {output: pa.bool_()}, look)


def refused(column: str, dtype: Any) -> str | None:
    """Why a column of this type is not looked up anywhere, or None."""
    if dtype == nw.String or dtype.is_integer():
        return None
    return f"{column!r} is {dtype}; whole numbers and text are looked up"


@functools.lru_cache(maxsize=8)
def _unpacked(known: str) -> Hashes:
    return unpacked(known, np.uint64)


def _hashed(values: pl.Series) -> Hashes:
    if values.dtype == pl.String:
        return values.alias("text").to_frame().select(text_hash("text", SPARK_SEED)).to_series().to_numpy()
    return hash_series(nw.from_native(values, series_only=True), SPARK_SEED)
