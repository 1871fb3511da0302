"""The commands that look at tables and models, and keep tables in shape, each from its parsed arguments."""

from __future__ import annotations

import functools
import json
from types import SimpleNamespace
from typing import Any

from genspark.pipeline import PipelineModel
from genspark.pipeline.describe import describe
from genspark.steps.deduplicate import DUPLICATE
from genspark.storage.sizes import counted
from genspark.tables.durations import parse_duration
from genspark.tables.facts import facts, lines
from genspark.tables.inspection import MOST_FOOTERS, MOST_ORDERS
from genspark.tables.inspection import inspect as look_at
from genspark.tables.maintenance import Wanted
from genspark.tables.maintenance import maintain as mend
from genspark.tables.quarantine import summary
from genspark.tables.snapshot import is_table
from genspark.tables.trace import trace as follow
from genspark.terminal.console import print_pairs
from genspark.terminal.progress import shown

Arguments = SimpleNamespace


def inspect(arguments: Arguments) -> None:
    """Print what a model learnt, or how a table is laid out and what of it is off."""
    if not is_table(arguments.path):
        model = PipelineModel.load(arguments.path)
        print(json.dumps(model.to_json(), indent=1) if arguments.json else describe(model))
        return
    with shown(arguments, "reading footers") as tell:
        seen = look_at(
            arguments.path,
            footers=None if arguments.all or arguments.rows else MOST_FOOTERS,
            orders=None if arguments.rows else MOST_ORDERS,
            tell=tell,
        )
    told = facts(seen)
    if arguments.json:
        print(json.dumps(told))
        return
    print_pairs(f"genspark inspect: {arguments.path}", lines(told))
    for title in ("off", "advice"):
        _print_findings(title, [(one["kind"], one["what"], one["remedy"]) for one in told[title]])


def maintain(arguments: Arguments) -> None:
    """Raise retention, compact and vacuum, as asked or as far as it is needed."""
    retain = parse_duration(arguments.retain) if arguments.retain else None
    named = Wanted(arguments.compact, arguments.vacuum, retain)
    done = mend(
        arguments.path,
        None if named == Wanted() else named,
        dry_run=arguments.dry_run,
        force=arguments.force,
        orders=None if arguments.rows else MOST_ORDERS,
        phase=functools.partial(shown, arguments),
    )
    if arguments.json:
        print(json.dumps(done.to_json()))
        return
    print_pairs(f"genspark maintain: {arguments.path}", done.lines())
    _print_findings("left to you", [(finding.kind, finding.what, finding.remedy) for finding in done.left])


def quarantine(arguments: Arguments) -> None:
    """Print how many rows which rule rejected, and some of them."""
    with shown(arguments, "reading the quarantine") as tell:
        told = summary(arguments.table, arguments.run, arguments.most, tell)
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False))
        return
    print(f"quarantine {told['quarantine']}")
    _print_tally("rows", told)
    if told["unfinished"]:
        _print_tally("rows of runs that are not in the table's history", told["unfinished"])
    for replay in told["replays"]:
        rows = f"{counted(replay['rows'], 'row')} of {replay['path']}"
        print(f"\nreplayed as version {replay['version']} by run {replay['run_id']}: {rows}")


def _print_tally(title: str, tally: dict[str, Any]) -> None:
    print(f"\n{title}: {tally['rows']:,}")
    for run, rows in tally["runs"].items():
        print(f"  run {run}: {rows:,}")
    for rule in tally["rules"]:
        where = " ".join(str(rule[part]) for part in ("step", "column", "rule") if rule[part])
        print(f"  {where}: {rule['rows']:,}")
        for sample in rule["samples"]:
            _print_sample(sample)


def _print_sample(sample: dict[str, Any]) -> None:
    for reason in sample["reasons"]:
        where = " ".join(str(reason[part]) for part in ("step", "column", "rule") if reason[part])
        print(f"    {where}: {_figures(reason)}{sample['file']}")
    print(f"      {json.dumps(sample['values'], ensure_ascii=False)}{sample['text'] or ''}")


def _figures(reason: dict[str, Any]) -> str:
    value = reason["value"]
    if reason["rule"] == DUPLICATE and value is not None:
        # A whole number, which reasons hold as a double.
        return f"cluster {value:.0f}; " if isinstance(value, float) else f"cluster {value}; "
    return "" if reason["threshold"] is None else f"value {value}, threshold {reason['threshold']}; "


def trace(arguments: Arguments) -> None:
    """Print where a row comes from and what was done to it."""
    with shown(arguments, "looking for the row") as tell:
        told = follow(arguments.table, arguments.row_id, tell)
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False))
        return
    for note in told["notes"]:
        print(f"note: {note}")
    for row in told["rows"]:
        run = row["run"] or {}
        pairs = [("source file", str(row["source_file"])), ("file", row["file"])]
        pairs += [(name.replace("_", " "), str(value)) for name, value in run.items() if value is not None]
        for column in row["columns"]:
            back = f" (was {column['before']})" if "before" in column else ""
            pairs.append((column["column"], "\n".join([f"{column['value']}{back}", *column["changes"]])))
        print_pairs(f"genspark trace: row {told['row_id']} of {told['table']}", pairs)
    for sample in told["quarantined"]:
        print(f"quarantined by run {sample['run_id']}:")
        _print_sample(sample)


def _print_findings(title: str, found: list[tuple[str, str, str]]) -> None:
    print(f"\n{title}:" if found else f"\n{title}: nothing")
    for kind, what, remedy in found:
        print(f"  {kind}: {what}\n    -> {remedy}")
