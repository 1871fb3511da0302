"""How each peer reads the shards: Parquet, or one of the kinds of text, its types told or inferred."""

from __future__ import annotations

import bz2
import io
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peers.task import Skipped, Task

if TYPE_CHECKING:
    import polars as pl


def ddl(task: Task) -> str:
    """The types of a text source in Spark's words."""
    numbers = ", ".join(f"{column} DOUBLE" for column in task.columns)
    return f"id BIGINT, `group` STRING, {numbers}, caption STRING, taken TIMESTAMP"


def genspark_source(task: Task) -> Mapping[str, Any]:
    """`source` of a job of genspark's."""
    if task.kind == "parquet":
        return {"path": task.shards, "format": "parquet"}
    told = {"schema": ddl(task).replace("`", "")} if task.told else {}
    if _is_json(task):
        return {"path": task.shards, "format": "json", **told}
    inferred = {} if task.told else {"inferSchema": True}
    # RFC 4180: a quote inside a value is doubled, where Spark's own default is a backslash.
    return {"path": task.shards, "format": "csv", "options": {"header": True, "escape": '"', **inferred}, **told}


def scan(task: Task) -> pl.LazyFrame:
    """Polars' lazy frame over the shards; bzip2, which Polars does not read, is unpacked into files first."""
    import polars as pl

    if task.kind == "parquet":
        return pl.scan_parquet(f"{task.shards}/*.parquet")
    shards = _unpacked(task) if task.kind.endswith(".bz2") else task.shards
    times = {"taken": pl.Datetime("us")}
    texts = {"group": pl.String, "caption": pl.String}
    schema: Any = {"id": pl.Int64, "group": pl.String, **dict.fromkeys(task.columns, pl.Float64)}
    schema |= {"caption": pl.String, **times}
    if _is_json(task) and task.corrupt:
        frame = _whole_objects(f"{shards}/*", schema if task.told else None)
    elif _is_json(task):
        frame = pl.scan_ndjson(f"{shards}/*", schema=schema if task.told else None)
    else:
        frame = pl.scan_csv(
            f"{shards}/*",
            schema=schema if task.told else None,
            schema_overrides=None if task.told else texts,
            try_parse_dates=not task.told,
            ignore_errors=task.corrupt,
            truncate_ragged_lines=task.corrupt,
        )
    return frame.with_columns(pl.col("taken").dt.replace_time_zone("UTC")) if _knows_times(task) else frame


def relation(task: Task) -> str:
    """DuckDB's table function over the shards."""
    files = "'" + task.shards.replace("'", "''") + "/*'"
    if task.kind == "parquet":
        return f"read_parquet({files})"
    if task.kind.endswith(".bz2"):
        raise Skipped("DuckDB does not read bzip2")
    types = {"id": "BIGINT", "group": "VARCHAR", **dict.fromkeys(task.columns, "DOUBLE")}
    types |= {"caption": "VARCHAR", "taken": "TIMESTAMP"}
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
    told = f", columns = {{{columns}}}" if task.told else ""
    tolerant = ", ignore_errors = true" if task.corrupt else ""
    if _is_json(task):
        function, form = ("read_json" if task.told else "read_json_auto"), ", format = 'newline_delimited'"
    else:
        function, form = "read_csv", ", header = true, delim = ',', quote = '\"', escape = '\"'"
    return f"{function}({files}{form}{told}{tolerant})"


def also_read(task: Task) -> str:
    """What DuckDB selects of a text source beside the numbers; a time becomes an instant, which Delta holds."""
    return "" if task.kind == "parquet" else ", caption, taken::TIMESTAMP AT TIME ZONE 'UTC' AS taken"


def also_written(task: Task) -> str:
    """The same columns in the last query."""
    return "" if task.kind == "parquet" else ", caption, taken"


def _whole_objects(files: str, schema: Any) -> pl.LazyFrame:
    """The rows of JSON lines of which some are cut: those fail `scan_ndjson`, also where it is told to ignore errors.

    Without a `schema`, types are those of the first 100 whole lines, as many as `scan_ndjson` looks at.
    """
    import polars as pl

    lines = pl.scan_lines(files).filter(pl.col("line").str.ends_with("}"))
    if schema is None:
        head = "\n".join(lines.head(100).collect()["line"])
        schema = pl.read_ndjson(io.BytesIO(head.encode())).schema
    return lines.select(pl.col("line").str.json_decode(pl.Struct(schema))).unnest("line")


def _is_json(task: Task) -> bool:
    return task.kind.startswith("jsonl")


def _knows_times(task: Task) -> bool:
    """JSON without told types leaves times as strings, in Polars as in Spark."""
    return task.told or not _is_json(task)


def _unpacked(task: Task) -> str:
    """A folder with the shards' text, each unpacked by a thread: bzip2 leaves Python's lock to the others."""
    folder = Path(task.scratch) / "unpacked"
    folder.mkdir()

    def unpack(shard: Path) -> None:
        with bz2.open(shard) as packed, (folder / shard.stem).open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 20)

    with ThreadPoolExecutor(task.cores) as threads:
        list(threads.map(unpack, sorted(Path(task.shards).iterdir())))
    return str(folder)
