"""Rows that were repaired, added to the table by its model: each set of them once."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import polars as pl

from genspark.config import JobConfig, Source
from genspark.errors import SourceError
from genspark.job.job import transform
from genspark.job.progress import Progress
from genspark.job.report import RunReport
from genspark.pipeline.model import PipelineModel
from genspark.sources import find_dataset, scan
from genspark.storage.files import OWN, file_system, is_uri, storage_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REPLAYS = f"{OWN}/replays"
"""The folder, inside a table's, of the rows that were replayed: named by their digest, so that each is added once."""
_FORMATS = {".parquet": "parquet", ".csv": "csv", ".gz": "csv", ".jsonl": "json", ".json": "json", ".avro": "avro"}


def replay(
    config: JobConfig, rows: str, *, spark: SparkSession | None = None, progress: Progress | None = None
) -> RunReport:
    """Send repaired rows through the model of a job's table, and append them; the same rows again change nothing.

    `rows` is a file or a Delta table with the columns of the source; others, such as the quarantine's own, are left
    out. They must fit into memory. A copy of them stays beside the table, and is what `_source_file` names. Raises
    SourceError for columns that lack, and what `transform` raises.
    """
    model = PipelineModel.load(storage_path(config.model_path))
    copy = _kept(config, _read(rows, model))
    source = Source(path=copy, format="parquet")
    sink = config.sink.model_copy(update={"mode": "append", "partitions": None})
    job = config.model_copy(update={"name": f"{config.name}/replay", "source": source, "sink": sink})
    return transform(job, model, spark=spark, progress=progress)


def _read(path: str, model: PipelineModel) -> pl.DataFrame:
    ending = next((kind for end, kind in _FORMATS.items() if path.endswith(end)), "delta")
    there = scan(find_dataset(Source(path=path, format=ending)))
    names = there.collect_schema().names()
    lacking = [name for name in model.input_schema if name not in names]
    if lacking:
        raise SourceError(f"--rows: {path} has no column {lacking[0]!r}, which the source had; add it, null if unknown")
    return there.select(list(model.input_schema)).collect()


def _kept(config: JobConfig, rows: pl.DataFrame) -> str:
    """The path of a copy of the rows beside the table."""
    content = io.BytesIO()
    rows.write_parquet(content)
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    path = f"{storage_path(config.sink.path).rstrip('/')}/{REPLAYS}/{digest}.parquet"
    system, inside = file_system(path)
    if not system.get_file_info(inside).is_file:
        if not is_uri(path):
            system.create_dir(inside.rpartition("/")[0], recursive=True)
        with system.open_output_stream(inside) as stream:
            stream.write(content.getvalue())
    return path
