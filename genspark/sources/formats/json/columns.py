"""Read many lines of JSON at once as typed columns, with PyArrow."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from genspark.engines.fate import CORRUPT
from genspark.sources.formats.json import line as line_values
from genspark.sources.formats.json import values
from genspark.sources.formats.json.runs import RetryError, Run, runs, whole_table
from genspark.sources.parsing.columns import converted

_CHANGE = re.compile(
    r"Column\(/(?P<name>[^/)]+)\) changed from (?:string|number|boolean) to (?P<to>string|number|boolean)"
)
_CHANGE_TO_NESTED = re.compile(r"Column\(/(?P<name>[^/)]+)\) changed from .* to (?:object|array)")
_RARE = 100
"""The lines among which one is rare."""
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCALAR = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false"


class Reading:
    """Reads lines as columns of a schema; types that PyArrow's JSON reader lacks are read as text and then converted.

    Once a column of text or of timestamps has held numbers, it is read as whole numbers; once a column of text has
    mixed numbers or truth values with strings, they are put in quotes first; once it has held objects or arrays, Python
    parses it, and PyArrow the other columns. This is remembered for later blocks. It changes how often a block is read,
    not its values, so that threads may share one `Reading`.
    """

    def __init__(self, schema: Mapping[str, pl.DataType]) -> None:
        self.schema = dict(schema)
        self._as_number: set[str] = set()
        self._quoted: set[str] = set()
        self._parsed: set[str] = set()

    def empty(self) -> pl.DataFrame:
        """A frame without rows."""
        return pl.DataFrame(schema={**self.schema, CORRUPT: pl.String()})

    def frame(self, records: pl.Series) -> pl.DataFrame | None:
        """Read the rows, with the text of those that hold a value of another type in `CORRUPT`.

        None where a value can be judged only if its line is read by itself.
        """
        runs_read = self._runs(records)
        schema = next((run.table.schema for run in runs_read if run.table is not None), None)
        if schema is None:
            return one_by_one(records, self.schema)
        # Rows of nulls take the places of lines that PyArrow does not read.
        tables = [_nulls(schema, run.stop - run.start) if run.table is None else run.table for run in runs_read]
        raw = pl.from_arrow(pa.concat_tables(tables))
        assert isinstance(raw, pl.DataFrame)
        columns, bad = [], None
        for name, dtype in self.schema.items():
            column, marks = (_texts(name, records), None) if name not in raw.columns else _converted(raw[name], dtype)
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
            for run in runs_read
        ]
        return pl.concat(parts) if len(parts) > 1 else frame

    def _runs(self, records: pl.Series) -> list[Run]:
        """Read the lines, again for as long as reading a column in another way helps."""
        # Each column is read in four ways at most.
        for _ in range(3 * len(self.schema)):
            with contextlib.suppress(RetryError):
                return self._runs_now(records, may_adapt=True)
        return self._runs_now(records, may_adapt=False)

    def _runs_now(self, records: pl.Series, *, may_adapt: bool) -> list[Run]:
        before = (set(self._as_number), set(self._quoted), set(self._parsed))
        rare = 1 + len(records) // _RARE

        def is_worth_retrying(message: str) -> bool:
            # Another thread may have met the same values meanwhile.
            if not may_adapt or before != (self._as_number, self._quoted, self._parsed):
                return may_adapt
            nonlocal rare
            if change := _CHANGE_TO_NESTED.search(message):
                # A few such lines are read one by one, which costs less than to parse a column of them all.
                rare -= 1
                return rare < 0 and self._parse_apart(change["name"])
            return self._adapt(message)

        read = {name: self._read_as(name, dtype) for name, dtype in self.schema.items() if name not in before[2]}
        # Something must be read for PyArrow to tell how many lines there were.
        wanted = pa.schema(read or {CORRUPT: pa.string()})
        options = pa.json.ParseOptions(explicit_schema=wanted, unexpected_field_behavior="ignore")
        return runs(_in_quotes(records, before[1]), options, is_worth_retrying)

    def _adapt(self, message: str) -> bool:
        """Choose another way to read the column that an error names; whether there is one."""
        change = _CHANGE.search(message)
        name = change["name"] if change else ""
        if change is None or name not in self.schema or name in self._quoted:
            return False
        if change["to"] == "number" and name not in self._as_number:
            self._as_number.add(name)
            return True
        self._as_number.discard(name)
        is_inside = any(_holds(_arrow_type(dtype), {name}) for dtype in self.schema.values())
        if self.schema[name] != pl.String() or is_inside or not _PLAIN_NAME.fullmatch(name):
            return False
        self._quoted.add(name)
        return True

    def _parse_apart(self, name: str) -> bool:
        """Parse a column by itself from now on; whether that is possible and new."""
        if self.schema.get(name) != pl.String() or name in self._parsed:
            return False
        self._parsed.add(name)
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
    """Read lines as tables of the types that PyArrow infers; columns of mixed types are text."""
    mixed: set[str] = set()

    def is_worth_retrying(message: str) -> bool:
        change = _CHANGE.search(message)
        if change is None or change["name"] in mixed or not _PLAIN_NAME.fullmatch(change["name"]):
            return False
        mixed.add(change["name"])
        return True

    while True:
        with contextlib.suppress(RetryError):
            quoted = _in_quotes(records, mixed)
            return [_unless_nested(run, mixed) for run in runs(quoted, pa.json.ParseOptions(), is_worth_retrying)]


def _unless_nested(run: Run, mixed: set[str]) -> Run:
    """The run, without its table where a nested object has a member with the name of a mixed column.

    The values of such a member were put in quotes as well.
    """
    is_nested = run.table is not None and any(_holds(column.type, mixed) for column in run.table.schema)
    return run if not is_nested else Run(run.start, run.stop, None)


def one_by_one(records: pl.Series, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Read lines one by one, with the text of those that are corrupt in `CORRUPT`."""
    rows = [(line, *values.row(line, schema)) for line in records.to_list()]
    columns = [pl.Series(name, [row.get(name) for _, row, _ in rows], dtype=dtype) for name, dtype in schema.items()]
    corrupt = [None if is_whole else line for line, _, is_whole in rows]
    return pl.DataFrame([*columns, pl.Series(CORRUPT, corrupt, dtype=pl.String())])


def _texts(name: str, records: pl.Series) -> pl.Series | None:
    """The member of each line as text; None where a line is not well formed."""
    try:
        members = [line_values.parse(line).get(name) for line in records.to_list()]
    except ValueError:
        return None
    return pl.Series(name, [None if value is None else line_values.text_of(value) for value in members], pl.String())


def _nulls(schema: Any, count: int) -> Any:
    return pa.Table.from_arrays([pa.nulls(count, field.type) for field in schema], schema=schema)


def _holds(dtype: Any, names: set[str]) -> bool:
    """Whether an object inside of a type has a member with one of these names."""
    inner = [dtype.field(i) for i in range(dtype.num_fields)]
    is_object = pa.types.is_struct(dtype)
    return any((is_object and field.name in names) or _holds(field.type, names) for field in inner)


def _in_quotes(records: pl.Series, names: set[str]) -> pl.Series:
    """Put the numbers and truth values of these members, nested ones of the same name too, in quotes.

    A line that is not well formed stays so: a quote before a plain name either begins it, or ends a string, which is an
    error.
    """
    for name in names:
        records = records.str.replace_all(rf'([{{,]\s*"{name}"\s*:\s*)({_SCALAR})(\s*[,}}])', '${1}"${2}"${3}')
    return records


def _converted(raw: pl.Series, dtype: pl.DataType) -> tuple[pl.Series | None, pl.Series | None]:
    """Convert values to the type, and mark those that are not of it; None where the lines must be read one by one."""
    if raw.dtype == dtype:
        return raw, None
    if raw.dtype == pl.Int64() and dtype == pl.String():
        return raw.cast(pl.String()), None
    if raw.dtype == pl.Int64() and isinstance(dtype, pl.Datetime):
        # Seconds since 1970, as Spark takes them. Lines with years beyond 1 to 9999 are read one by one.
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
        return _nested(raw, dtype), None
    return raw.cast(dtype), None


def _nested(raw: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    """Convert what arrays and objects hold; None where a value is not of its type."""
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
    objects = pl.DataFrame(fields).to_struct(raw.name)
    return objects.set(raw.is_null(), None) if raw.null_count() else objects


def _inner(raw: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    column, bad = _converted(raw, dtype)
    return None if bad is not None else column


def _arrow_type(dtype: pl.DataType) -> Any:
    """The type that PyArrow's JSON reader reads a column as."""
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
