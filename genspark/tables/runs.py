"""The runs behind a table, as its history and its ledger tell them, and where its quarantine is."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import polars as pl
import yaml

from genspark.config import JobConfig
from genspark.config.job import LEDGER_SUFFIX, QUARANTINE_SUFFIX
from genspark.errors import SourceError
from genspark.sinks.history import Entry, changed_since
from genspark.sinks.names import REASON_LIST, RUN
from genspark.storage import access
from genspark.storage.catalogs import place_of
from genspark.storage.files import storage_path
from genspark.storage.object_stores import one_line
from genspark.tables.snapshot import is_table, open_delta, read_snapshot

REPLAY = "/replay/"
"""What stands between a job's name and the digest of rows, in the name of the job that replays them."""


@dataclass(frozen=True)
class Runs:
    """A table with its runs. `target` is None where only a quarantine is known.

    `entries` are the commits that tell of a run, by its id, those undone left out; `ledger` has a row for each run
    that it lists, oldest first; `ledger_path` is where it would be.
    """

    target: str | None
    quarantine: str
    entries: Mapping[str, Entry] = field(default_factory=dict)
    ledger: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ledger_path: str | None = None

    @property
    def configs(self) -> list[dict[str, Any]]:
        """The configurations of the runs in the ledger, each once."""
        return _configs(self.ledger.values())

    @property
    def newest(self) -> str | None:
        """The run that wrote the table last, replays left out; None where none is known.

        The ledger tells where the table's log does not: of a folder of Parquet files, or once old commits are gone.
        """
        versions = [(entry.version, run) for run, entry in self.entries.items() if "replay" not in entry.run]
        wrote = [run for run, row in self.ledger.items() if self.is_finished(run) and REPLAY not in row["job"]]
        return max(versions)[1] if versions else wrote[-1] if wrote else None

    def is_finished(self, run_id: str) -> bool | None:
        """Whether the run's commit is in the target's history, or was by the ledger; None where nothing tells."""
        if run_id in self.entries or self.ledger.get(run_id, {}).get("outcome") in ("written", "recovered"):
            return True
        return False if self.entries or self.ledger else None

    def with_written(self, run_id: str, version: int, mode: str, model: str) -> Self:
        """These runs, and one that has written and is not in the ledger yet as such."""
        told = {"run_id": run_id, "outcome": "written", "target_version": version, "mode": mode, "model": model}
        return replace(self, ledger={**self.ledger, run_id: {**self.ledger.get(run_id, {}), **told}})

    def replays(self) -> list[dict[str, Any]]:
        """The runs that brought repaired rows, oldest first: the rows as they were given, and those written."""
        return [
            {"run_id": run_id, "version": entry.version, **entry.run["replay"], "rows_written": _written(entry)}
            for run_id, entry in sorted(self.entries.items(), key=lambda pair: pair[1].version)
            if "replay" in entry.run
        ]

    def told(self, run_id: str) -> dict[str, Any]:
        """What commit and ledger tell of a run, as plain JSON."""
        entry, row = self.entries.get(run_id), self.ledger.get(run_id, {})
        run = entry.run if entry else {}
        source = run.get("source") or json.loads(row.get("source") or "null")
        model = run.get("model_file") or row.get("model")
        return {
            "run_id": run_id,
            "version": entry.version if entry else row.get("target_version"),
            "job": run.get("job") or row.get("job"),
            "engine": row.get("engine"),
            "started": str(row["started"]) if row.get("started") else None,
            "config_sha256": run.get("config_sha256") or row.get("config_sha256"),
            "config": row.get("config"),
            "model": model,
            "model_sha256": run.get("model_sha256") or row.get("model_sha256"),
            "source": source,
        }


def runs_of(given: str) -> Runs:
    """The runs of what is named by a table's path, its quarantine's, or a job's YAML."""
    if given.endswith((".yaml", ".yml")):
        config = JobConfig.from_yaml(given)
        access.heed(config.storage)
        return runs_of_job(config)
    path = place_of(given).rstrip("/")
    if is_table(path) and {REASON_LIST, RUN} <= set(read_snapshot(path).columns):
        target = path.removesuffix(QUARANTINE_SUFFIX)
        is_known = target != path and is_table(target)
        return _runs(target, f"{target}{LEDGER_SUFFIX}", path) if is_known else Runs(None, path)
    return _runs(path, f"{path}{LEDGER_SUFFIX}", None)


def runs_of_job(config: JobConfig) -> Runs:
    """The runs of the table that a job writes."""
    config = config.at(place_of(config.sink.path))
    return _runs(config.sink.path, config.ledger_path, config.quarantine_path)


def _runs(target: str, ledger: str, quarantine: str | None) -> Runs:
    rows = _ledger(ledger)
    return Runs(
        target,
        quarantine or _quarantine(rows) or f"{target.rstrip('/')}{QUARANTINE_SUFFIX}",
        _entries(target),
        {row["run_id"]: row for row in reversed(rows)},
        ledger,
    )


def history_of(path: str) -> list[Entry]:
    """The commits of a table, newest first; none where it has no log. Raises SourceError."""
    where = storage_path(path)
    try:
        table = open_delta(where)
        if table is not None:
            return [Entry.of(commit) for commit in table.history()]
    except OSError as error:
        raise SourceError(f"{path}: {one_line(error)}") from None
    return []


def _entries(path: str) -> dict[str, Entry]:
    return {entry.run["run_id"]: entry for entry in changed_since(history_of(path), None) if "run_id" in entry.run}


def _written(entry: Entry) -> int | None:
    rows = entry.run.get("rows")
    return rows.get("written") if isinstance(rows, Mapping) else None


def _ledger(path: str) -> list[dict[str, Any]]:
    """The rows of a ledger, newest first; none where there is none that can be read."""
    from deltalake.exceptions import DeltaError

    with contextlib.suppress(OSError, DeltaError, SourceError, pl.exceptions.PolarsError):
        table = open_delta(storage_path(path))
        if table is not None:
            rows = pl.DataFrame(pl.from_arrow(table.to_pyarrow_dataset().to_table(use_threads=False)))
            return rows.sort("started", descending=True).to_dicts()
    return []


def _configs(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The configurations in rows of a ledger, each once: most runs of a job have the same, and YAML is slow to read."""
    told = (yaml.safe_load(text) for text in dict.fromkeys(row.get("config") or "{}" for row in rows))
    return [config if isinstance(config, dict) else {} for config in told]


def _quarantine(rows: list[dict[str, Any]]) -> str | None:
    """The quarantine that the newest configuration in the ledger names."""
    section = next(iter(_configs(rows[:1])), {}).get("quarantine")
    return section.get("path") if isinstance(section, dict) else None
