"""Lines of JSON as typed columns, read by PyArrow at once."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from genspark.engines.fate import CORRUPT
from genspark.sources.formats.json import values
from genspark.sources.formats.json.runs import AnewError, Run, runs, whole_table
from genspark.sources.parsing.columns import converted

_CHANGE = re.compile(
    r"Column\(/(?P<name>[^/)]+)\) changed from (?:string|number|boolean) to (?P<to>string|number|boolean)"
)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCALAR = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false"


class Reading:
    """Reads lines as columns of a schema. What PyArrow does not know is read as text and then converted.

    A column of text or of timestamps in which it met numbers is read as whole numbers from then on; a column of
    text that mixes them with others is read with all of them in quotes. That is where to begin, and decides no
    value, so that threads may read blocks with one `Reading`.
    """

    def __init__(self, schema: Mapping[str, pl.DataType]) -> None:
        self.schema = dict(schema)
        self._as_number: set[str] = set()
        self._quoted: set[str] = set()

    def empty(self) -> pl.DataFrame:
        """No rows."""
        return pl.DataFrame(schema={**self.schema, CORRUPT: pl.String()})

    def frame(self, records: pl.Series) -> pl.DataFrame | None:
        """The rows, with the text of those that hold a value of another type in `CORRUPT`.

        None where a column holds what must be looked at more closely.
        """
        found = self._runs(records)
        read = [run.table for run in found if run.table is not None]
        if not read:
            return one_by_one(records, self.schema)
        # Rows of nulls keep the places of the lines that are left.
        schema = read[0].schema
        tables = [_nulls(schema, run.stop - run.start) if run.table is None else run.table for run in found]
        raw = pl.from_arrow(pa.concat_tables(tables))
        assert isinstance(raw, pl.DataFrame)
        columns, bad = [], None
        for name, dtype in self.schema.items():
            column, marks = _converted(raw[name], dtype)
            if column is None:
                return None
            columns.append(column)
            if marks is not None:
                bad = marks if bad is None else bad | marks
        corrupt = pl.Series(CORRUPT, [None], dtype=pl.String()).new_from_index(0, len(records))
        if bad is not None:
            corrupt = corrupt.scatter(bad.arg_true(), records.filter(bad))
        frame = pl.DataFrame([*columns, corrupt])
        parts = [
            one_by_one(records[run.start : run.stop], self.schema) if run.table is None else frame[run.start : run.stop]
            for run in found
        ]
        return pl.concat(parts) if len(parts) > 1 else frame

    def _runs(self, records: pl.Series) -> list[Run]:
        # Each column is read in three ways at most.
        for _ in range(2 * len(self.schema)):
            with contextlib.suppress(AnewError):
                return self._runs_now(records, may_adapt=True)
        return self._runs_now(records, may_adapt=False)

    def _runs_now(self, records: pl.Series, *, may_adapt: bool) -> list[Run]:
        began = (set(self._as_number), set(self._quoted))

        def is_settled(message: str) -> bool:
            # Another thread may have met the same values meanwhile.
            return may_adapt and (began != (self._as_number, self._quoted) or self._adapt(message))

        wanted = pa.schema([(name, self._read_as(name, dtype)) for name, dtype in self.schema.items()])
        options = pa.json.ParseOptions(explicit_schema=wanted, unexpected_field_behavior="ignore")
        return runs(_in_quotes(records, began[1]), options, is_settled)

    def _adapt(self, message: str) -> bool:
        """Whether the lines should be read once more, with a column read in another way."""
        found = _CHANGE.search(message)
        name = found["name"] if found else ""
        if found is None or name not in self.schema or name in self._quoted:
            return False
        if found["to"] == "number" and name not in self._as_number:
            self._as_number.add(name)
            return True
        self._as_number.discard(name)
        is_inside = any(_holds(_arrow_type(dtype), {name}) for dtype in self.schema.values())
        if self.schema[name] != pl.String() or is_inside or not _PLAIN_NAME.fullmatch(name):
            return False
        self._quoted.add(name)
        return True

    def _read_as(self, name: str, dtype: pl.DataType) -> Any:
        kinds = pl.String, pl.Datetime
        return pa.int64() if name in self._as_number and isinstance(dtype, kinds) else _arrow_type(dtype)


def strictly(records: pl.Series, schema: Mapping[str, pl.DataType]) -> pl.DataFrame | None:
    """The rows of lines that hold these columns and no others, all of these very types; None for any other lines."""
    wanted = pa.schema([(name, _arrow_type(dtype)) for name, dtype in schema.items()])
    options = pa.json.ParseOptions(explicit_schema=wanted, unexpected_field_behavior="error")
    table = whole_table(records, options)
    if table is None:
        return None
    raw = pl.from_arrow(table)
    assert isinstance(raw, pl.DataFrame)
    corrupt = pl.Series(CORRUPT, [None], dtype=pl.String()).new_from_index(0, raw.height)
    return raw.cast(dict(schema)).select(list(schema)).with_columns(corrupt)  # type: ignore[arg-type]


def inferred(records: pl.Series) -> list[Run]:
    """The lines as tables of the types that they tell of; columns of mixed types are text."""
    mixed: set[str] = set()

    def is_settled(message: str) -> bool:
        found = _CHANGE.search(message)
        if found is None or found["name"] in mixed or not _PLAIN_NAME.fullmatch(found["name"]):
            return False
        mixed.add(found["name"])
        return True

    while True:
        with contextlib.suppress(AnewError):
            return [_clear(run, mixed) for run in runs(_in_quotes(records, mixed), pa.json.ParseOptions(), is_settled)]


def _clear(run: Run, mixed: set[str]) -> Run:
    """The run without its table where a member of an object inside has the name of a mixed column.

    Such a member was put in quotes as well.
    """
    is_clear = run.table is None or not any(_holds(column.type, mixed) for column in run.table.schema)
    return run if is_clear else Run(run.start, run.stop, None)


def one_by_one(records: pl.Series, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The rows of lines, each read by itself, with the text of those that are not whole in `CORRUPT`."""
    rows = [(line, *values.row(line, schema)) for line in records.to_list()]
    columns = [pl.Series(name, [row.get(name) for _, row, _ in rows], dtype=dtype) for name, dtype in schema.items()]
    corrupt = [None if is_whole else line for line, _, is_whole in rows]
    return pl.DataFrame([*columns, pl.Series(CORRUPT, corrupt, dtype=pl.String())])


def _nulls(schema: Any, count: int) -> Any:
    return pa.Table.from_arrays([pa.nulls(count, field.type) for field in schema], schema=schema)


def _holds(dtype: Any, names: set[str]) -> bool:
    """Whether an object inside a type has a member of one of these names."""
    inner = [dtype.field(i) for i in range(dtype.num_fields)]
    is_object = pa.types.is_struct(dtype)
    return any((is_object and field.name in names) or _holds(field.type, names) for field in inner)


def _in_quotes(records: pl.Series, names: set[str]) -> pl.Series:
    """Lines with the numbers and truth values of these members, and of members inside of that name, as strings.

    What is not well formed stays so: a quote before a plain name either begins it, or ends a string and is an error.
    """
    for name in names:
        records = records.str.replace_all(rf'([{{,]\s*"{name}"\s*:\s*)({_SCALAR})(\s*[,}}])', '${1}"${2}"${3}')
    return records


def _converted(raw: pl.Series, dtype: pl.DataType) -> tuple[pl.Series | None, pl.Series | None]:
    """The values as the type, and which are not of it; None where only a closer look can tell."""
    if raw.dtype == dtype:
        return raw, None
    if raw.dtype == pl.Int64() and dtype == pl.String():
        return raw.cast(pl.String()), None
    if raw.dtype == pl.Int64() and isinstance(dtype, pl.Datetime):
        # Seconds since 1970, as Spark takes them; beyond the years 1 to 9999 a closer look tells.
        is_near = raw.is_between(-62_135_596_800, 253_402_300_799).all()
        moments = (raw * 1_000_000).cast(pl.Datetime("us")).dt.replace_time_zone(dtype.time_zone)
        return (moments if dtype.time_zone and is_near else None), None
    if raw.dtype == pl.String() and dtype == pl.Binary():
        decoded = raw.str.decode("base64", strict=False)
        bad = decoded.is_null() & raw.is_not_null()
        return decoded, bad if bad.any() else None
    if raw.dtype == pl.String():
        return converted(raw, dtype)
    if isinstance(dtype, pl.Struct | pl.List):
        nested = _nested(raw, dtype)
        return nested, None
    return raw.cast(dtype), None


def _nested(raw: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    """Arrays and objects with what they hold converted; None where a value is not of its type."""
    if isinstance(dtype, pl.List):
        arrays = raw.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
        inner = _inner(pl.Series(arrays.values), dtype.inner)  # type: ignore[arg-type]
        if inner is None:
            return None
        values = inner.to_arrow(compat_level=pl.CompatLevel.oldest())
        mask = arrays.is_null() if arrays.null_count else None
        return pl.Series(raw.name, pa.LargeListArray.from_arrays(arrays.offsets, values, mask=mask))
    assert isinstance(dtype, pl.Struct)
    fields = [_inner(raw.struct.field(field.name), field.dtype) for field in dtype.fields]  # type: ignore[arg-type]
    if any(field is None for field in fields):
        return None
    made = pl.DataFrame(fields).to_struct(raw.name)
    return made.set(raw.is_null(), None) if raw.null_count() else made


def _inner(raw: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    column, bad = _converted(raw, dtype)
    return None if bad is not None else column


def _arrow_type(dtype: pl.DataType) -> Any:
    """What PyArrow's JSON reader reads a column as."""
    if isinstance(dtype, pl.List):
        return pa.list_(_arrow_type(dtype.inner))  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        return pa.struct([(field.name, _arrow_type(field.dtype)) for field in dtype.fields])  # type: ignore[arg-type]
    if isinstance(dtype, pl.Decimal):
        return pa.decimal128(dtype.precision or 38, dtype.scale)
    return _PLAIN.get(dtype, pa.string())


_PLAIN: dict[pl.DataType, Any] = {
    pl.Int8(): pa.int8(),
    pl.Int16(): pa.int16(),
    pl.Int32(): pa.int32(),
    pl.Int64(): pa.int64(),
    pl.Float32(): pa.float32(),
    pl.Float64(): pa.float64(),
    pl.Boolean(): pa.bool_(),
}
