"""How groups of people fare in a table: who is in it, with which outcomes, and what cleaning took from whom.

One pass over the columns that are named, file by file; counts alone are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from genspark.columns.expressions import HIDDEN
from genspark.errors import ConfigError, SourceError
from genspark.sinks.names import REASON_LIST, RUN
from genspark.statistics.shares import wilson
from genspark.tables.fairness import fairness, rate
from genspark.tables.footers import Tell, silent
from genspark.tables.grouping import group_names
from genspark.tables.rows import frames, refuse_vectors
from genspark.tables.runs import Runs, runs_of
from genspark.tables.snapshot import Snapshot, is_table, read_snapshot

MOST_GROUPS = 1_000
DEFAULT_FLOOR = 30
ROWS, MISSING = f"{HIDDEN}rows", f"{HIDDEN}missing"


@dataclass(frozen=True)
class Asked:
    """What is audited. `positive` is the outcome that is counted, of `label` and `prediction` alike.

    Groups of fewer rows than `floor` are counted, and have no rates. `reference` maps groups to the shares that they
    should have, keyed by what `group_names` calls them.
    """

    groups: tuple[str, ...]
    label: str | None = None
    prediction: str | None = None
    positive: str | None = None
    floor: int = DEFAULT_FLOOR
    reference: Mapping[str, float] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read for groups and outcomes."""
        return tuple(dict.fromkeys((*self.groups, *(name for name in (self.label, self.prediction) if name))))


@dataclass
class Rejected:
    """The rows of a group that are in the quarantine, and how many of them each rule rejected."""

    rows: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)

    def add(self, reasons: Sequence[Mapping[str, Any]]) -> None:
        """Count a row."""
        self.rows += 1
        rules = (" ".join(filter(None, (one["step"], one["column"], one["rule"]))) for one in reasons)
        self.by_rule.update(set(rules))


def audit(given: str, asked: Asked, tell: Tell = silent) -> dict[str, Any]:
    """The audit of a table, or of a job's YAML, as plain JSON.

    Raises ConfigError for columns that are not there and for a positive outcome that is not told, SourceError where a
    file cannot be read or there are more than 1,000 groups.
    """
    return audit_of(runs_of(given), asked, tell)


def audit_of(runs: Runs, asked: Asked, tell: Tell = silent) -> dict[str, Any]:
    """The audit of a table whose runs are known."""
    target = runs.target or runs.quarantine
    snapshot = read_snapshot(target)
    refuse_vectors(snapshot)
    snapshot.refuse_absent(asked.columns)
    looked_at = tuple(name for name in snapshot.columns if name not in snapshot.bytes_columns)
    counts = _counted(snapshot, asked, looked_at, tell)
    rejected = _rejected(runs, asked)
    outcomes = [name for name in (asked.label, asked.prediction) if name]
    positive = _positive(counts, asked, outcomes)
    groups = [_group(name, key, own, asked, rejected, positive) for name, key, own in _by_group(counts, asked)]
    rows = sum(group["rows"] for group in groups)
    for group in groups:
        group["share"] = group["rows"] / rows if rows else None
        group["share_interval"] = list(wilson(group["share"], rows)) if rows else None
        wanted = (asked.reference or {}).get(group["group"])
        if wanted is not None:
            group["reference"] = wanted
    return {
        "table": target,
        "version": snapshot.version,
        "rows": rows,
        "columns": list(looked_at),
        "floor": asked.floor,
        "groups": sorted(groups, key=lambda group: (-group["rows"], group["group"])),
        "by": list(asked.groups),
        "label": asked.label,
        "prediction": asked.prediction,
        "fairness": fairness(
            [group for group in groups if not group["is_small"]],
            "prediction_rate" if asked.prediction else "label_rate",
        ),
    }


def _counted(snapshot: Snapshot, asked: Asked, looked_at: Sequence[str], tell: Tell) -> pl.DataFrame:
    """Rows and missing values for each combination of groups and outcomes."""
    total: pl.DataFrame | None = None
    for frame in frames(snapshot, looked_at, tell):
        some = _count(frame, asked)
        total = some if total is None else _merged(pl.concat([total, some]), asked)
        if total.height > MOST_GROUPS:
            raise SourceError(
                f"--groups: {', '.join(asked.groups)} make more than {MOST_GROUPS:,} groups with the outcomes; "
                "bucketize or encode a column first, or name fewer"
            )
    if total is None:
        raise SourceError(f"{snapshot.path}: the table has no rows to audit")
    return total


def _count(frame: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    nulls = pl.sum_horizontal(pl.all().is_null().cast(pl.UInt32)).alias(MISSING)
    texts = [pl.col(name).cast(pl.String) for name in asked.columns]
    return _merged(frame.select(*texts, nulls, pl.lit(1, pl.UInt64).alias(ROWS)), asked)


def _merged(frame: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    return frame.group_by(asked.columns).agg(pl.col(ROWS).sum(), pl.col(MISSING).cast(pl.UInt64).sum())


def _rejected(runs: Runs, asked: Asked) -> dict[tuple[Any, ...], Rejected]:
    """The rows of each group that are in the quarantine; none where it has not the groups' columns."""
    if not is_table(runs.quarantine):
        return {}
    snapshot = read_snapshot(runs.quarantine)
    if not set(asked.groups) <= set(snapshot.columns):
        return {}
    found: dict[tuple[Any, ...], Rejected] = {}
    for frame in frames(snapshot, (*asked.groups, REASON_LIST, RUN)):
        is_done = [_is_there(runs, run) for run in frame[RUN]]
        kept = frame.filter(is_done).select(pl.col(asked.groups).cast(pl.String), REASON_LIST)
        for *key, reasons in kept.iter_rows():
            found.setdefault(tuple(key), Rejected()).add(reasons or [])
    return found


def _is_there(runs: Runs, run: str) -> bool:
    """Whether the rows of a run are in the table, and no later run took their place."""
    last = max((entry.version for entry in runs.entries.values() if entry.run.get("mode") == "overwrite"), default=None)
    if last is None:
        return runs.is_finished(run) is not False
    return run in runs.entries and runs.entries[run].version >= last


def _positive(counts: pl.DataFrame, asked: Asked, outcomes: Sequence[str]) -> str | None:
    """The outcome that is counted, as text."""
    seen = {value for name in outcomes for value in counts[name].unique().to_list() if value is not None}
    if asked.positive is not None:
        if seen and asked.positive not in seen:
            raise ConfigError(f"--positive: {asked.positive!r} is no outcome; there are {', '.join(sorted(seen))}")
        return asked.positive
    for usual, both in (("1", {"0", "1"}), ("true", {"false", "true"}), ("1.0", {"0.0", "1.0"})):
        if seen and seen <= both:
            return usual
    if seen:
        raise ConfigError(f"--positive: say which outcome is counted; there are {', '.join(sorted(seen)[:10])}")
    return None


def _by_group(counts: pl.DataFrame, asked: Asked) -> list[tuple[str, tuple[Any, ...], pl.DataFrame]]:
    """Each group's name, its values, and its counts."""
    grouped = counts.group_by(asked.groups, maintain_order=True)
    return [(own.select(group_names(asked.groups)).item(0, 0), tuple(key), own) for key, own in grouped]


def _group(
    name: str,
    key: tuple[Any, ...],
    own: pl.DataFrame,
    asked: Asked,
    rejected: Mapping[tuple[Any, ...], Rejected],
    positive: str | None,
) -> dict[str, Any]:
    rows, aside = int(own[ROWS].sum()), rejected.get(key, Rejected())
    told: dict[str, Any] = {
        "group": name,
        "values": list(key),
        "rows": rows,
        "is_small": rows < asked.floor,
        "missing_a_row": int(own[MISSING].sum()) / rows,
        "quarantined": aside.rows,
        "quarantined_share": aside.rows / (rows + aside.rows),
        "quarantined_by": dict(aside.by_rule.most_common()),
    }
    if told["is_small"]:
        return told
    for outcome, column in (("label_rate", asked.label), ("prediction_rate", asked.prediction)):
        if column:
            told[outcome] = rate(own.filter(pl.col(column).is_not_null()), column, positive, ROWS)
    if asked.label and asked.prediction:
        both = own.filter(pl.col(asked.label).is_not_null() & pl.col(asked.prediction).is_not_null())
        is_positive = pl.col(asked.label) == positive
        told["true_positive_rate"] = rate(both.filter(is_positive), asked.prediction, positive, ROWS)
        told["false_positive_rate"] = rate(both.filter(~is_positive), asked.prediction, positive, ROWS)
    return told
