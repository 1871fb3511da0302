"""JSON lines: their types and their rows. PyArrow reads the blocks it finds no fault with, `json_values` the others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.json

from genspark.engines.fate import CORRUPT
from genspark.errors import SourceError
from genspark.sources.dataset import PLACE
from genspark.sources.formats.json import types as json_types
from genspark.sources.formats.json import values as json_values
from genspark.sources.options import is_true
from genspark.sources.parsing.blocks import blocks, lines
from genspark.sources.shard import Shard

_CORRUPT_OPTION = "_corrupt_record"
_BLANK = r"^[ \t\r\n]*$"
_OBJECT = r"^\s*\{.*\}\s*$"
_LONG_NUMBER = re.compile(rb"\d{19}")
_PLAIN = (pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.Float32(), pl.Float64(), pl.Boolean(), pl.String())


def schema_of(shards: Sequence[Shard], options: Mapping[str, str]) -> dict[str, pl.DataType]:
    """The columns, by name, with the types that all their values have; one pass over the data."""
    kind: json_types.Kind = {}
    for shard in shards:
        for block in blocks(shard.path):
            kind = json_types.join(kind, _kind(block))
    dtype = json_types.dtype_of(kind)
    fields = dtype.fields if isinstance(dtype, pl.Struct) else []
    known: dict[str, Any] = {field.name: field.dtype for field in fields if field.name != _CORRUPT_OPTION}
    if not known:
        some = ", ".join(shard.path for shard in shards[:3])
        raise SourceError(f"{PLACE}: no record of {some} could be read as json; check the format")
    return {name: _as_text(kind) for name, kind in known.items()} if is_true(options, "primitivesAsString") else known


def frames(shard: Shard, schema: Mapping[str, pl.DataType], needed: frozenset[str] | None) -> Iterator[pl.DataFrame]:
    """The rows of a shard in pieces, with all columns, and `CORRUPT` where it is needed."""
    for block in blocks(shard.path):
        frame = _fast(block, schema)
        if frame is None:
            frame = _slow(block, schema)
        if frame.height:
            yield frame.drop(CORRUPT) if needed is not None and CORRUPT not in needed else frame


def _kind(block: bytes) -> json_types.Kind:
    table = None if _LONG_NUMBER.search(block) else _read(block, pa.json.ParseOptions())
    if table is not None:
        frame = pl.from_arrow(table.schema.empty_table())
        assert isinstance(frame, pl.DataFrame)
        return {name: json_types.of_dtype(dtype) for name, dtype in frame.schema.items()}
    kind: json_types.Kind = {}
    for line in _records(block).to_list():
        kind = json_types.join(kind, json_types.of_line(line) or {})
    return kind


def _fast(block: bytes, schema: Mapping[str, pl.DataType]) -> pl.DataFrame | None:
    if not all(_is_plain(dtype) for dtype in schema.values()):
        return None
    wanted = pl.DataFrame(schema=dict(schema)).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    options = pa.json.ParseOptions(explicit_schema=_small(wanted), unexpected_field_behavior="ignore")
    table = _read(block, options)
    if table is None:
        return None
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.select([pl.col(name).cast(dtype) for name, dtype in schema.items()]).with_columns(
        pl.lit(None, dtype=pl.String()).alias(CORRUPT)
    )


def _read(block: bytes, options: Any) -> Any:
    """A block that holds one object a line and nothing else; None where that is in doubt."""
    found = _records(block)
    if not len(found) or not found.str.contains(_OBJECT).all():
        return None
    options.newlines_in_values = False
    threads = pl.thread_pool_size() > 1
    try:
        table = pa.json.read_json(
            pa.BufferReader(block), pa.json.ReadOptions(block_size=len(block) + 1, use_threads=threads), options
        )
    except (pa.ArrowException, ValueError):
        return None
    # Two objects on one line, or one on two, would show in their number.
    return table if table.num_rows == len(found) else None


def _slow(block: bytes, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    found: list[dict[str, Any]] = []
    for line in _records(block).to_list():
        found += [{**row, CORRUPT: None if whole else line} for row, whole in json_values.rows(line, schema)]
    columns: dict[str, Any] = {**schema, CORRUPT: pl.String()}
    return pl.DataFrame(
        [pl.Series(name, [row.get(name) for row in found], dtype=dtype) for name, dtype in columns.items()]
    )


def _records(block: bytes) -> pl.Series:
    found = lines(block)
    blank = found.str.contains(_BLANK)
    return found.filter(~blank) if blank.any() else found


def _is_plain(dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.List):
        return _is_plain(dtype.inner)  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        return all(_is_plain(field.dtype) for field in dtype.fields)  # type: ignore[arg-type]
    return dtype in _PLAIN


def _small(schema: Any) -> Any:
    """The same with 32-bit offsets, which is what PyArrow's JSON reader knows."""
    return pa.schema([pa.field(field.name, _small_type(field.type)) for field in schema])


def _small_type(kind: Any) -> Any:
    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_large_list(kind) or pa.types.is_list(kind):
        return pa.list_(_small_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _small_type(field.type)) for field in kind])
    return kind


def _as_text(dtype: Any) -> pl.DataType:
    if isinstance(dtype, pl.List):
        return pl.List(_as_text(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: _as_text(field.dtype) for field in dtype.fields})
    return pl.String()
