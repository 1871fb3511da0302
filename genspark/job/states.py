"""The table of statistics: the states of each file of a source, in a Delta table that is written without Spark.

It is found as a sink finds its table. deltalake's own writer writes it: its rows fit in memory, and a commit that
meets another must fail, not retry.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from genspark.errors import ModelError, SinkError
from genspark.pipeline.lineage import Origin
from genspark.sinks.formats.delta import DeltaRs
from genspark.statistics import State
from genspark.storage.files import is_uri
from genspark.storage.object_stores import delta_options, normal_uri, one_line
from genspark.storage.refusals import refusal

PLACE = "model.statistics"
_TIME = pl.Datetime("us", "UTC")
COLUMNS = pl.Schema(
    {
        "file": pl.String(),
        "size": pl.Int64(),
        "modified": _TIME,
        "digest": pl.String(),
        "statistic": pl.String(),
        "after": pl.String(),
        "state": pl.String(),
        "input_schema": pl.String(),
        "updated_at": _TIME,
    }
)
"""The table's columns. `after` are the steps, as JSON, that were applied before the statistic was taken."""
_ROWS_A_GROUP = 10_000


@dataclass(frozen=True)
class SourceFile:
    """A file of the source: its URI, its bytes, and when it was changed, in milliseconds since 1970.

    `size` and `modified` are None where a file of this name never changes, as in a Delta table.
    """

    uri: str
    size: int | None = None
    modified: int | None = None


@dataclass(frozen=True)
class FileState:
    """The state of one statistic over the rows of one file."""

    file: SourceFile
    origin: Origin
    state: State


@dataclass(frozen=True)
class StatesTable:
    """The table as it was found; where there was none, `version` is None and there is no row."""

    path: str
    version: int | None
    rows: pl.DataFrame

    @property
    def input_schema(self) -> dict[str, str] | None:
        """The columns of the source, and their types, when the states were made; None where there is no state."""
        return None if self.rows.is_empty() else json.loads(self.rows["input_schema"][-1])

    def files(self) -> set[SourceFile]:
        """The files that have a state, as they were."""
        files = self.rows.select("file", "size", pl.col("modified").dt.epoch("ms")).unique()
        return {SourceFile(*row) for row in files.iter_rows()}

    def states(self, digest: str) -> dict[SourceFile, str]:
        """The states of this digest, as JSON text, by file."""
        if digest not in self._by_digest:
            return {}
        columns = self._by_digest[digest].select("file", "size", pl.col("modified").dt.epoch("ms"), "state")
        return {SourceFile(*file): state for *file, state in columns.iter_rows()}

    @functools.cached_property
    def _by_digest(self) -> dict[str, pl.DataFrame]:
        return {str(digest): rows for (digest,), rows in self.rows.partition_by("digest", as_dict=True).items()}


def normal(uri: str) -> str:
    """The one form of a URI that engines write in several: `file:/a` and `file:///a`, `s3a:` and `s3:`."""
    if uri.startswith("file:"):
        return "file:///" + uri.removeprefix("file:").lstrip("/")
    return normal_uri(uri) if is_uri(uri) else uri


def load(path: str) -> StatesTable:
    """The table at a path, with its rows. Raises TargetError or ModelError where something else is there."""
    table = DeltaRs(PLACE).find(path)
    if table.version is None:
        return StatesTable(table.path, None, pl.DataFrame(schema=COLUMNS))
    opened = _open(table.path, table.version)
    names = [field.name for field in opened.schema().fields]
    if not set(COLUMNS) <= set(names):
        raise ModelError(f"{PLACE}: {table.path} is a table, but not one of statistics; choose another path")
    try:
        rows = pl.DataFrame(pl.from_arrow(opened.to_pyarrow_table(columns=list(COLUMNS))))
    except OSError as error:
        remedy = "remove it, and every file is scanned anew"
        raise ModelError(f"{PLACE}: {table.path} cannot be read ({one_line(error)}); {remedy}") from None
    return StatesTable(table.path, table.version, rows.cast(COLUMNS))


def replace(
    table: StatesTable,
    files: Iterable[SourceFile],
    digests: Iterable[str],
    new: Iterable[FileState],
    input_schema: Mapping[str, str],
    metadata: Mapping[str, Any],
) -> None:
    """Keep the states of these files and digests, and add the new ones, in one commit; in none where nothing changed.

    Raises SinkError where the table cannot be written, or where another writer came first: it is as it was then.
    """
    stay = pl.DataFrame({"file": [f.uri for f in files]}, schema={"file": pl.String()}).unique()
    kept = table.rows.filter(pl.col("digest").is_in(list(digests))).join(stay, on="file", how="semi")
    added = _frame(new, input_schema)
    # A changed file has its old states still, and new ones now.
    kept = kept.join(added.select("file", "digest"), on=["file", "digest"], how="anti")
    is_whole = kept.height == table.rows.height
    if added.height or not is_whole:
        _write(table, added if is_whole else pl.concat([kept, added]), "append" if is_whole else "overwrite", metadata)


def _frame(new: Iterable[FileState], input_schema: Mapping[str, str]) -> pl.DataFrame:
    now, schema = dt.datetime.now(dt.UTC), json.dumps(dict(input_schema))
    rows = [
        (
            each.file.uri,
            each.file.size,
            None if each.file.modified is None else dt.datetime.fromtimestamp(each.file.modified / 1000, dt.UTC),
            each.origin.digest,
            json.dumps(each.origin.statistic.to_json()),
            json.dumps(each.origin.steps),
            json.dumps(each.state, allow_nan=False),
            schema,
            now,
        )
        for each in new
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _write(table: StatesTable, rows: pl.DataFrame, mode: Any, metadata: Mapping[str, Any]) -> None:
    import deltalake
    from deltalake.exceptions import CommitFailedError, DeltaError

    is_new = table.version is None
    # No second try: what was found would be stale after another's commit, and an append would double states.
    once = deltalake.CommitProperties(custom_metadata={"userMetadata": json.dumps(metadata)}, max_commit_retries=0)
    try:
        deltalake.write_deltalake(
            table.path if is_new else _open(table.path, table.version),
            rows,
            mode="error" if is_new else mode,
            storage_options=delta_options(table.path) if is_new else None,
            writer_properties=deltalake.WriterProperties(compression="ZSTD", max_row_group_size=_ROWS_A_GROUP),
            commit_properties=once,
        )
    except (DeltaError, OSError) as error:
        is_beaten = isinstance(error, CommitFailedError) or "already exists" in str(error)
        cause = refusal(error, table.path) if is_uri(table.path) else one_line(error)
        why = "another run wrote it meanwhile, and nothing was changed; run again" if is_beaten else cause
        raise SinkError(f"{PLACE}: {table.path}: {why}") from None


def _open(path: str, version: int | None) -> Any:
    from deltalake import DeltaTable

    return DeltaTable(path, version=version, storage_options=delta_options(path))
