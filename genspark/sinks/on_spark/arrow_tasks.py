"""Tables of any format from Spark frames: Spark's tasks write files from Arrow batches, the driver commits them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from genspark.columns.hashing import ORDER
from genspark.errors import TargetError
from genspark.session import settled
from genspark.sinks.columns import fitted, kept_columns
from genspark.sinks.on_spark import arrow_writer
from genspark.sinks.on_spark.frames import laid_out, sized
from genspark.sinks.on_spark.merging import merged, refuse_unseen
from genspark.sinks.on_spark.through_files import ThroughFiles
from genspark.sinks.section import Section
from genspark.sinks.sink import Files
from genspark.sinks.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class ArrowTasks(ThroughFiles):
    """Passes the files that tasks wrote to a sink of files. The workers need genspark and Polars."""

    def check(self, table: Table, section: Section, schema: Mapping[str, Any]) -> None:
        """Check as the sink of files does. Raises TargetError also for columns that only Spark can write."""
        super().check(table, section, schema)
        odd = only_spark_writes(schema)
        if odd:
            raise TargetError(
                f"sink.writer: arrow has no type for column {odd[0]!r}, such as variants; "
                "leave sink.writer out, or drop the column"
            )

    def written(self, frame: DataFrame, table: Table, section: Section | None, run_id: str) -> Files:
        layout = self.files.layout(table, section, run_id)
        frame = fitted(frame, kept_columns(table, section))
        spark, folder = frame.sparkSession, self.files.folder(table, run_id)
        if section is not None:
            frame = laid_out(frame, section, layout.partition_by)
            layout = replace(layout, keeps_order=not section.lineage and ORDER in frame.columns)
        if layout.files_per_partition:
            # Spark gathers the rows of each file into a task of its own.
            layout = replace(layout, files_per_partition=1)
        with settled(spark), sized(spark, layout.file_bytes):
            files = arrow_writer.write(frame, folder, layout)
        refuse_unseen(files, folder)
        if not layout.files_per_partition:
            files = merged(spark, files, folder, layout)
        return Files(files, arrow_writer.schema_of(frame.drop(ORDER)))


def only_spark_writes(schema: Mapping[str, Any]) -> list[str]:
    """The columns of types that narwhals, and Polars, do not know: variants, intervals, times."""
    return [name for name, dtype in schema.items() if _is_unknown(dtype)]


def _is_unknown(dtype: Any) -> bool:
    if isinstance(dtype, nw.Struct):
        return any(_is_unknown(field.dtype) for field in dtype.fields)
    if isinstance(dtype, nw.List | nw.Array):
        return _is_unknown(dtype.inner)
    if isinstance(dtype, nw.Map):
        return _is_unknown(dtype.key) or _is_unknown(dtype.value)
    return bool(dtype == nw.Unknown or dtype == nw.Object)
