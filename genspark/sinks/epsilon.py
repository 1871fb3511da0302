"""The ledger of epsilon: what was released of a table with differential privacy, and what that has spent.

A release is written down before it is made, so that none is made that is not counted.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from genspark.errors import ConfigError, TargetError
from genspark.sinks.ledgers import until_first
from genspark.storage.files import storage_path
from genspark.storage.object_stores import delta_options
from genspark.storage.secrets import masked

SUFFIX = "_epsilon"
"""What is added to a table's path for that of its ledger."""
COLUMNS = pl.Schema(
    {
        "spent_at": pl.Datetime("us", "UTC"),
        "table_version": pl.Int64(),
        "query": pl.String(),
        "epsilon": pl.Float64(),
        "budget": pl.Float64(),
        "mechanism": pl.String(),
    }
)
_ROUNDING = 1e-9


def spend(
    table: str, version: int, query: str, epsilon: float, budget: float | None, mechanism: str, place: str = "--"
) -> float:
    """Write a release down, and return what is left of the budget after it. `place` is where errors find epsilon.

    The budget is that of the first release, and stays. Raises ConfigError where there is none, another is given, or
    less is left than the release takes: then nothing is spent. Raises SinkError where the ledger cannot be written.
    """
    import deltalake

    path = _path(table)

    def commit() -> float:
        there, rows = _read(path)
        whole, left = _budget(rows, budget, path, epsilon, place)
        row = (dt.datetime.now(dt.UTC), version, query, epsilon, whole, mechanism)
        deltalake.write_deltalake(
            path if there is None else there,
            pl.DataFrame([row], schema=COLUMNS, orient="row"),
            mode="error" if there is None else "append",
            storage_options=delta_options(path) if there is None else None,
            # What was left would be stale after another's release.
            commit_properties=deltalake.CommitProperties(max_commit_retries=0),
        )
        return left

    return until_first(commit, masked(path))


def spent(table: str) -> pl.DataFrame:
    """What was released of a table, oldest first, with the columns of `COLUMNS`. Raises TargetError for no ledger."""
    return _read(_path(table))[1].sort("spent_at")


def _path(table: str) -> str:
    """The path of a table's ledger."""
    return storage_path(f"{table.rstrip('/')}{SUFFIX}")


def _read(path: str) -> tuple[Any, pl.DataFrame]:
    from deltalake import DeltaTable

    options = delta_options(path)
    if not DeltaTable.is_deltatable(path, options):
        return None, pl.DataFrame(schema=COLUMNS)
    table = DeltaTable(path, storage_options=options)
    if not set(COLUMNS) <= {field.name for field in table.schema().fields}:
        raise TargetError(f"{masked(path)} is a table, but no ledger of epsilon; rename it")
    arrow = table.to_pyarrow_dataset().to_table(columns=list(COLUMNS), use_threads=False)
    return table, pl.DataFrame(pl.from_arrow(arrow)).cast(COLUMNS)


def _budget(rows: pl.DataFrame, given: float | None, path: str, epsilon: float, place: str) -> tuple[float, float]:
    """The budget, and what is left of it after this release."""
    if rows.is_empty():
        if given is None:
            raise ConfigError(
                f"{place}budget: say at the first release how much epsilon may be spent on the table in all"
            )
        whole = given
    else:
        whole = float(rows["budget"][0])
        if given is not None and given != whole:
            what = f"the ledger {masked(path)} has a budget of {whole:g}, which stays; got {given:g}"
            raise ConfigError(f"{place}budget: {what}")
    left = whole - float(rows["epsilon"].sum()) - epsilon
    if left < -_ROUNDING:
        raise ConfigError(
            f"{place}epsilon: {epsilon:g} is more than the {max(left + epsilon, 0):g} that is left of the budget of "
            f"{whole:g}; nothing was released"
        )
    return whole, max(left, 0.0)
