"""Reports and tables for a person, on standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from genspark.errors import first_line
from genspark.job.report import RunReport
from genspark.storage.secrets import masked


def print_table(table: Table, width: int = 120) -> Console:
    """Print a table, as wide as the terminal; a log has no width of its own. Returns where it was printed."""
    # Not as markup, which a value or the name of a job may look like.
    console = Console(width=None if sys.stdout.isatty() else width, markup=False, emoji=False)
    console.print(table)
    return console


def print_pairs(title: str, pairs: Iterable[tuple[str, str]]) -> None:
    """Labels and values as a table on standard output."""
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in pairs:
        table.add_row(label, value)
    print_table(table)


def print_report(report: RunReport, extra: list[tuple[str, str]] | None = None) -> None:
    """The report as a table on standard output."""
    print_pairs(f"genspark: {report.name}", [*report.lines(), *(extra or [])])


def print_runs(runs: Sequence[Mapping[str, Any]], path: str) -> None:
    """The runs of a ledger as a table on standard output, which is whole on a terminal of 80 columns, too."""
    table = Table(title=f"genspark: runs in {masked(path)}", title_justify="left")
    for name in ("started", "outcome", "version"):
        table.add_column(name, no_wrap=True, justify="right" if name == "version" else "left")
    for name in ("rows", "job", "run"):
        table.add_column(name, overflow="fold")
    for run in runs:
        names = ("read", "written", "quarantined", "dropped")
        rows = [f"{run[f'rows_{name}']:,} {name}" for name in names if run[f"rows_{name}"] is not None]
        took = [] if run["seconds"] is None else [f"{run['seconds']:.1f} s"]
        cells = (
            f"{run['started']:%Y-%m-%d\n%H:%M:%S}",
            run["outcome"],
            "" if run["target_version"] is None else str(run["target_version"]),
            "\n".join(rows),
            "\n".join([run["job"], run["engine"], run["mode"], *took]),
            run["run_id"],
        )
        table.add_row(*cells)
    console = print_table(table)
    for run in runs:
        if run["error"]:
            console.print(f"{run['run_id']}: {first_line(run['error'])}", highlight=False)
