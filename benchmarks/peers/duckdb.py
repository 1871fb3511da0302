"""DuckDB by hand: two SQL aggregates, then a COPY that writes by group, in one process and no JVM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from peers.reading import also_read, also_written, relation
from peers.task import Outcome, Task

if TYPE_CHECKING:
    import duckdb


def run(task: Task, outcome: Outcome) -> None:
    """Everything that the later queries need of the earlier ones stands in them as numbers."""
    with outcome.timed("session"):
        import duckdb

        from peers.commit import DELTALAKE, commit_parquet

        database = _database(task)
    source, also = relation(task), also_written(task)
    with outcome.timed("total"):
        with outcome.timed("fit"):
            fill, observed, counts, rows = _moments(database, task.columns, source)
            # Nulls filled with the mean change the variance by the share that was observed, and nothing else.
            spread = [task.threshold * std * (count / rows) ** 0.5 for std, count in zip(observed, counts, strict=True)]
            kept = _kept(task.columns, fill, spread, source, also_read(task))
            mean, std, _, _ = _moments(database, task.columns, f"({kept})")
        with outcome.timed("write"):
            values = ", ".join(
                f"({column} - {_number(m)}) / {_number(s)} AS {column}"
                for column, m, s in zip(task.columns, mean, std, strict=True)
            )
            database.execute(
                f'COPY (SELECT id, "group", {values}{also} FROM ({kept})) TO {_text(task.table)} '
                '(FORMAT parquet, COMPRESSION snappy, PARTITION_BY ("group"))'
            )
            commit_parquet(task.table, task.columns)
    outcome.fill, outcome.mean, outcome.std = fill, mean, std
    outcome.scans = 3
    outcome.versions = {"duckdb": duckdb.__version__, "deltalake": DELTALAKE}


def _database(task: Task) -> duckdb.DuckDBPyConnection:
    import duckdb

    settings = {
        "threads": task.cores,
        "memory_limit": _bytes(task.memory),
        "temp_directory": f"{task.table}.spill",
        # Any order will do for a table, and keeping it would cost memory.
        "preserve_insertion_order": False,
    }
    return duckdb.connect(config=settings)


def _moments(
    database: duckdb.DuckDBPyConnection, columns: Sequence[str], relation: str
) -> tuple[list[float], list[float], list[int], int]:
    """Means, population standard deviations and counts of the columns, and the number of rows: in one scan."""
    wanted = ", ".join(f"avg({c}), stddev_pop({c}), count({c})" for c in columns)
    found = database.execute(f"SELECT {wanted}, count(*) FROM {relation}").fetchone()
    assert found
    return list(found[0:-1:3]), list(found[1:-1:3]), list(found[2:-1:3]), found[-1]


def _kept(columns: Sequence[str], fill: Sequence[float], spread: Sequence[float], source: str, also: str) -> str:
    values = ", ".join(f"coalesce({c}, {_number(f)}) AS {c}" for c, f in zip(columns, fill, strict=True))
    # A filled value is the mean, which is not far from itself.
    near = " AND ".join(
        f"({c} IS NULL OR {c} BETWEEN {_number(f - s)} AND {_number(f + s)})"
        for c, f, s in zip(columns, fill, spread, strict=True)
    )
    return f'SELECT id, "group", {values}{also} FROM {source} WHERE {near}'


def _number(value: float) -> str:
    """As a DOUBLE, which SQL takes only a number with an exponent for; 17 digits are all it has."""
    return f"{value:.16e}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _bytes(heap: str) -> str:
    """`8g`, as a JVM is told, in DuckDB's words."""
    return heap[:-1] + {"k": "KiB", "m": "MiB", "g": "GiB", "t": "TiB"}[heap[-1].lower()]
