"""Lines of JSON as typed columns, read by PyArrow at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.json

from genspark.engines.fate import CORRUPT
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

        None where a line is not one object, or holds what must be looked at more closely.
        """
        table = self._table(records)
        if table is None or table.num_rows != len(records):
            # Two objects on one line, or one on two, would show in their number.
            return None
        raw = pl.from_arrow(table)
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
        return pl.DataFrame([*columns, corrupt])

    def _table(self, records: pl.Series) -> Any:
        def read() -> Any:
            wanted = pa.schema([(name, self._read_as(name, dtype)) for name, dtype in self.schema.items()])
            options = pa.json.ParseOptions(explicit_schema=wanted, unexpected_field_behavior="ignore")
            return _read(_in_quotes(records, self._quoted), options)

        for _ in range(2 * len(self.schema) + 1):
            began = (set(self._as_number), set(self._quoted))
            try:
                return read()
            except (pa.ArrowException, ValueError) as error:
                # Another thread may have met the same numbers meanwhile.
                is_known = began != (self._as_number, self._quoted)
                if not is_known and not self._adapt(str(error)):
                    return None
        return None

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


def infer_table(records: pl.Series) -> Any:
    """The lines as a table of the types that they tell of; columns of mixed types are text.

    None where a line is not well formed, not one object, or must be looked at more closely.
    """
    mixed: set[str] = set()
    while True:
        try:
            table = _read(_in_quotes(records, mixed), pa.json.ParseOptions())
        except (pa.ArrowException, ValueError) as error:
            found = _CHANGE.search(str(error))
            if found is None or found["name"] in mixed or not _PLAIN_NAME.fullmatch(found["name"]):
                return None
            mixed.add(found["name"])
            continue
        # A member of an object inside that has the name of a mixed column was put in quotes as well.
        is_clear = not any(_holds(column.type, mixed) for column in table.schema)
        return table if table.num_rows == len(records) and is_clear else None


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


def _read(records: pl.Series, options: Any) -> Any:
    block = records.str.join("\n")[0].encode()
    options.newlines_in_values = False
    # Other threads read other blocks meanwhile.
    reading = pa.json.ReadOptions(block_size=len(block) + 1, use_threads=False)
    return pa.json.read_json(pa.BufferReader(block), reading, options)


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
