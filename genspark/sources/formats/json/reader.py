"""Find the types of JSON lines, and read their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl

from genspark.engines.fate import CORRUPT
from genspark.engines.polars.meter import METER
from genspark.errors import SourceError
from genspark.sources.batches import schema_of as arrow_schema_of
from genspark.sources.formats.json import types
from genspark.sources.formats.json.columns import Reading, inferred, one_by_one, strictly
from genspark.sources.formats.json.nesting import is_shallow
from genspark.sources.options import is_true
from genspark.sources.parsing import ahead
from genspark.sources.parsing.blocks import blocks, lines
from genspark.sources.places import PLACE
from genspark.sources.records import CORRUPT_OPTION
from genspark.sources.shard import Shard, bytes_of

_BLANK = r"^[ \t\r\n]*$"
_OBJECT = r"^\s*\{.*\}\s*$"
_LONG_NUMBER = r"[:,\[]\s*-?[0-9]{19,}\s*[,}\]]"
_PIECES = (512, 32)
"""Lines of a piece where the block cannot be read at once, then of its pieces; the smallest are read line by line."""


def schema_of(
    shards: Sequence[Shard], options: Mapping[str, str], keep: Callable[[str, pl.DataFrame], None] | None = None
) -> dict[str, pl.DataType]:
    """Find the columns, sorted by name, each with a type that holds all its values, in one pass over the data.

    Lines that are not well formed are ignored. `keep` is given the rows of the pass, as `RecordFormat.infer` has it.
    Raises SourceError where no line is well formed and has a member.
    """
    as_text = is_true(options, "primitivesAsString")
    METER.begin(size=bytes_of(shards))
    kind: types.Kind = {}
    # Where rows are kept, a block that the types known so far hold is parsed once.
    calls = (
        partial(_look, shard, block, {} if as_text or keep is None else kind)
        for shard in shards
        for block in blocks(shard.bytes_at)
    )
    for shard, block, frame, found in ahead.results(calls):
        kind = types.join(kind, found)
        if keep is not None and not as_text and (schema := _columns(kind)):
            keep(shard.path, _frame_of_block(block, Reading(schema), with_corrupt=True) if frame is None else frame)
    if not (known := _columns(kind)):
        some = ", ".join(shard.path for shard in shards[:3])
        raise SourceError(f"{PLACE}: no record of {some} could be read as json; check the format")
    return {name: _as_text(dtype) for name, dtype in known.items()} if as_text else known


def _columns(kind: types.Kind) -> dict[str, Any]:
    """The columns that a kind of object has, sorted by name."""
    dtype = types.dtype_of(kind)
    fields = dtype.fields if isinstance(dtype, pl.Struct) else []
    return {field.name: field.dtype for field in fields if field.name != CORRUPT_OPTION}


def _look(shard: Shard, block: bytes, known: types.Kind) -> tuple[Shard, bytes, pl.DataFrame | None, types.Kind]:
    """Parse a block with the types known so far; return its rows if they fit, and its own types."""
    schema = _columns(known)
    frame = _strictly(block, schema) if schema and types.is_settled(known) else None
    if frame is not None:
        return shard, block, frame, known
    kind = _kind_of_block(block)
    if schema and types.join(known, kind) == known:
        frame = _frame_of_block(block, Reading(schema), with_corrupt=True)
    return shard, block, frame, kind


def _strictly(block: bytes, schema: Mapping[str, pl.DataType]) -> pl.DataFrame | None:
    """The rows of a block, lines that are no objects among them as corrupt; None where a value is of another type."""
    records = _records(block)
    is_object = _is_object(records)
    kept = pl.select(pl.when(is_object).then(records).otherwise(pl.lit("{}"))).to_series()
    frame = strictly(kept.rename(records.name), schema)
    if frame is None or is_object.all():
        return frame
    return frame.with_columns(frame[CORRUPT].scatter((~is_object).arg_true(), records.filter(~is_object)))


def readings(
    shard: Shard, schema: Mapping[str, pl.DataType], needed: frozenset[str] | None
) -> Iterator[Callable[[], pl.DataFrame]]:
    """Yield calls that read a shard's blocks: the columns needed (None: all), and `CORRUPT` where it is needed."""
    with_corrupt = needed is None or CORRUPT in needed
    # Whether a record is corrupt depends on all of its members.
    wanted = {name: dtype for name, dtype in schema.items() if with_corrupt or (needed and name in needed)}
    reading = Reading(wanted or dict(list(schema.items())[:1]))
    for block in blocks(shard.bytes_at):
        yield partial(_frame_of_block, block, reading, with_corrupt=with_corrupt)


def _frame_of_block(block: bytes, reading: Reading, *, with_corrupt: bool) -> pl.DataFrame:
    records = _records(block)
    frame = _frame(records, reading) if len(records) else reading.empty()
    return frame if with_corrupt else frame.drop(CORRUPT)


def _frame(records: pl.Series, reading: Reading) -> pl.DataFrame:
    """Read the rows of lines. Lines that cannot be objects are set apart first, so that the others are read at once."""
    is_object = _is_object(records)
    if is_object.all():
        return _read(records, reading, _PIECES)
    # An empty object takes the place of every other line, so that rows stay in line with lines.
    kept = pl.select(pl.when(is_object).then(records).otherwise(pl.lit("{}"))).to_series()
    frame = _read(kept.rename(records.name), reading, _PIECES)
    return frame.with_columns(frame[CORRUPT].scatter((~is_object).arg_true(), records.filter(~is_object)))


def _is_object(records: pl.Series) -> pl.Series:
    """A mask of the lines that begin and end as objects do, and are not nested too deeply."""
    bare = records.str.starts_with("{") & records.str.ends_with("}")
    return is_shallow(records) & (bare if bare.all() else bare | records.str.contains(_OBJECT))


def _read(records: pl.Series, reading: Reading, pieces: tuple[int, ...]) -> pl.DataFrame:
    """Read lines at once where possible, else in pieces of these numbers of lines, else one by one."""
    if not len(records):
        return reading.empty()
    frame = reading.frame(records)
    if frame is not None:
        return frame
    if not pieces:
        return one_by_one(records, reading.schema)
    size, *smaller = pieces
    return pl.concat([_read(records[i : i + size], reading, tuple(smaller)) for i in range(0, len(records), size)])


def _kind_of_block(block: bytes) -> types.Kind:
    records = _records(block)
    return _kind(records.filter(_is_object(records)))


def _kind(records: pl.Series) -> types.Kind:
    """The kind that holds all lines; those that PyArrow does not read are parsed one by one."""
    kind: types.Kind = {}
    if not len(records):
        return kind
    for run in inferred(records):
        own = records[run.start : run.stop]
        if run.table is None:
            kind = types.join(kind, _kind_of_lines(own))
        elif (is_long := _has_long_number(run.table, own)) is not None:
            kind_of_run = types.join(_kind_of_lines(own.filter(is_long)), _kind(own.filter(~is_long)))
            kind = types.join(kind, kind_of_run)
        else:
            schema = arrow_schema_of(run.table.schema)
            kind = types.join(kind, {name: types.of_dtype(dtype) for name, dtype in schema.items()})
    return kind


def _kind_of_lines(records: pl.Series) -> types.Kind:
    kind: types.Kind = {}
    for line in records.to_list():
        kind = types.join(kind, types.of_line(line))
    return kind


def _has_long_number(table: Any, records: pl.Series) -> pl.Series | None:
    """A mask of the lines that may hold a whole number beyond 64 bits, a float to PyArrow; None where no line does."""
    if "double" not in str(table.schema):
        return None
    is_long = records.str.contains(_LONG_NUMBER)
    return is_long if is_long.any() else None


def _records(block: bytes) -> pl.Series:
    """The lines of a block that are not blank."""
    records = lines(block)
    blank = records.str.contains(_BLANK)
    return records.filter(~blank) if blank.any() else records


def _as_text(dtype: Any) -> pl.DataType:
    if isinstance(dtype, pl.List):
        return pl.List(_as_text(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: _as_text(field.dtype) for field in dtype.fields})
    return pl.String()
