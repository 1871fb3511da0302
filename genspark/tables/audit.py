"""How groups of people fare in a table: who is in it, with which outcomes, and what cleaning took from whom.

One pass over the columns that are named, file by file; counts alone are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from genspark.errors import ConfigError, SourceError, did_you_mean
from genspark.sinks.names import RUN
from genspark.statistics.shares import wilson
from genspark.tables.footers import Tell, silent
from genspark.tables.rows import batches, refuse_vectors
from genspark.tables.runs import Runs, runs_of
from genspark.tables.snapshot import Snapshot, is_table, read_snapshot

MOST_GROUPS = 1_000
DEFAULT_FLOOR = 30
ROWS, MISSING = "rows", "missing"


@dataclass(frozen=True)
class Asked:
    """What is audited. `positive` is the outcome that is counted, of `label` and `prediction` alike.

    Groups of fewer rows than `floor` are counted, and have no rates. `reference` maps groups to the shares that they
    should have, keyed by their values joined by " / ".
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
        return (*self.groups, *(name for name in (self.label, self.prediction) if name))


def audit(given: str, asked: Asked, tell: Tell = silent) -> dict[str, Any]:
    """The audit of a table, or of a job's YAML, as plain JSON.

    Raises ConfigError for columns that are not there and for a positive outcome that is not told, SourceError where a
    file cannot be read or there are more than 1,000 groups.
    """
    runs = runs_of(given)
    target = runs.target or given
    snapshot = read_snapshot(target)
    refuse_vectors(snapshot)
    _check(asked, snapshot)
    looked_at = tuple(name for name in snapshot.columns if name not in snapshot.bytes_columns)
    counts = _counted(snapshot, asked, looked_at, tell)
    rejected = _rejected(runs, asked)
    outcomes = [name for name in (asked.label, asked.prediction) if name]
    positive = _positive(counts, asked, outcomes)
    groups = [_group(key, own, asked, rejected, positive) for key, own in _by_group(counts, asked)]
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
        "groups": sorted(groups, key=lambda group: -group["rows"]),
        "fairness": _fairness([group for group in groups if not group["is_small"]], asked),
    }


def _check(asked: Asked, snapshot: Snapshot) -> None:
    absent = [name for name in asked.columns if name not in snapshot.columns]
    if absent:
        known = snapshot.columns
        raise ConfigError(
            [f"{name!r} is not a column of {snapshot.path}{did_you_mean(name, known)}" for name in absent]
        )


def _counted(snapshot: Snapshot, asked: Asked, looked_at: Sequence[str], tell: Tell) -> pl.DataFrame:
    """Rows and missing values for each combination of groups and outcomes."""
    total: pl.DataFrame | None = None
    for done, file in enumerate(snapshot.files, start=1):
        try:
            for _, batch in batches(file, looked_at):
                frame = pl.DataFrame(batch)
                own = {name: value for name, value in file.partition if name not in frame.columns}
                frame = frame.with_columns(**{name: pl.lit(value, pl.String) for name, value in own.items()})
                some = _count(frame, asked)
                total = some if total is None else _merged(pl.concat([total, some]), asked)
                if total.height > MOST_GROUPS:
                    raise SourceError(
                        f"--groups: {', '.join(asked.groups)} make more than {MOST_GROUPS:,} groups with the outcomes; "
                        "bucketize or encode a column first, or name fewer"
                    )
        except (OSError, ValueError) as error:
            raise SourceError(f"{snapshot.path}: {file.name} cannot be read ({error})") from None
        tell(done, len(snapshot.files))
    if total is None:
        raise SourceError(f"{snapshot.path}: the table has no rows to audit")
    return total


def _count(frame: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    nulls = pl.sum_horizontal(pl.all().is_null().cast(pl.UInt32)).alias(MISSING)
    texts = [pl.col(name).cast(pl.String) for name in asked.columns]
    return _merged(frame.select(*texts, nulls, pl.lit(1, pl.UInt64).alias(ROWS)), asked)


def _merged(frame: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    return frame.group_by(asked.columns).agg(pl.col(ROWS).sum(), pl.col(MISSING).cast(pl.UInt64).sum())


def _rejected(runs: Runs, asked: Asked) -> dict[tuple[Any, ...], int]:
    """The rows of each group that are in the quarantine; none where it has not the groups' columns."""
    if not is_table(runs.quarantine):
        return {}
    snapshot = read_snapshot(runs.quarantine)
    if not set(asked.groups) <= set(snapshot.columns):
        return {}
    found: dict[tuple[Any, ...], int] = {}
    for file in snapshot.files:
        for _, batch in batches(file, (*asked.groups, RUN)):
            frame = pl.DataFrame(batch)
            is_done = [runs.is_finished(run) is not False for run in frame[RUN]]
            for row in frame.filter(is_done).select(pl.col(asked.groups).cast(pl.String)).iter_rows():
                found[row] = found.get(row, 0) + 1
    return found


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


def _by_group(counts: pl.DataFrame, asked: Asked) -> list[tuple[tuple[Any, ...], pl.DataFrame]]:
    return [(tuple(key), own) for key, own in counts.group_by(asked.groups, maintain_order=True)]


def _group(
    key: tuple[Any, ...],
    own: pl.DataFrame,
    asked: Asked,
    rejected: Mapping[tuple[Any, ...], int],
    positive: str | None,
) -> dict[str, Any]:
    rows, aside = int(own[ROWS].sum()), rejected.get(key, 0)
    told: dict[str, Any] = {
        "group": " / ".join("null" if value is None else str(value) for value in key),
        "rows": rows,
        "is_small": rows < asked.floor,
        "missing_a_row": int(own[MISSING].sum()) / rows,
        "quarantined": aside,
        "quarantined_share": aside / (rows + aside),
    }
    if told["is_small"]:
        return told
    for name, column in (("label_rate", asked.label), ("prediction_rate", asked.prediction)):
        if column:
            told[name] = _rate(own.filter(pl.col(column).is_not_null()), column, positive)
    if asked.label and asked.prediction:
        both = own.filter(pl.col(asked.label).is_not_null() & pl.col(asked.prediction).is_not_null())
        is_positive = pl.col(asked.label) == positive
        told["true_positive_rate"] = _rate(both.filter(is_positive), asked.prediction, positive)
        told["false_positive_rate"] = _rate(both.filter(~is_positive), asked.prediction, positive)
    return told


def _rate(own: pl.DataFrame, column: str, positive: str | None) -> dict[str, Any] | None:
    """The share of rows with the positive outcome, with its interval; None where there are no rows."""
    of, count = int(own[ROWS].sum()), int(own.filter(pl.col(column) == positive)[ROWS].sum())
    return {"value": count / of, "interval": list(wilson(count / of, of)), "n": of} if of else None


def _fairness(groups: Sequence[Mapping[str, Any]], asked: Asked) -> dict[str, float]:
    """Differences and ratios between the groups that fare best and worst, as fairlearn names them.

    Source: M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning", 2016.
    """
    told: dict[str, float] = {}
    outcome = "prediction_rate" if asked.prediction else "label_rate"
    rates = _values(groups, outcome)
    if len(rates) > 1:
        told["demographic_parity_difference"] = max(rates) - min(rates)
        told["demographic_parity_ratio"] = min(rates) / max(rates) if max(rates) else 1.0
    errors = [_values(groups, name) for name in ("true_positive_rate", "false_positive_rate")]
    if all(len(values) > 1 for values in errors):
        told["equalized_odds_difference"] = max(max(values) - min(values) for values in errors)
    return told


def _values(groups: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [group[name]["value"] for group in groups if group.get(name)]
