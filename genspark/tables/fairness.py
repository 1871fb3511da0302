"""Rates of groups, what lies between the groups, and both in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from genspark.statistics.shares import wilson


def rate(own: pl.DataFrame, column: str, positive: str | None, rows: str) -> dict[str, Any] | None:
    """The share of rows with the positive outcome, with its interval; None where there are no rows.

    `rows` names the column that counts them.
    """
    of, count = int(own[rows].sum()), int(own.filter(pl.col(column) == positive)[rows].sum())
    return {"value": count / of, "interval": list(wilson(count / of, of)), "n": of} if of else None


def fairness(groups: Sequence[Mapping[str, Any]], outcome: str) -> dict[str, float]:
    """Differences and ratios between the groups that fare best and worst, as fairlearn names them.

    `outcome` names the rate that is to be alike. Equalised odds are the worse of the rates of true and of false
    positives. A ratio of rates that are all 0 is 1: they are alike.

    Source: M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning", 2016.
    """
    told: dict[str, float] = {}
    rates = _values(groups, outcome)
    if len(rates) > 1:
        told["demographic_parity_difference"] = max(rates) - min(rates)
        told["demographic_parity_ratio"] = _ratio(rates)
    errors = [_values(groups, name) for name in ("true_positive_rate", "false_positive_rate")]
    if all(len(values) > 1 for values in errors):
        told["equalized_odds_difference"] = max(max(values) - min(values) for values in errors)
        told["equalized_odds_ratio"] = min(_ratio(values) for values in errors)
    return told


def bias_lines(told: Mapping[str, Any]) -> list[str]:
    """What an audit found, in sentences: each group that has rates, and what lies between the groups."""
    by = ", ".join(told["by"])
    groups = [group for group in told["groups"] if _has_enough(group, told["floor"])]
    lines = []
    for group in groups:
        rates = [f"{told[name]} {group[key]['value']:.1%}" for name, key in _RATES if group.get(key) and told[name]]
        wanted = [f"of which {group['reference']:.1%} should be"] if "reference" in group else []
        aside = [f"{group['quarantined_share']:.1%} of its rows quarantined"] if group["quarantined"] else []
        share = "none of the rows" if group["share"] is None else f"{group['share']:.1%} of the rows"
        lines.append(f"{by} {group['group']}: " + ", ".join([share, *wanted, *rates, *aside]))
    lines += [
        f"between groups of {by}: {name.replace('_', ' ')} {value:.3f}" for name, value in told["fairness"].items()
    ]
    lines += [f"groups of {by}: {note}" for note in told.get("notes", ())]
    small = len(told["groups"]) - len(groups)
    few = f"{small} group{'s' * (small > 1)} of {by} with fewer than {told['floor']} rows"
    return [*lines, f"{few}, counted alone"] if small else lines


def _has_enough(group: Mapping[str, Any], floor: int) -> bool:
    """Whether a group is told of: it has enough rows, in the quarantine or not, or should have some."""
    return "reference" in group or group["rows"] + (group["quarantined"] or 0) >= floor


_RATES = (("label", "label_rate"), ("prediction", "prediction_rate"))


def _values(groups: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [group[name]["value"] for group in groups if group.get(name)]


def _ratio(rates: Sequence[float]) -> float:
    return min(rates) / max(rates) if max(rates) else 1.0
