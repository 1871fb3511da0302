"""The report of a run, as numbers for programs and as a table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from genspark.pipeline.limits import drift_lines
from genspark.sinks.table import PastRun
from genspark.steps.rejection import Counted
from genspark.storage.secrets import masked, masked_texts
from genspark.storage.sizes import size_text
from genspark.tables.anonymity import privacy_lines
from genspark.tables.fairness import bias_lines

if TYPE_CHECKING:
    from genspark.job.runners.base import Runner, Written
    from genspark.pipeline.model import PipelineModel

FORGOTTEN = "a run that the log has forgotten"
_NUMBERS = (
    "rows_read",
    "rows_written",
    "rows_quarantined",
    "rows_dropped",
    "shards_quarantined",
    "scans",
    "scans_stage_by_stage",
    "files_written",
    "bytes_written",
)
SEE = "`genspark inspect` tells what mends it"
SHARED = "the same key stands in several rows: check `key`, and the source for rows that are there twice"


@dataclass(frozen=True)
class Count:
    """The number of values that a step counted: filled, beyond its bounds, outside its domain.

    `column` and `level` are those of a rule that is counted apart from others; not so before genspark told them.
    """

    step: str
    what: str
    values: int
    column: str | None = None
    level: str | None = None

    @property
    def label(self) -> str:
        """What was counted, in words."""
        return f"{self.step}: {Counted(self.what, self.column, self.level).label}"

    def to_json(self) -> dict[str, Any]:
        """It as plain JSON, without the column and the level that it has not."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class RunReport:
    """The figures of one run: rows are counted in the pass that wrote them, seconds are wall time.

    `rows_read` is always `rows_written + rows_quarantined + rows_dropped`. `scans` are the passes
    over the data that fitting took, `scans_stage_by_stage` those of one estimator after another;
    `passes` counts every pass, by purpose. Of a run that was `already_done`, `run_id` and `table_version` are
    those of the run that did it, and this one read and wrote nothing. `row_ids_shared` are the written rows that have
    the `_row_id` of another of them, None where that was not counted. `layout_off` is what of the files does not fit
    the layout that the table tells, `findings` what the fit found out of bounds, and why groups could not be audited.
    `drift` is how far the rows are from those that the job holds them against, `bias` how groups of them fare,
    `privacy` how well persons hide in the table, where it has these sections.
    """

    name: str
    run_id: str
    engine: str
    rows_read: int
    rows_written: int
    rows_quarantined: int
    rows_dropped: int
    shards_quarantined: int
    scans: int
    scans_stage_by_stage: int
    passes: dict[str, int]
    table: str
    table_version: int
    model: str
    model_sha256: str
    quarantine: str | None
    files_written: int
    bytes_written: int
    counts: Sequence[Count] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    already_done: bool = False
    row_ids_shared: int | None = None
    layout_off: Sequence[str] = ()
    findings: Sequence[str] = ()
    drift: Mapping[str, Any] | None = None
    bias: Mapping[str, Any] | None = None
    privacy: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls,
        written: Written,
        model: PipelineModel,
        runner: Runner,
        *,
        name: str,
        stage_by_stage: int,
        seconds: dict[str, float],
    ) -> Self:
        """The report of a run that wrote; `stage_by_stage`: the scans of one estimator after another."""
        observed, commit = written.observed, written.commit
        return cls(
            name=name,
            run_id=runner.run_id,
            engine=runner.name,
            rows_read=observed["read"],
            rows_written=commit.rows,
            rows_quarantined=observed["quarantined"],
            rows_dropped=observed["dropped"],
            shards_quarantined=len(runner.left_out),
            scans=runner.passes["fit"],
            scans_stage_by_stage=stage_by_stage,
            passes=dict(runner.passes),
            table=runner.target.path,
            table_version=commit.version,
            model=runner.model_path,
            model_sha256=model.sha256,
            quarantine=runner.aside.path if written.aside_commit else None,
            files_written=commit.files,
            bytes_written=commit.bytes,
            counts=[Count(*count) for count in written.counts],
            seconds=seconds,
            row_ids_shared=commit.shared_ids,
            layout_off=commit.off,
            findings=model.findings(),
        )

    @classmethod
    def done_before(cls, past: PastRun, *, name: str, engine: str, table: str, model: str, **more: Any) -> Self:
        """The report of a run that changed nothing, as another did its work; `more` are fields as they are."""
        zeros: dict[str, Any] = dict.fromkeys(_NUMBERS, 0)
        return cls(
            name=name,
            run_id=str(past.metadata.get("run_id", "")),
            engine=engine,
            **zeros,
            passes=more.pop("passes", {}),
            table=table,
            table_version=past.version,
            model=model,
            model_sha256=str(past.metadata.get("model_sha256", "")),
            quarantine=None,
            already_done=True,
            **more,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, as `genspark run --json` prints it: without secrets that paths may hold."""
        plain = {**asdict(self), "counts": [count.to_json() for count in self.counts]}
        return {name: masked_texts(value) for name, value in plain.items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The report that `to_json` made plain."""
        return cls(**{**value, "counts": [Count(**count) for count in value["counts"]]})

    def lines(self) -> list[tuple[str, str]]:
        """(label, value) pairs in the order a person reads them."""
        if self.already_done:
            by = f"run {self.run_id}" if self.run_id else FORGOTTEN
            return [
                ("already done", f"by {by}; nothing was changed"),
                ("table", f"{masked(self.table)} (version {self.table_version})"),
                ("model", masked(self.model)),
                ("engine", self.engine),
            ]
        # Of fifty rules over three hundred columns those that some row breaks are what one looks for.
        counted = [
            (count.label, f"{count.values:,} values") for count in self.counts if count.values or not count.level
        ]
        held = Counter(count.step for count in self.counts if count.level and not count.values)
        counted += [(f"{step}: rules that held", f"{rules:,}") for step, rules in held.items()]
        timed = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in self.seconds.items())
        quarantine = [("quarantine", masked(self.quarantine))] if self.quarantine and self.rows_quarantined else []
        shards = [("shards quarantined", f"{self.shards_quarantined:,}")] if self.shards_quarantined else []
        shared = [("row ids shared", f"by {self.row_ids_shared:,} rows; {SHARED}")] if self.row_ids_shared else []
        layout = [("layout off", "; ".join((*self.layout_off, SEE)))] if self.layout_off else []
        return [
            ("rows read", f"{self.rows_read:,}"),
            ("rows written", f"{self.rows_written:,}"),
            ("rows dropped", f"{self.rows_dropped:,}"),
            ("rows quarantined", f"{self.rows_quarantined:,}"),
            *shards,
            *shared,
            *counted,
            ("scans to fit", f"{self.scans} (stage by stage: {self.scans_stage_by_stage})"),
            ("passes in all", ", ".join(f"{purpose} {n}" for purpose, n in self.passes.items() if n)),
            ("files written", f"{self.files_written:,} ({size_text(self.bytes_written)})"),
            *layout,
            *(("found", found) for found in self.findings),
            *(("drift", line) for line in (drift_lines(self.drift) if self.drift else ())),
            *(("bias", line) for line in (bias_lines(self.bias) if self.bias else ())),
            *(("privacy", line) for line in (privacy_lines(self.privacy) if self.privacy else ())),
            ("table", f"{masked(self.table)} (version {self.table_version})"),
            ("model", masked(self.model)),
            *quarantine,
            ("engine", self.engine),
            ("seconds", timed),
        ]
