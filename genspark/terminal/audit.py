"""The command that audits a table by groups, from its parsed arguments."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from rich.table import Table

from genspark.errors import ConfigError
from genspark.report.fates import fates_of
from genspark.tables.audit import Asked
from genspark.tables.audit import audit as look_at
from genspark.terminal.console import print_pairs, print_table
from genspark.terminal.progress import shown


def audit(arguments: SimpleNamespace) -> None:
    """Print how the groups of a table's rows fare."""
    asked = Asked(
        arguments.groups,
        arguments.label,
        arguments.prediction,
        arguments.positive,
        arguments.floor,
        _reference(arguments.reference),
    )
    with shown(arguments, "counting") as tell:
        told = look_at(arguments.table, asked, tell)
        told["steps"] = fates_of(told["table"], asked.groups)
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False))
        return
    table = Table(title=f"genspark audit: {told['table']}, version {told['version']}", title_justify="left")
    names = _names(told["groups"])
    for name in ("group", *names):
        table.add_column(name.replace("_", " "), justify="left" if name == "group" else "right")
    for group in told["groups"]:
        table.add_row(group["group"], *(_cell(name, group) for name in names))
    print_table(table, 140)
    small = sum(group["is_small"] for group in told["groups"])
    if small:
        print(f"{small} of fewer than {told['floor']} rows have no rates, and are not compared")
    for note in told["notes"]:
        print(note)
    _print_rules(told["groups"])
    _print_steps(told["steps"])
    if told["fairness"]:
        print_pairs("between groups", [(n.replace("_", " "), f"{v:.4f}") for n, v in told["fairness"].items()])


def _print_rules(groups: list[dict[str, Any]]) -> None:
    found = [
        (f"{group['group']}: {rule}", f"{rows:,} ({rows / (group['rows'] + group['quarantined']):.1%})")
        for group in groups
        for rule, rows in (group["quarantined_by"] or {}).items()
    ]
    if found:
        print_pairs("quarantined, of all rows of the group", found)


def _print_steps(told: dict[str, Any]) -> None:
    if told["note"]:
        print(told["note"])
    found = [
        (f"{one['step']}: {one['what']}, {group}", f"{count['count']:,} ({count['share']:.1%})")
        for one in told["steps"]
        for group, count in one["groups"].items()
    ]
    if found:
        print_pairs(f"what steps did, of the first {told['rows']:,} rows of the source", found)


def _reference(given: list[str]) -> dict[str, float]:
    shares = {}
    for text in given:
        group, _, share = text.rpartition("=")
        try:
            shares[group] = float(share)
        except ValueError:
            raise ConfigError(f"--reference: must be GROUP=SHARE, such as 'female=0.51'; got {text!r}") from None
        if not 0 <= shares[group] <= 1:
            raise ConfigError(f"--reference: a share is between 0 and 1; got {text!r}")
    return shares


def _names(groups: list[dict[str, Any]]) -> list[str]:
    known = ("rows", "share", "reference", "label_rate", "prediction_rate", "true_positive_rate", "false_positive_rate")
    used = [name for name in known if any(name in group for group in groups)]
    return [*used, "missing_a_row", "quarantined_share"]


def _cell(name: str, group: dict[str, Any]) -> str:
    value = group.get(name)
    if value is None:
        return "-"
    if name == "rows":
        return f"{value:,}"
    if isinstance(value, dict):
        low, high = value["interval"]
        return f"{value['value']:.3f} ({low:.3f} to {high:.3f})"
    return f"{value:.3f}"
