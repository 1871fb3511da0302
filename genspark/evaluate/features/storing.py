"""Features kept as a Delta table, made once and used again while rows and extractor are the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genspark.engines.spark.errors import spark_errors
from genspark.errors import SinkError
from genspark.evaluate import parts
from genspark.evaluate.features.extracting import FAULT, extract
from genspark.evaluate.features.extractor import Extractor
from genspark.sinks.history import Entry
from genspark.sinks.on_spark.frames import plain_text
from genspark.storage.files import storage_path
from genspark.storage.object_stores import delta_options, one_line

COLUMN = "features"
"""The column of vectors."""
_ROWS = 4096
"""Rows that are read at once, images among them."""


@dataclass(frozen=True)
class Stored:
    """Vectors in a table: those of the rows that have one, and why the first of the others have none."""

    frame: Any
    faults: Sequence[str]
    without: int
    is_reused: bool


def stored(frame: Any, extractor: Extractor, path: str, keep: Sequence[str], facts: Mapping[str, Any]) -> Stored:
    """The vectors of a frame, with the columns `keep` beside them, written to a table unless it has them already.

    It has them where its last commit names the same `facts`, which tell the version of the rows, the same extractor and
    the same columns. Raises SinkError where the table cannot be written.
    """
    told = json.loads(json.dumps({"extractor": str(extractor), "rows": facts, "keep": list(keep)}, default=str))
    is_reused = facts.get("version") is not None and _last(path) == told
    if not is_reused:
        extractor.check()
        made = extract(frame, extractor, column=COLUMN, keep=keep, on_fault="null")
        metadata = json.dumps({"features": told})
        if parts.is_spark(frame):
            _write_on_spark(made, path, metadata)
        else:
            _write(frame, extractor, path, keep, metadata)
    return _read(frame, path, is_reused=is_reused)


def _read(frame: Any, path: str, *, is_reused: bool) -> Stored:
    import narwhals as nw
    import polars as pl

    rows = parts.of_table(path)
    faults = rows.filter(pl.col(FAULT).is_not_null()).select(FAULT, pl.len().over(pl.lit(1)).alias("n"))
    few = faults.head(5).collect()
    count = int(few["n"][0]) if few.height else 0
    table = frame.sparkSession.read.format("delta").load(storage_path(path)) if parts.is_spark(frame) else rows
    whole = nw.to_native(parts.narwhals_of(table).filter(nw.col(FAULT).is_null()).drop(FAULT))
    return Stored(whole, few[FAULT].to_list(), count, is_reused)


def _write(frame: Any, extractor: Extractor, path: str, keep: Sequence[str], metadata: str) -> None:
    import deltalake
    import polars as pl
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    schema = extract(pl.LazyFrame(schema=frame.collect_schema()), extractor, column=COLUMN, keep=keep, on_fault="null")
    kinds = schema.collect().to_arrow(compat_level=pl.CompatLevel.oldest()).schema

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in frame.collect_batches(engine="streaming", maintain_order=True, chunk_size=_ROWS):
            for some in batch.iter_slices(_ROWS):
                made = extract(some, extractor, column=COLUMN, keep=keep, on_fault="null")
                yield from made.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(kinds).to_batches()

    where = storage_path(path)
    try:
        deltalake.write_deltalake(
            where,
            pa.RecordBatchReader.from_batches(kinds, batches()),
            mode="overwrite",
            schema_mode="overwrite",
            storage_options=delta_options(where),
            commit_properties=deltalake.CommitProperties(custom_metadata={"userMetadata": metadata}),
        )
    except (DeltaError, OSError) as error:
        raise SinkError(f"features: {path} cannot be written ({one_line(error)})") from None


def _write_on_spark(frame: Any, path: str, metadata: str) -> None:
    with spark_errors("features"):
        writer = plain_text(frame).write.format("delta").mode("overwrite")
        writer.option("overwriteSchema", "true").option("userMetadata", metadata).save(storage_path(path))


def _last(path: str) -> Any:
    """What the last commit of a table says of the features in it; None where there is none."""
    import deltalake
    from deltalake.exceptions import DeltaError

    where = storage_path(path)
    try:
        commits = deltalake.DeltaTable(where, storage_options=delta_options(where)).history(1)
    except (DeltaError, OSError):
        return None
    return Entry.of(commits[0]).run.get("features") if commits else None
