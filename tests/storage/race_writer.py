"""A process that appends rows to a table, one commit each, as soon as a file is there.

`race_writer.py KIND URI NAME N GO`: KIND is the engine whose writer it is (spark, polars), or deltalake, which knows
nothing of genspark.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from genspark.storage.object_stores import delta_options

Append = Callable[[int], None]


def by_spark(uri: str, name: str) -> Append:
    from genspark.config import Sink
    from genspark.session import get_spark
    from genspark.sinks.choice import of_frames

    spark = get_spark(master="local[1]", quick=True)
    section = Sink(path=uri, mode="append")
    sink = of_frames(section, spark, print)

    def append(n: int) -> None:
        rows = spark.createDataFrame([(name, n)], "writer string, n long")
        told = {"run_id": f"{name}-{n}", "job": name}
        sink.commit(sink.find(uri), section, rows, told, {})

    spark.range(1).collect()
    return append


def by_polars(uri: str, name: str) -> Append:
    import polars as pl

    from genspark.config import Sink
    from genspark.sinks.choice import of_files
    from genspark.sinks.files.writer import write_files
    from genspark.sinks.sink import Files

    section = Sink(path=uri, mode="append")
    sink = of_files(section)

    def append(n: int) -> None:
        rows = pl.LazyFrame({"writer": [name], "n": [n]})
        table, run_id = sink.find(uri), f"{name}-{n}"
        files = write_files(rows, sink.folder(table, run_id), sink.layout(table, section, run_id))
        sink.commit(table, section, Files(files, rows.collect_schema()), {"run_id": run_id, "job": name}, {})

    return append


def by_deltalake(uri: str, name: str) -> Append:
    import deltalake
    import pyarrow as pa

    retry = deltalake.CommitProperties(max_commit_retries=500)

    def append(n: int) -> None:
        rows = pa.table({"writer": [name], "n": [n]})
        options = delta_options(uri)
        deltalake.write_deltalake(uri, rows, mode="append", storage_options=options, commit_properties=retry)

    return append


def main() -> None:
    kind, uri, name, count, go = sys.argv[1:]
    append = {"spark": by_spark, "polars": by_polars, "deltalake": by_deltalake}[kind](uri, name)
    Path(f"{go}-{name}").touch()
    while not Path(go).exists():
        time.sleep(0.01)
    for n in range(int(count)):
        append(n)


if __name__ == "__main__":
    main()
