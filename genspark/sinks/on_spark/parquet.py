"""Tables of files written by Spark's own Parquet writer, for workers without genspark."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote

from genspark.engines.spark.errors import spark_errors
from genspark.errors import SinkError
from genspark.session import qualified, settled
from genspark.sinks.columns import fitted, kept_columns
from genspark.sinks.files.compression import DEFAULT, Compression
from genspark.sinks.files.footer import Footer
from genspark.sinks.files.layout import FILE_BYTES
from genspark.sinks.files.written import WrittenFile
from genspark.sinks.on_spark.arrow_writer import schema_of
from genspark.sinks.on_spark.frames import ADVISORY, held, in_order, plain_text
from genspark.sinks.on_spark.through_files import ThroughFiles
from genspark.sinks.section import Section
from genspark.sinks.sink import Files
from genspark.sinks.table import Table, partitioning
from genspark.storage.files import file_system
from genspark.storage.hive import NULL_FOLDER

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class SparkParquet(ThroughFiles):
    """Passes the files that Spark wrote to a sink of files. This process must reach the files, too."""

    spark: SparkSession

    by_spark: ClassVar[bool] = True

    def written(self, frame: DataFrame, table: Table, section: Section | None, run_id: str) -> Files:
        by = () if section is None else partitioning(table, section)
        size = FILE_BYTES if section is None else section.target_file_size
        rows_a_file = None if section is None else section.max_records_per_file
        frame = fitted(frame, kept_columns(table, section))
        if section is not None:
            frame = in_order(frame, section, by)
        folder = self.files.folder(table, run_id)
        frame = plain_text(frame)
        compression = DEFAULT if section is None else Compression.of(section)
        settings = {ADVISORY: str(size), _TYPE: "TIMESTAMP_MICROS", **compression.on_hadoop}
        with spark_errors(self.place, SinkError), settled(self.spark), held(self.spark, settings):
            writer = frame.write.mode("append").partitionBy(*by).options(**compression.for_spark)
            if rows_a_file:
                writer = writer.option("maxRecordsPerFile", str(rows_a_file))
            # Hadoop knows S3 by this name, and the rest as everyone does.
            writer.parquet(qualified(self.spark, re.sub("^s3:", "s3a:", folder)))
        return Files(_listed(folder), schema_of(frame))


_TYPE = "spark.sql.parquet.outputTimestampType"
"""Its default is a type of timestamps that Parquet has deprecated."""


def _listed(folder: str) -> list[WrittenFile]:
    """The files that Spark wrote below a folder, described from their footers."""
    import pyarrow.parquet as pq
    from pyarrow import fs

    system, inside = file_system(folder)
    files = []
    for info in system.get_file_info(fs.FileSelector(inside, recursive=True)):
        path = info.path.removeprefix(inside).lstrip("/")
        if info.is_file and path.endswith(".parquet"):
            footer = Footer.of(pq.read_metadata(info.path, filesystem=system))
            files.append(
                WrittenFile(path, info.size, footer.rows, _partition(path), "{}", int(time.time() * 1000), footer)
            )
    return sorted(files, key=lambda file: file.path)


def _partition(path: str) -> dict[str, str | None]:
    pairs = [folder.partition("=") for folder in path.split("/")[:-1]]
    return {unquote(name): None if text == NULL_FOLDER else unquote(text) for name, _, text in pairs}
