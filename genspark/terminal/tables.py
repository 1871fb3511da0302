"""The commands that look at tables and models, and keep tables in shape, each from its parsed arguments."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import sys
from collections.abc import Iterator

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from genspark.config import JobConfig
from genspark.errors import GensparkError, SourceError
from genspark.pipeline import PipelineModel
from genspark.pipeline.describe import describe
from genspark.tables.durations import parse_duration
from genspark.tables.facts import facts, lines
from genspark.tables.footers import Tell, silent
from genspark.tables.inspection import MOST_FOOTERS, MOST_ORDERS
from genspark.tables.inspection import inspect as look_at
from genspark.tables.maintenance import Wanted
from genspark.tables.maintenance import maintain as mend
from genspark.tables.rejected import rejected
from genspark.tables.snapshot import is_table
from genspark.tables.trace import Traced, reasons_text, set_aside
from genspark.tables.trace import trace as follow
from genspark.terminal.console import ConsoleProgress

Arguments = argparse.Namespace


def inspect(arguments: Arguments) -> None:
    """Print what a model learnt, or how a table is laid out and what of it is off."""
    if not is_table(arguments.path):
        model = PipelineModel.load(arguments.path)
        print(json.dumps(model.to_json(), indent=1) if arguments.json else describe(model))
        return
    with _shown(arguments, "reading footers") as tell:
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
        phase=functools.partial(_shown, arguments),
    )
    if arguments.json:
        print(json.dumps(done.to_json()))
        return
    print_pairs(f"genspark maintain: {arguments.path}", done.lines())
    _print_findings("left to you", [(finding.kind, finding.what, finding.remedy) for finding in done.left])


def trace(arguments: Arguments) -> None:
    """Print where a row comes from: its source, its run, its model, and why it is not in the table if it is not."""
    path = arguments.path.rstrip("/")
    found = follow(path, arguments.row_id)
    aside = set_aside(path, f"{path}_quarantine", arguments.row_id)
    if not found and not aside:
        raise SourceError(f"{path}: no row has the id {arguments.row_id}, in the table or in its quarantine")
    if arguments.json:
        told = {"rows": [dict(vars(one)) for one in found], "quarantined": aside}
        print(json.dumps(told, default=str))
        return
    if len(found) > 1:
        print(f"{len(found)} rows have the id {arguments.row_id}: the key does not tell them apart\n")
    for one in found:
        model = _model_of(one)
        print_pairs(f"genspark trace: row {arguments.row_id} of {path}", _traced_lines(one, model))
        if model is not None:
            print(f"\nwhat touched it:\n{describe(model)}")
    for row in aside:
        values = {name: value for name, value in row.items() if not name.startswith("_")}
        pairs = [*((name, str(value)) for name, value in values.items()), ("run", row["_run_id"])]
        print_pairs("quarantined", [*pairs, *(("reason", line) for line in reasons_text(row))])


def _traced_lines(one: Traced, model: PipelineModel | None) -> list[tuple[str, str]]:
    run = one.run
    by = f"version {one.version}, run {run['run_id']} of job {run.get('job')!r}" if run else "the log does not tell"
    if one.is_compacted:
        by = f"compacted in version {one.version}; the run before that is not told"
    before = model.inverse_transform(pl.DataFrame([one.row])).row(0, named=True) if model else {}
    values = [
        (name, f"{value}  (on the source's scale: {before[name]})" if before.get(name, value) != value else str(value))
        for name, value in one.row.items()
        if not name.startswith("_")
    ]
    told = [("file", one.file), ("source", one.source or "not known"), ("written by", by)]
    if run.get("model_sha256"):
        told.append(("model", f"{run['model_sha256']} ({run.get('model_file')})"))
    return [*told, *values]


def _model_of(one: Traced) -> PipelineModel | None:
    with contextlib.suppress(GensparkError, OSError):
        return PipelineModel.load(one.run["model_file"]) if one.run.get("model_file") else None
    return None


def quarantine(arguments: Arguments) -> None:
    """Print what was set aside, by step, column and rule."""
    given = arguments.path.rstrip("/")
    if given.endswith((".yaml", ".yml")):
        config = JobConfig.from_yaml(given)
        path, target = config.quarantine_path, config.sink.path
    else:
        is_own = given.endswith("_quarantine")
        path, target = (given, given.removesuffix("_quarantine")) if is_own else (f"{given}_quarantine", given)
    seen = rejected(path, target, arguments.run, arguments.samples)
    if arguments.json:
        print(json.dumps(seen.to_json(), default=str))
        return
    unfinished = [("unfinished", f"run {run}: its rows are not in the table") for run in seen.unfinished]
    runs = [("run", f"{run}: {rows:,} rows") for run, rows in seen.runs.items()]
    print_pairs(f"genspark quarantine: {path}", [("rows", f"{seen.rows:,}"), *runs, *unfinished])
    for rule in seen.rules:
        print(f"\n{rule.step}: {rule.column or 'the row'} {rule.rule}, {rule.rows:,} rows, such as")
        for row in rule.samples:
            shown = {name: value for name, value in row.items() if value is not None}
            print(f"  {', '.join(f'{name}={value}' for name, value in shown.items())}")


def print_pairs(title: str, pairs: list[tuple[str, str]]) -> None:
    """Labels and values as a table on standard output."""
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in pairs:
        table.add_row(label, Text(value))
    # A log has no width of its own; wide enough for paths.
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _print_findings(title: str, found: list[tuple[str, str, str]]) -> None:
    print(f"\n{title}:" if found else f"\n{title}: nothing")
    for kind, what, remedy in found:
        print(f"  {kind}: {what}\n    -> {remedy}")


@contextlib.contextmanager
def _shown(arguments: Arguments, phase: str) -> Iterator[Tell]:
    """Show progress while the block runs, unless it is to be quiet."""
    if arguments.quiet:
        yield silent
        return
    progress = ConsoleProgress()
    with progress.phase(phase):
        yield progress.tasks
