"""The ledger: a Delta table with a row for each run that wrote a table, or failed to."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

import polars as pl

from genspark.config import JobConfig
from genspark.config.text import dump
from genspark.errors import GensparkError
from genspark.job.report import Count, RunReport
from genspark.job.snapshot import Snapshot
from genspark.sinks.ledgers import Kind
from genspark.sources.source import paths_of
from genspark.storage.secrets import masked, masked_texts, without_secrets
from genspark.version import VERSION

PLACE = "ledger.path"
COLUMNS = pl.Schema(
    {
        "run_id": pl.String(),
        "key": pl.String(),
        "job": pl.String(),
        "outcome": pl.String(),
        "started": pl.Datetime("us", "UTC"),
        "seconds": pl.Float64(),
        "engine": pl.String(),
        "genspark": pl.String(),
        "config": pl.String(),
        "config_sha256": pl.String(),
        "model": pl.String(),
        "model_sha256": pl.String(),
        "source": pl.String(),
        "source_digest": pl.String(),
        "target": pl.String(),
        "target_version": pl.Int64(),
        "mode": pl.String(),
        "rows_read": pl.Int64(),
        "rows_written": pl.Int64(),
        "rows_quarantined": pl.Int64(),
        "rows_dropped": pl.Int64(),
        "shards_quarantined": pl.Int64(),
        "counts": pl.String(),
        "row_ids_shared": pl.Int64(),
        "error": pl.String(),
        "findings": pl.String(),
    }
)
RUNS = Kind(
    COLUMNS,
    PLACE,
    "runs",
    "name the table that `genspark run` wrote, or the job's YAML, which knows where its ledger is",
    # A ledger of an earlier genspark lacks them: null there, and added with the next run.
    frozenset({"row_ids_shared", "findings"}),
)
FEW = 1000
"""A source of more files than this is told by their number and digest."""

Outcome = Literal["begun", "written", "failed", "recovered"]


@dataclass(frozen=True)
class Row:
    """A run in the ledger. What is not known, as of a run that failed, is None; `started` is in ISO 8601."""

    run_id: str
    key: str
    job: str
    outcome: Outcome
    started: str
    seconds: float | None
    engine: str
    genspark: str
    config: str
    config_sha256: str
    model: str
    model_sha256: str | None
    source: str
    source_digest: str
    target: str
    target_version: int | None
    mode: str
    rows_read: int | None = None
    rows_written: int | None = None
    rows_quarantined: int | None = None
    rows_dropped: int | None = None
    shards_quarantined: int | None = None
    counts: str | None = None
    row_ids_shared: int | None = None
    error: str | None = None
    findings: str | None = None

    @classmethod
    def begun(
        cls, config: JobConfig, run_id: str, key: str, engine: str, started: dt.datetime, source: Snapshot
    ) -> Row:
        """The row of a run that has begun."""
        told = source.to_json()
        if len(told.get("files", ())) > FEW:
            told = {"files": len(told["files"])}
        given = without_secrets({"path": paths_of(config.source), "format": config.source.format, **told})
        return cls(
            run_id=run_id,
            key=key,
            job=config.name,
            outcome="begun",
            started=started.isoformat(),
            seconds=None,
            engine=engine,
            genspark=VERSION,
            config=dump(without_secrets(config.plain())),
            config_sha256=config.config_hash,
            model=masked(config.model_path),
            model_sha256=None,
            source=json.dumps(given, ensure_ascii=False),
            source_digest=source.digest,
            target=masked(config.sink.path),
            target_version=None,
            mode=config.sink.mode,
        )

    def written(self, report: RunReport) -> Self:
        """The row of the run once it has written what the report says."""
        return replace(
            self,
            outcome="written",
            seconds=report.seconds.get("total"),
            model_sha256=report.model_sha256,
            target_version=report.table_version,
            rows_read=report.rows_read,
            rows_written=report.rows_written,
            rows_quarantined=report.rows_quarantined,
            rows_dropped=report.rows_dropped,
            shards_quarantined=report.shards_quarantined,
            counts=counts_text(report.counts),
            row_ids_shared=report.row_ids_shared,
            findings=findings_text(report.findings, drift=report.drift, bias=report.bias, privacy=report.privacy),
        )

    def failed(self, error: BaseException | str, seconds: float | None = None, findings: str | None = None) -> Self:
        """The row of the run once it has failed, with what it had found by then as `findings_text` has it."""
        told = masked(str(error)) or type(error).__name__
        return replace(self, outcome="failed", seconds=seconds, error=told, findings=findings)


def counts_text(counts: Sequence[Count]) -> str:
    """The steps' counts as the column `counts` has them."""
    return json.dumps([count.to_json() for count in counts], ensure_ascii=False)


def findings_text(found: Sequence[str], **more: Mapping[str, Any] | None) -> str | None:
    """What a run found as the column `findings` has it: what the fit `found`, and `more` by names; None for nothing."""
    told = {"found": list(found), **more}
    known = {name: value for name, value in told.items() if value}
    return json.dumps(masked_texts(known), ensure_ascii=False) if known else None


def why_no_ledger(path: str) -> str | None:
    """The reason why a ledger cannot be kept at a path; None where it can."""
    return RUNS.why_none(path)


def add(path: str, row: Row) -> None:
    """Add a run to the ledger, which is made where there is none. Raises SinkError where it cannot be written."""
    values = {**asdict(row), "started": dt.datetime.fromisoformat(row.started)}
    told = {"run_id": row.run_id, "job": row.job, "genspark": VERSION}
    RUNS.add(path, pl.DataFrame([values], schema=COLUMNS), told)


def read(path: str) -> pl.DataFrame:
    """The runs in the ledger at a path, newest first. Raises GensparkError where there is none, or another table."""
    return RUNS.read(path).sort("started", descending=True, maintain_order=True)


def has(path: str, run_id: str) -> bool:
    """Whether a run is in the ledger; not where there is none."""
    try:
        return bool(read(path).filter(pl.col("run_id") == run_id).height)
    except GensparkError:
        return False
