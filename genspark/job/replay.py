"""Rows that were repaired, added to the table by its model: each set of them once."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import narwhals as nw
import polars as pl

from genspark.columns.hashing import ROW_ID
from genspark.columns.names import FILE_COLUMN, ID_COLUMN
from genspark.config import JobConfig, Source
from genspark.engines.fate import CORRUPT
from genspark.engines.polars.engine import PolarsEngine
from genspark.errors import SourceError, StoreError
from genspark.job.identity import Identity
from genspark.job.job import transform
from genspark.job.progress import Progress, Silent
from genspark.job.quarantine import own_names
from genspark.job.report import RunReport
from genspark.pipeline.model import PipelineModel
from genspark.sinks.choice import of_files
from genspark.sinks.formats.delta.tables import is_table
from genspark.sinks.table import PastRun
from genspark.sources import Dataset, ddl, find_dataset, scan
from genspark.storage import access
from genspark.storage.files import OWN, file_system, storage_path, writing
from genspark.storage.object_stores import one_line
from genspark.storage.secrets import masked
from genspark.tables.runs import REPLAY

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REPLAYS = f"{OWN}/replays"
"""The folder, inside a table's, of the rows that were replayed: named by their digest, so that each is added once."""
_FORMATS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "json", ".json": "json", ".avro": "avro"}


def replay(
    config: JobConfig,
    rows: str,
    *,
    model: PipelineModel | None = None,
    spark: SparkSession | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Send repaired rows through the model of a job's table, and append them: a row that is there by a replay stays.

    `rows` is a file or a Delta table with the columns of the source; others, such as the quarantine's own, are left
    out. They must fit into memory. A copy of them stays beside the table, and is what `_source_file` names. The commit
    tells of it as `replay`: the path of the rows as given, and their number. The model is by default that at the job's
    path. Raises SourceError for columns that lack, and what `transform` raises.
    """
    with access.using(config.storage):
        model = model or PipelineModel.load(storage_path(config.model_path))
        repaired, told = _read(rows, config, model), (progress or Silent()).note
        fresh, before = _fresh(repaired, config)
        if fresh.height < repaired.height:
            told(f"--rows: {repaired.height - fresh.height:,} of {repaired.height:,} rows are in the table by a replay")
        if before and not fresh.height:
            return before
        digest, copy = _kept(config, fresh)
    source = Source(path=copy, format="parquet")
    sink = config.sink.model_copy(update={"mode": "append", "partitions": None})
    # By its name each set of rows is a job of its own, and no new shard of the sets before it. Refitted in full, the
    # table would be written anew from these rows alone.
    job = config.model_copy(update={"name": _name(config, digest), "source": source, "sink": sink, "refit": "never"})
    commit = {"replay": {"path": masked(rows), "rows": fresh.height}}
    return transform(job, model, told=commit, spark=spark, progress=progress)


def _name(config: JobConfig, digest: str) -> str:
    return f"{config.name}{REPLAY}{digest[:12]}"


def _fresh(repaired: pl.DataFrame, config: JobConfig) -> tuple[pl.DataFrame, RunReport | None]:
    """The rows whose key is in the table by no replay, and a report of the run that brought one of the others.

    All rows, and None, where the table does not tell, as without lineage.
    """
    schema = nw.from_native(repaired).schema
    identity = Identity.of(config, schema, schema)
    there = _brought(config) if identity.is_visible and identity.key else None
    if there is None or not there.height:
        return repaired, None
    lazy = nw.from_native(repaired.lazy())
    hashed = nw.to_native(PolarsEngine().with_draws(lazy, identity.key, identity.hashes)).collect()
    fresh = hashed.join(there, left_on=ROW_ID, right_on=ID_COLUMN, how="anti", maintain_order="left").drop(ROW_ID)
    mine = there.join(hashed, left_on=ID_COLUMN, right_on=ROW_ID, how="semi")
    if not mine.height:
        return fresh, None
    sink = of_files(config.sink)
    table = sink.find(config.sink.path)
    names = {_name(config, PurePosixPath(uri).stem) for uri in mine[FILE_COLUMN].unique()}
    runs = [past for name in names if (past := sink.latest(table, name))]
    # Of a job that was renamed since, or where the log was cut, none is told.
    past = max(runs, key=lambda run: run.version, default=PastRun(table.version or 0, {}, is_latest=False))
    report = RunReport.done_before(
        past, name=config.name, engine=config.engine, table=table.path, model=storage_path(config.model_path)
    )
    return fresh, report


def _brought(config: JobConfig) -> pl.DataFrame | None:
    """The id and the file of each row that replays brought; None where this process cannot read the table."""
    try:
        dataset = find_dataset(Source(path=storage_path(config.sink.path), format=config.sink.format))
        rows = scan(dataset).filter(pl.col(FILE_COLUMN).str.contains(f"/{REPLAYS}/", literal=True))
        return rows.select(ID_COLUMN, FILE_COLUMN).collect(engine="streaming")
    except (SourceError, StoreError, pl.exceptions.PolarsError):
        return None


def _read(path: str, config: JobConfig, model: PipelineModel) -> pl.DataFrame:
    """The repaired rows with the columns and types that the source had. Raises SourceError."""
    types = _types_as_read(config, model)
    dataset = _found(path, types)
    there = scan(dataset)
    lacking = [name for name in model.input_schema if name not in dataset.schema]
    if lacking:
        raise SourceError(f"--rows: {path} has no column {lacking[0]!r}, which the source had; add it, null if unknown")
    try:
        if dataset.tells_corrupt:
            _refuse_corrupt(path, there)
        return there.select(
            pl.col(name).cast(types.get(name, dataset.schema[name])) for name in model.input_schema
        ).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"--rows: {path}: {one_line(error)}; write the values as the source has them") from None


def _types_as_read(config: JobConfig, model: PipelineModel) -> dict[str, pl.DataType]:
    """The types of the source's columns, as the quarantine keeps them; none where there is no quarantine."""
    path = storage_path(config.quarantine_path)
    if not is_table(path):
        return {}
    kept = find_dataset(Source(path=path, format="delta")).schema
    return {name: kept[held] for name, held in own_names(model.input_schema).items() if held in kept}


def _found(path: str, types: Mapping[str, pl.DataType]) -> Dataset:
    """The file or table of the rows. Text is read with these types, so that a key of 007 does not become 7."""
    name = path.removesuffix(".gz")
    form = next((kind for end, kind in _FORMATS.items() if name.endswith(end)), "delta")
    found = find_dataset(Source(path=path, format=form))
    if not found.format.infers:
        return found
    columns = {name: types.get(name, dtype) for name, dtype in found.schema.items()}
    return find_dataset(Source(path=path, format=form, schema=ddl.text_of(columns)))


def _refuse_corrupt(path: str, rows: pl.LazyFrame) -> None:
    """Raise SourceError for a record that is still broken, whose values would come into the table as nulls."""
    broken = rows.select(CORRUPT).filter(pl.col(CORRUPT).is_not_null()).head(1).collect(engine="streaming")
    if broken.height:
        raise SourceError(f"--rows: {path}: the record {broken.item()!r} cannot be read; repair it, or leave it out")


def _kept(config: JobConfig, rows: pl.DataFrame) -> tuple[str, str]:
    """The digest of the rows, and the path of a copy of them beside the table."""
    content = io.BytesIO()
    rows.write_parquet(content)
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    path = f"{storage_path(config.sink.path).rstrip('/')}/{REPLAYS}/{digest}.parquet"
    system, inside = file_system(path)
    if not system.get_file_info(inside).is_file:
        with writing(path) as stream:
            stream.write(content.getvalue())
    return digest, path
