"""What a run tells the world of itself: the card beside its table, events for a lineage catalogue, and MLflow.

None of them may fail a run: the table is what was asked for. Where a card cannot be written or an event not be sent,
a note says so.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genspark.cards import openlineage
from genspark.cards.croissant import croissant
from genspark.cards.facts import About, Announcement, Input, RunFacts
from genspark.cards.reading import CROISSANT
from genspark.cards.sending import send
from genspark.columns.dtypes import Schema
from genspark.config import JobConfig
from genspark.config.beside import Tracking
from genspark.errors import GensparkError, first_line
from genspark.job.report import RunReport
from genspark.job.runners.base import Runner
from genspark.job.states import SourceFile
from genspark.mlflow.package import package
from genspark.mlflow.runs import log_run
from genspark.pipeline.history import histories, judged, result_schema
from genspark.pipeline.limits import drift_lines
from genspark.pipeline.model import PipelineModel
from genspark.sinks.contents import Contents, contents
from genspark.steps.split import Split
from genspark.storage.files import write_text
from genspark.storage.secrets import masked
from genspark.tables.anonymity import privacy_lines
from genspark.tables.fairness import bias_lines


@dataclass
class Publication:
    """What is published of one run: the job announces it, and hands it the report once the table is written."""

    config: JobConfig
    run_id: str
    note: Callable[[str], None]
    started: dt.datetime = field(default_factory=lambda: _now())
    facts: RunFacts | None = None

    @contextlib.contextmanager
    def announced(self) -> Iterator[None]:
        """Send events as the block begins and ends, where the job has a section `lineage`."""
        if self.config.tracking is not None:
            package("tracking.mlflow")
        if self.config.lineage is None:
            yield
            return
        openlineage.require_client()
        self._send("START")
        try:
            yield
        except BaseException as error:
            self._send("FAIL" if isinstance(error, Exception) else "ABORT", str(error) or type(error).__name__)
            raise
        self._send("COMPLETE")

    def publish(self, report: RunReport, model: PipelineModel, schema: Schema, runner: Runner) -> None:
        """Write the card of a table that a run has written; `schema` is the source's."""
        try:
            self.facts = facts_of(self.config, self.started, report, model, schema, runner.source, runner.known_files)
            document = json.dumps(croissant(self.facts), indent=1, ensure_ascii=False)
            write_text(f"{report.table.rstrip('/')}/{CROISSANT}", f"{document}\n")
        except Exception as error:  # whatever goes wrong here, the table stands
            self.note(f"the table is written, but not its card {CROISSANT} ({first_line(error)})")
        if self.config.tracking is not None and self.facts is not None:
            self._track(self.facts, model, self.config.tracking)

    def _track(self, facts: RunFacts, model: PipelineModel, section: Tracking) -> None:
        try:
            log_run(section.mlflow, facts, model, with_model=section.model)
        except Exception as error:  # MLflow raises whatever its store does
            self.note(f"tracking.mlflow: {section.mlflow!r} did not get the run ({first_line(error)})")

    def _send(self, state: openlineage.State, error: str | None = None) -> None:
        config, section = self.config, self.config.lineage
        assert section is not None
        paths = config.source.path
        reads = (paths,) if isinstance(paths, str) else tuple(paths)
        run = Announcement(config.name, self.run_id, section.namespace, reads, config.sink.path)
        try:
            send(openlineage.event(state, run, _now(), facts=self.facts, error=error), section.openlineage)
        except Exception as cause:  # the client raises whatever its transport does
            self.note(f"lineage.openlineage: no {state} event for {section.openlineage} ({first_line(cause)})")


@contextlib.contextmanager
def without_secrets_in_errors() -> Iterator[None]:
    """Mask the message of a user's error that leaves the block: it is printed, logged and kept."""
    try:
        yield
    except GensparkError as error:
        error.args = tuple(masked(part) if isinstance(part, str) else part for part in error.args)
        raise


def facts_of(
    config: JobConfig,
    started: dt.datetime,
    report: RunReport,
    model: PipelineModel,
    schema: Schema,
    source: Mapping[str, Any],
    files: Sequence[SourceFile] = (),
) -> RunFacts:
    """All that is known of a run that is done; `schema` and `files` are the source's, as far as they are known."""
    form, there = config.sink.format, _contents(config, report)
    columns = there.columns if there else {c: str(dtype) for c, dtype in result_schema(model, schema).items()}
    return RunFacts(
        job=report.name,
        run_id=report.run_id,
        engine=report.engine,
        started=started,
        ended=_now(),
        about=About(**config.card.model_dump()) if config.card else About(),
        source=source,
        source_columns={name: str(dtype) for name, dtype in schema.items()},
        inputs=tuple(_input(file) for file in files),
        table=report.table,
        format=form,
        mode=config.sink.mode,
        version=report.table_version,
        columns=columns,
        histories=histories(model, schema),
        steps=tuple(_step(step.to_json()) for step in model.steps),
        splits={step.column: step.fractions for step in model.steps if isinstance(step, Split)},
        judged=judged(model, schema),
        contents=there,
        model=report.model,
        model_sha256=report.model_sha256,
        config_sha256=config.config_hash,
        quarantine=report.quarantine,
        rows_written=report.rows_written,
        files_written=report.files_written,
        bytes_written=report.bytes_written,
        figures=_figures(report),
        labels=_labels(model),
        findings=report.findings,
        drift=drift_lines(report.drift) if report.drift else (),
        bias=bias_lines(report.bias) if report.bias else (),
        privacy=privacy_lines(report.privacy) if report.privacy else (),
    )


def facts_again(config: JobConfig, report: RunReport) -> RunFacts:
    """What is known of a run of which only the report is at hand: the rest is in its model, and in the table's log.

    Raises ModelError where the model cannot be read.
    """
    model = PipelineModel.load(report.model)
    return facts_of(config, _now(), report, model, model.schema, model.source)


def _contents(config: JobConfig, report: RunReport) -> Contents | None:
    """The written version as its log tells it; None where the log is out of reach, as on the server of a session."""
    # The log's readers raise errors of their own libraries.
    with contextlib.suppress(Exception):
        return contents(config.sink.format, report.table, report.table_version)
    return None


def _figures(report: RunReport) -> dict[str, int]:
    figures = {
        "rows read": report.rows_read,
        "rows written": report.rows_written,
        "rows dropped": report.rows_dropped,
        "rows quarantined": report.rows_quarantined,
        "shards quarantined": report.shards_quarantined,
        "files written": report.files_written,
        "bytes written": report.bytes_written,
    }
    return {**figures, **{count.label: count.values for count in report.counts}}


def _labels(model: PipelineModel) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for step in model.steps:
        found.setdefault(_step(step.to_json()), []).append(step.told_as)
    return found


def _step(step: Mapping[str, Mapping[str, Any]]) -> str:
    ((kind, fields),) = step.items()
    return f"{kind}: {json.dumps(fields, ensure_ascii=False)}" if fields else kind


def _input(file: SourceFile) -> Input:
    modified = None if file.modified is None else dt.datetime.fromtimestamp(file.modified / 1000, dt.UTC)
    return Input(file.uri, file.size, modified)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
