"""How far a table has moved from another: by the bins of both, their missing values, and their columns."""

from __future__ import annotations

from typing import Any

from genspark.engines import engine_for
from genspark.errors import ConfigError, SourceError, did_you_mean
from genspark.job.recorded import recorded_job
from genspark.pipeline.drift import Side, by_stability, measures, profile_drift, schema_drift
from genspark.pipeline.history import result_schema
from genspark.pipeline.limits import Limits
from genspark.pipeline.model import PipelineModel, is_file_of_model
from genspark.pipeline.profile import kept_profile, kept_profile_of_result, profile_by_scan
from genspark.report.bins import Tally
from genspark.report.profile import LINEAGE, columns_of, profile, rows_of, shapes
from genspark.statistics.distances import kolmogorov_smirnov
from genspark.tables.rows import frame_of
from genspark.tables.runs import runs_of
from genspark.tables.snapshot import Snapshot, read_snapshot


def drift(table: str, against: str, columns: tuple[str, ...] = (), limits: Limits | None = None) -> dict[str, Any]:
    """How far each column of a table is from that of another, as plain JSON, those that moved most first.

    Two scans of each table, on Polars: a sample for the bins, and one that counts. Raises ConfigError for columns that
    the table does not have, SourceError where a table is not there or has no rows.
    """
    limits = limits or Limits()
    snapshots = [read_snapshot(path) for path in (table, against)]
    frames = []
    for snapshot in snapshots:
        if not snapshot.files:
            raise SourceError(f"{snapshot.path}: the table has no rows; there is nothing to compare")
        frames.append(frame_of(snapshot))
    known = columns_of(frames[0])
    _refuse_absent(columns, known)
    rows = [rows_of(snapshot, frame) for snapshot, frame in zip(snapshots, frames, strict=True)]
    of = shapes(frames, rows, list(columns) or known)
    new, old = (profile(frame, of).tallies for frame in frames)
    found = [{"column": name, **told(old[name], new[name], limits)} for name in new if name in old]
    return {
        "table": snapshots[0].path,
        "version": snapshots[0].version,
        "against": snapshots[1].path,
        "against_version": snapshots[1].version,
        "limits": limits.to_json(),
        "columns": by_stability(found),
        "lacking": {},
        "schema": schema_drift(snapshots[1].columns, snapshots[0].columns),
    }


def drift_from_model(
    table: str, against: str, columns: tuple[str, ...] = (), limits: Limits | None = None
) -> dict[str, Any]:
    """How far each column of a table is from the rows that a model learnt from, by the model's states alone.

    `against` is a model's file, or a table whose model it is. Rows that a job wrote are held against what the model
    made of its rows, any others against those as they were read. One scan of the table, none of the old rows. Columns
    whose states do not suffice are `lacking`, with the reason. Raises as `drift` does, and ModelError.
    """
    snapshot, model = read_snapshot(table), _model_of(against)
    if not snapshot.files:
        raise SourceError(f"{snapshot.path}: the table has no rows; there is nothing to compare")
    frame = frame_of(snapshot)
    own = [name for name in frame.collect_schema().names() if name not in LINEAGE]
    _refuse_absent(columns, own)
    engine, whole = engine_for(frame.select(own))
    known = {name: str(dtype) for name, dtype in whole.collect_schema().items()}
    wrapped = whole.select(list(columns) or own)
    names = {name: str(dtype) for name, dtype in wrapped.collect_schema().items()}
    runs = runs_of(table)
    is_result = bool(runs.entries or runs.ledger)
    old = kept_profile_of_result(model, names) if is_result else kept_profile(model)
    statistics = [statistic for name, (statistic, _) in old.states.items() if name in names]
    new = profile_by_scan(engine, wrapped, statistics)
    changes = _changes_of_result(model, against, snapshot) if is_result else schema_drift(old.columns, known)
    return {
        "table": snapshot.path,
        "version": snapshot.version,
        "against": against,
        "against_version": None,
        **profile_drift(old, new, limits or Limits()),
        "schema": changes,
    }


def _changes_of_result(model: PipelineModel, against: str, now: Snapshot) -> dict[str, Any]:
    """How the columns of a table changed from those that a model made: of a model's file their names alone are known.

    Types of a table are those that it stores, which are not always those of the steps.
    """
    after = {name: dtype for name, dtype in now.columns.items() if name not in LINEAGE}
    if is_file_of_model(against):
        return schema_drift({name: after.get(name, "") for name in result_schema(model, model.schema)}, after)
    before = read_snapshot(against).columns
    return schema_drift({name: before[name] for name in before if name not in LINEAGE}, after)


def _model_of(path: str) -> PipelineModel:
    return PipelineModel.load(path) if is_file_of_model(path) else recorded_job(path)[1]


def _refuse_absent(columns: tuple[str, ...], known: list[str]) -> None:
    absent = [
        f"--columns: {name!r} is not a column{did_you_mean(name, known)}" for name in columns if name not in known
    ]
    if absent:
        raise ConfigError(absent)


def told(old: Tally, new: Tally, limits: Limits) -> dict[str, Any]:
    """The measures of a column. `unknown` is the share of values whose name the other table does not have."""
    is_ordered = new.shape.kind != "category"
    names = [name for name in new.shape.names if not old.counts.get(name)]
    return measures(
        _side(old),
        _side(new),
        kolmogorov_smirnov(old.shares, new.shares) if is_ordered else None,
        sum(new.counts.get(name, 0) for name in names) / new.n if new.n and not is_ordered else None,
        limits,
    )


def _side(tally: Tally) -> Side:
    return Side(tally.rows, tally.missing_share, tally.shares)
