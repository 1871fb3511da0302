"""A row followed back: to its source file, the run that added it, the model, and what each step did to its columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from genspark.columns.names import FILE_COLUMN, ID_COLUMN
from genspark.errors import GensparkError, SourceError
from genspark.pipeline.history import histories
from genspark.pipeline.model import PipelineModel
from genspark.sinks.files.layout import layout_of
from genspark.sinks.names import FILE_URI, REASON_LIST, RUN, TEXT
from genspark.tables.footers import Tell, silent
from genspark.tables.hiding import hidden_by
from genspark.tables.quarantine import masked_sample, samples
from genspark.tables.rows import batches, places_of, plain, refuse_vectors, row_ids, rows_at
from genspark.tables.runs import Runs, history_of, runs_of
from genspark.tables.snapshot import DataFile, is_table, read_snapshot

_FILE_OF_RUN = re.compile(r"part-(?:\d{5}-)?([0-9a-f]{32})-")


def trace(given: str, row_id: int, tell: Tell = silent) -> dict[str, Any]:
    """The rows of a table with an id, as plain JSON; where there are none, those that were quarantined.

    Raises SourceError where the id is in neither.
    """
    runs = runs_of(given)
    if runs.target is None:
        raise SourceError(f"{given}: a quarantine whose table is not known; name the table, or the job's YAML")
    snapshot = read_snapshot(runs.target)
    refuse_vectors(snapshot)
    if ID_COLUMN not in snapshot.columns:
        raise SourceError(f"{runs.target}: rows have no column {ID_COLUMN} to find them by; set sink.lineage: true")
    places = places_of(snapshot, ID_COLUMN, row_id, tell)
    files = {file.name: file for file in snapshot.files}
    rows = [
        _row(runs, files[name], pl.DataFrame(pl.from_arrow(row)))
        for name, here in places.items()
        for row in rows_at(files[name], here)
    ]
    layout = layout_of(snapshot.properties) or {}
    rejected = [] if rows else list(_quarantined(runs, row_id, layout.get("key") or ()))
    if not rows and not rejected:
        raise SourceError(
            f"{runs.target}: no row has {ID_COLUMN} {row_id}, nor has one in the quarantine {runs.quarantine}; "
            "check the number: it may have been dropped by a step, or be of another version or key"
        )
    notes = [] if rows else ["the row is not in the table: it was quarantined"]
    if len(rows) > 1:
        notes.append(f"{len(rows)} rows have this id: the key {layout.get('key')} is not unique")
    return {"table": runs.target, "row_id": row_id, "rows": rows, "quarantined": rejected, "notes": notes}


def _row(runs: Runs, file: DataFile, row: pl.DataFrame) -> dict[str, Any]:
    named = _FILE_OF_RUN.search(file.name)
    run_id = named.group(1) if named else None
    # Maintenance writes rows anew under an id that is no run's.
    is_run = run_id is not None and (run_id in runs.entries or run_id in runs.ledger)
    run = runs.told(run_id) if run_id is not None and is_run else None
    return {
        "source_file": row[FILE_COLUMN][0] if FILE_COLUMN in row.columns else None,
        "file": file.path,
        "run": run,
        "columns": _columns(row.drop(ID_COLUMN, FILE_COLUMN, strict=False), run),
    }


def _columns(row: pl.DataFrame, run: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Each column with its value, the value before the steps where it can be had, and what the steps did."""
    after = row.to_dicts()[0]
    before, changes = {}, {}
    try:
        if run is not None and run["model"]:
            model = PipelineModel.load(run["model"])
            if model.sha256 != run["model_sha256"]:
                run["model_cannot_be_used"] = "the file holds another model now"
            else:
                changes = {name: history.changes for name, history in histories(model, model.schema).items()}
                before = model.inverse_transform(row).to_dicts()[0]
    except GensparkError as error:
        # The row stands without its model, which may have been deleted.
        if run is not None:
            run["model_cannot_be_used"] = str(error)
    return [
        {
            "column": name,
            "value": plain(value),
            **({"before": plain(before[name])} if changes.get(name) and name in before else {}),
            "changes": list(changes.get(name, ())),
        }
        for name, value in after.items()
    ]


def _quarantined(runs: Runs, row_id: int, key: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of the quarantine whose key hashes to an id."""
    if not key or not is_table(runs.quarantine):
        return
    snapshot = read_snapshot(runs.quarantine)
    refuse_vectors(snapshot)
    told = [entry.run.get("renamed") or {} for entry in history_of(runs.quarantine)]
    own = {old: new for renamed in told for new, old in renamed.items()}
    columns = [own.get(name, name) for name in key]
    beside = {TEXT, FILE_URI, REASON_LIST, RUN}
    if beside & set(columns):
        return
    hidden = hidden_by(runs.configs)
    for file in snapshot.files:
        for start, batch in batches(file, columns):
            rows = pl.DataFrame(pl.from_arrow(batch))
            if set(columns) <= set(rows.columns):
                here = (row_ids(rows, columns) == row_id).arg_true()
                found = samples(file, [start + place for place in here.to_list()])
                yield from (masked_sample(sample, hidden) for sample in found)
