"""The commands that look at tables and models, and keep tables in shape, each from its parsed arguments."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from genspark.pipeline import PipelineModel
from genspark.pipeline.describe import describe
from genspark.tables.durations import parse_duration
from genspark.tables.facts import facts, lines
from genspark.tables.footers import Tell, silent
from genspark.tables.inspection import MOST_FOOTERS, MOST_ORDERS
from genspark.tables.inspection import inspect as look_at
from genspark.tables.maintenance import Wanted
from genspark.tables.maintenance import maintain as mend
from genspark.tables.snapshot import is_table
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
