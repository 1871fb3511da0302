"""`sink.writer: auto`: Arrow in Spark's tasks where that is possible, else Spark's own writer."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from genspark.engines.spark.tasks import run_tasks
from genspark.errors import TargetError, first_line
from genspark.session import is_connect, qualified
from genspark.session.shared import is_shared, name_it
from genspark.sinks.features import NeedsSparkError
from genspark.sinks.names import maps_names
from genspark.sinks.on_spark.arrow_tasks import ArrowTasks, only_spark_writes
from genspark.sinks.section import Section
from genspark.sinks.sink import Sink
from genspark.sinks.table import Commit, PastRun, Table
from genspark.storage.files import file_system, is_uri
from genspark.storage.object_stores import unreached
from genspark.storage.probing import loses_by_delta

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

IN_WORKERS = "genspark.sinks.on_spark.arrow_writer"
"""What the tasks import to write."""


@dataclass
class AutoWriter(Sink["DataFrame"]):
    """Chooses a writer when it looks for the table, and again when the result's columns are known.

    `note` gets a line where Spark's own writer is taken, and why.
    """

    spark: SparkSession
    arrow: ArrowTasks
    own: Sink[DataFrame]
    note: Callable[[str], None]
    chosen: Sink[DataFrame] = field(init=False)
    _path: str = ""

    def __post_init__(self) -> None:
        self.chosen = self.arrow

    @property
    def place(self) -> str:  # type: ignore[override]
        return self.arrow.place

    def find(self, path: str) -> Table:
        self._path = path
        why = out_of_reach(self.spark, path) or _lacking(self.spark, path)
        if why:
            return self._own(why).find(path)
        try:
            return self.arrow.find(path)
        except NeedsSparkError:
            return self._own("the table demands what only Spark heeds").find(path)
        except TargetError as error:
            if not is_uri(path) or loses_by_delta(path):
                raise
            # Spark may know the store by settings of Hadoop's; where it does not either, it says so.
            return self._own(str(error)).find(path)

    def check(self, table: Table, section: Section, schema: Mapping[str, Any]) -> None:
        self._heed(schema)
        if maps_names(section.properties) and self.chosen is self.arrow:
            self._own("sink.properties asks for mapped names")
        try:
            self.chosen.check(table, section, schema)
        except NeedsSparkError:
            self._own("the table has files that only Spark can replace").check(self._seen(table), section, schema)

    def committed(self, table: Table, key: str) -> PastRun | None:
        return self.chosen.committed(self._seen(table), key)

    def latest(self, table: Table, job: str) -> PastRun | None:
        return self.chosen.latest(self._seen(table), job)

    def commit(
        self,
        table: Table,
        section: Section,
        rows: DataFrame,
        metadata: Mapping[str, Any],
        properties: Mapping[str, str],
    ) -> Commit:
        return self.chosen.commit(self._seen(table), section, rows, metadata, properties)

    def append(self, table: Table, rows: DataFrame, metadata: Mapping[str, Any]) -> Commit | None:
        # These columns are those of the source, which no check has seen.
        self._heed(dict(nw.from_native(rows).collect_schema()))
        return self.chosen.append(self._seen(table), rows, metadata)

    def put_back(self, table: Table, run_id: str) -> None:
        self.chosen.put_back(self._seen(table), run_id)

    def sweep(self, table: Table, run_id: str, commit: Commit) -> None:
        self.chosen.sweep(self._seen(table), run_id, commit)

    def _heed(self, schema: Mapping[str, Any]) -> None:
        odd = only_spark_writes(schema)
        if odd and self.chosen is self.arrow:
            self._own(f"Arrow's writer has no type for column {odd[0]!r}")

    def _seen(self, table: Table) -> Table:
        """The table under Spark's name for it, where Arrow's sink found the table and Spark is to write it."""
        return replace(table, path=qualified(self.spark, self._path)) if self.chosen is self.own else table

    def _own(self, why: str) -> Sink[DataFrame]:
        self.note(f"sink.writer: auto leaves writing to Spark: {why}")
        self.chosen = self.own
        return self.own


def out_of_reach(spark: SparkSession, path: str) -> str | None:
    """The reason why this process and the workers cannot both reach a path without Spark; None where they can."""
    whole = qualified(spark, path)
    if is_uri(whole):
        return unreached(whole)
    if whole.startswith("dbfs:"):
        return f"{whole} can be reached through Databricks alone"
    if path.startswith("/Volumes/") or _is_here(spark) or is_shared(path):
        return None
    return f"{whole} is a path of this machine, and Spark's workers may be others; {name_it(path)}"


def _is_here(spark: SparkSession) -> bool:
    """Whether the workers are certainly on this machine: a Connect server may be anywhere."""
    is_local = str(spark.conf.get("spark.master", "") or "").startswith("local")
    return is_local and (not is_connect(spark) or "SPARK_LOCAL_REMOTE" in os.environ)


@functools.lru_cache(maxsize=8)
def _lacking(spark: SparkSession, path: str) -> str | None:
    """The reason why this process or the workers cannot write there; None where they can.

    Workers on this machine run this Python, unless another is configured; others are asked by a task.
    """
    for name in ("polars", "deltalake"):
        if importlib.util.find_spec(name) is None:
            return f"there is no package {name!r} here"
    if _is_here(spark) and os.environ.get("PYSPARK_PYTHON", sys.executable) == sys.executable:
        return None
    try:
        run_tasks(spark, ready, [path])
    except Exception as error:  # whatever it is, Spark's own writer does without
        return f"the workers cannot write by themselves: {first_line(error)}"
    return None


def ready(path: str, _: int) -> None:
    """Check in a worker that it can import what writes, and reach the path. Raises ImportError or OSError."""
    importlib.import_module(IN_WORKERS)
    if is_uri(path):
        system, inside = file_system(path)
        system.get_file_info(inside)
