"""How groups of people fare in a table: who is in it, with which outcomes, and what cleaning took from whom.

One pass over the columns that are named, file by file; counts alone are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from genspark.columns.expressions import HIDDEN
from genspark.errors import ConfigError, SourceError, did_you_mean
from genspark.statistics.shares import wilson
from genspark.tables.fairness import fairness, rate
from genspark.tables.footers import Tell, silent
from genspark.tables.grouping import MOST_GROUPS, group_names
from genspark.tables.rejected import Aside, Key, Rejected, rejected_by_group
from genspark.tables.rows import frames, refuse_vectors
from genspark.tables.runs import Runs, runs_of
from genspark.tables.snapshot import Snapshot, read_snapshot

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
    place: str = "--"
    """What stands before the names of these fields where they are asked for; errors say it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read for groups and outcomes."""
        return tuple(dict.fromkeys((*self.groups, *(name for name in (self.label, self.prediction) if name))))


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
    aside = rejected_by_group(runs, asked.groups)
    if not counts.height and not aside.groups:
        raise SourceError(f"{snapshot.path}: the table has no rows to audit")
    positive = _positive(counts, asked)
    groups = [_group(name, key, own, asked, aside, positive) for name, key, own in _by_group(counts, asked, aside)]
    known = [group["group"] for group in groups]
    reference = asked.reference or {}
    absent = [name for name in reference if name not in known]
    groups += [_group(name, None, counts.clear(), asked, aside, positive) for name in absent]
    rows = sum(group["rows"] for group in groups)
    for group in groups:
        group["share"] = group["rows"] / rows if rows else None
        group["share_interval"] = list(wilson(group["share"], rows)) if rows else None
        if group["group"] in reference:
            group["reference"] = reference[group["group"]]
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
        "notes": [
            *aside.notes,
            *(f"{asked.place}reference: no row is of the group {name!r}{did_you_mean(name, known)}" for name in absent),
        ],
    }


def _counted(snapshot: Snapshot, asked: Asked, looked_at: Sequence[str], tell: Tell) -> pl.DataFrame:
    """Rows and missing values for each combination of groups and outcomes."""
    numbers = dict.fromkeys((MISSING, ROWS), pl.UInt64())
    total = pl.DataFrame(schema={**dict.fromkeys(asked.columns, pl.String()), **numbers})
    for frame in frames(snapshot, looked_at, tell):
        total = _merged(pl.concat([total, _count(frame, asked)], how="diagonal"), asked)
        if total.height > MOST_GROUPS:
            named = f"{asked.place}groups: {', '.join(asked.groups)}"
            raise SourceError(
                f"{named} make more than {MOST_GROUPS:,} groups with the outcomes; "
                "bucketize or encode a column first, or name fewer"
            )
    return total


def _count(frame: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    nulls = pl.sum_horizontal(pl.all().is_null().cast(pl.UInt32)).alias(MISSING)
    texts = [pl.col(name).cast(pl.String) for name in asked.columns]
    return _merged(frame.select(*texts, nulls, pl.lit(1, pl.UInt64).alias(ROWS)), asked)


def _merged(frame: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    return frame.group_by(asked.columns).agg(pl.col(ROWS).sum(), pl.col(MISSING).cast(pl.UInt64).sum())


def _positive(counts: pl.DataFrame, asked: Asked) -> str | None:
    """The outcome that is counted, as text."""
    outcomes = [name for name in (asked.label, asked.prediction) if name]
    seen = {value for name in outcomes for value in counts[name].unique().to_list() if value is not None}
    known = ", ".join(sorted(seen)[:10])
    if asked.positive is not None:
        if seen and asked.positive not in seen:
            raise ConfigError(f"{asked.place}positive: {asked.positive!r} is no outcome; there are {known}")
        return asked.positive
    for usual, both in (("1", {"0", "1"}), ("true", {"false", "true"}), ("1.0", {"0.0", "1.0"})):
        if seen and seen <= both:
            return usual
    if seen:
        raise ConfigError(f"{asked.place}positive: say which outcome is counted; there are {known}")
    return None


def _by_group(counts: pl.DataFrame, asked: Asked, aside: Aside) -> list[tuple[str, Key, pl.DataFrame]]:
    """The name, the values and the counts of each group that has rows in the table, or in the quarantine alone."""
    there = {tuple(key): own for key, own in counts.group_by(asked.groups, maintain_order=True)}
    keys = list(dict.fromkeys((*there, *(aside.groups or {}))))
    schema = dict.fromkeys(asked.groups, pl.String())
    names = pl.DataFrame(keys, schema=schema, orient="row").select(group_names(asked.groups)).to_series()
    return [(name, key, there.get(key, counts.clear())) for name, key in zip(names, keys, strict=True)]


def _group(
    name: str, key: Key | None, own: pl.DataFrame, asked: Asked, aside: Aside, positive: str | None
) -> dict[str, Any]:
    """What is told of a group; one that only the reference names has no `key`."""
    rows = int(own[ROWS].sum())
    rejected = None if aside.groups is None else aside.groups.get(key or (), Rejected())
    both = rows + (rejected.rows if rejected else 0)
    told: dict[str, Any] = {
        "group": name,
        "values": None if key is None else list(key),
        "rows": rows,
        "is_small": rows < asked.floor,
        "missing_a_row": int(own[MISSING].sum()) / rows if rows else None,
        "quarantined": rejected.rows if rejected else None,
        "quarantined_share": rejected.rows / both if rejected and both else None,
        "quarantined_by": dict(rejected.by_rule.most_common()) if rejected else None,
    }
    if told["is_small"]:
        return told
    for outcome, column in (("label_rate", asked.label), ("prediction_rate", asked.prediction)):
        if column:
            told[outcome] = rate(own.filter(pl.col(column).is_not_null()), column, positive, ROWS)
    if asked.label and asked.prediction:
        known = own.filter(pl.col(asked.label).is_not_null() & pl.col(asked.prediction).is_not_null())
        is_positive = pl.col(asked.label) == positive
        told["true_positive_rate"] = rate(known.filter(is_positive), asked.prediction, positive, ROWS)
        told["false_positive_rate"] = rate(known.filter(~is_positive), asked.prediction, positive, ROWS)
    return told
