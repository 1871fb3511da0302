"""Tar shards as a source format: a row a sample, a column an extension.

`__key__` is what the names of a sample's files share. Files of text (`txt`, `json` and their like) are text, as they
stand; `cls` and its like are whole numbers; all others are bytes, unchanged. These are WebDataset's own rules, but that
JSON is not parsed. A value that is not what its extension says makes its record corrupt.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from genspark.engines.fate import CORRUPT, FILE
from genspark.engines.spark.errors import unreadable
from genspark.engines.spark.names import quoted
from genspark.errors import ShardError, SourceError, first_line
from genspark.session import slots
from genspark.sources import ddl
from genspark.sources.dataset import Dataset
from genspark.sources.format import UNREADABLE, Found, Schema, StreamedFormat
from genspark.sources.formats.tar.samples import KEY, extensions, samples
from genspark.sources.listing import Listing
from genspark.sources.options import FILES, Options
from genspark.sources.places import PLACE, REMEDY
from genspark.sources.shard import Shard
from genspark.sources.source import Source
from genspark.storage.stores import file_uri

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from genspark.sources.spark_input import Input

_TEXT = frozenset(("txt", "text", "transcript", "caption", "json", "jsonl", "html", "xml", "csv", "tsv", "yaml", "yml"))
_NUMBERS = frozenset(("cls", "cls2", "class", "count", "index", "inx", "id"))
_LOOKED_AT = 100
"""Samples of each shard that tell its extensions."""
_BYTES = 16 << 20
"""Bytes of a sample's files after which a frame is full."""
_ROWS = 1 << 14
_TASK = 32 << 20
"""Bytes of archives from which a task of Spark's is worth its start."""
_GIVEN = "given"
"""The option, which no YAML sets, that says that source.schema chose the extensions."""


class Tar(StreamedFormat):
    """Tar archives of samples, also compressed as a whole."""

    name = "tar"
    options = Options(FILES)
    tells_corrupt = True
    is_parsed = True
    unpacks = True
    tells_bytes = True

    def listed(self, source: Source) -> Listing:
        listing = super().listed(source)
        return dataclasses.replace(listing, options={**listing.options, _GIVEN: "true"}) if source.schema_ else listing

    def schema(
        self, shards: Sequence[Shard], options: Mapping[str, str], given: Schema | None, constants: Schema
    ) -> Found:
        """The columns: those given, or those of the extensions that the first samples of each shard have."""
        if given is not None:
            for name, dtype in given.items():
                if name not in constants and not _is_readable(dtype):
                    raise SourceError(
                        f"source.schema: {name!r} is {ddl.name_of(dtype)}, and tar files hold binary, string, whole "
                        "numbers and doubles; take string or binary, and a `cast` step"
                    )
            return Found({KEY: pl.String(), **given})
        found: dict[str, None] = {}
        for shard in shards:
            try:
                found.update(extensions(shard.bytes_at, _LOOKED_AT))
            except UNREADABLE as error:
                raise ShardError({shard.path: f"is not tar that can be read ({first_line(error)})"}, REMEDY) from error
        if not found:
            raise SourceError(f"{PLACE}: {shards[0].path} holds no file with an extension; check that it holds samples")
        return Found({KEY: pl.String(), **{name: _dtype(name) for name in found}})

    def frames(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[pl.DataFrame]:
        # What may be corrupt is always looked at, so that every pass finds the same.
        kept = {n: t for n, t in schema.items() if needed is None or n in needed or t != pl.Binary()}
        rows: dict[str, list[Any]] = {name: [] for name in [*kept, CORRUPT]}
        size = 0
        for key, files in samples(shard.bytes_at):
            _refuse_unknown(files, schema, options)
            reasons = []
            for name, dtype in kept.items():
                value, reason = (key, None) if name == KEY else _value(files.get(name), dtype)
                rows[name].append(value)
                reasons += [f"{name}: {reason}"] if reason else []
            rows[CORRUPT].append("; ".join(reasons) or None)
            size += sum(map(len, files.values()))
            if size > _BYTES or len(rows[CORRUPT]) >= _ROWS:
                yield pl.DataFrame(rows, schema={**kept, CORRUPT: pl.String()})
                rows, size = {name: [] for name in rows}, 0
        if rows[CORRUPT]:
            yield pl.DataFrame(rows, schema={**kept, CORRUPT: pl.String()})

    def on_spark(self, spark: SparkSession, source: Source) -> Input:
        """Read the archives in Spark's tasks, by the same code: the workers need genspark and Polars."""
        from genspark.sources.finding import find_dataset
        from genspark.sources.spark_input import Input

        dataset = find_dataset(source)
        columns = {**dataset.schema, CORRUPT: pl.String(), FILE: pl.String()}
        fields = ", ".join(f"{quoted(name)} {ddl.name_of(dtype)}" for name, dtype in columns.items())
        count, size = len(dataset.shards), sum(shard.size for shard in dataset.shards)
        tasks = max(min(count, slots(spark)), min(count, size // _TASK))
        read = functools.partial(_batches, dataset=dataset, columns=columns)
        frame = spark.range(0, count, 1, tasks).mapInArrow(read, fields)
        not_alone = "it does not know which archive a sample was read from"
        return Input(frame, dataset.description, not_alone=not_alone)


def _batches(numbers: Iterator[pa.RecordBatch], dataset: Dataset, columns: Schema) -> Iterator[pa.RecordBatch]:
    """The rows of the shards with these numbers, in a task of Spark's."""
    import pyarrow as pa

    small = {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}
    form = dataset.format
    assert isinstance(form, Tar)
    for batch in numbers:
        for number in batch.column(0).to_pylist():
            shard = dataset.shards[number]
            try:
                for frame in form.stream([shard], dataset.schema, dataset.options, frozenset(columns)):
                    table = frame.select(list(columns)).to_arrow(compat_level=pl.CompatLevel.oldest())
                    types = pa.schema([(field.name, small.get(field.type, field.type)) for field in table.schema])
                    yield from table.cast(types).to_batches()
            except UNREADABLE as error:
                raise unreadable(file_uri(shard.path), error) from error


def _refuse_unknown(files: Mapping[str, bytes], schema: Schema, options: Mapping[str, str]) -> None:
    """Raise ValueError for an extension that the first samples did not have, lest its files are left out unnoticed."""
    unknown = files.keys() - schema.keys()
    if unknown and _GIVEN not in options:
        raise ValueError(
            f"a sample has the extension {min(unknown)!r}, which the first {_LOOKED_AT} samples of each shard lack; "
            "give the columns by source.schema"
        )


def _dtype(extension: str) -> pl.DataType:
    last = extension.rpartition(".")[2]
    return pl.String() if last in _TEXT else pl.Int64() if last in _NUMBERS else pl.Binary()


def _is_readable(dtype: pl.DataType) -> bool:
    return dtype in (pl.Binary(), pl.String(), pl.Float32(), pl.Float64()) or dtype.is_integer()


def _value(content: bytes | None, dtype: pl.DataType) -> tuple[Any, str | None]:
    """The value of a file's bytes; else null, and what is wrong with them."""
    if content is None or dtype == pl.Binary():
        return content, None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None, "not UTF-8"
    if dtype == pl.String():
        return text, None
    try:
        value = int(text) if dtype.is_integer() else float(text)
        pl.Series([value], dtype=dtype)
    except (ValueError, OverflowError, TypeError):
        return None, f"not a {ddl.name_of(dtype)}: {text[:40]!r}"
    return value, None
