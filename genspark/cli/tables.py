"""Commands that look at tables, and keep them in shape."""

from __future__ import annotations

from typing import Annotated

from genspark.cli.app import command
from genspark.cli.parameters import Argument, Json, Log, LogForm, Option, Quiet, Table, TableOrJob, at_most

PANEL = "Tables"
Rows = Annotated[bool, Option("--rows", help="Check the order of rows in all files, not in 20.")]


@command(PANEL, "out/taxis", "tables")
def inspect(
    path: Annotated[str, Argument(metavar="PATH", help="A table, or a model file.")],
    all: Annotated[bool, Option("--all", help="Read the footers of all files, not of 200.")] = False,
    rows: Rows = False,
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Print what a model learnt, or how a table is laid out and what is off."""


@command(PANEL, "out/taxis --dry-run", "tables")
def maintain(
    path: Annotated[str, Argument(metavar="TABLE", help="A Delta table.")],
    dry_run: Annotated[bool, Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    compact: Annotated[
        bool, Option("--compact", help="Write files anew that are off, in order and of the target size.")
    ] = False,
    vacuum: Annotated[bool, Option("--vacuum", help="Delete files that no version needs any more.")] = False,
    retain: Annotated[
        str | None, Option(metavar="DURATION", help="Keep removed files and the log for so long, such as 30d.")
    ] = None,
    rows: Rows = False,
    force: Annotated[bool, Option("--force", help="Vacuum or shorten retention below what the table says.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Mend what inspect finds: compact, vacuum, raise retention."""


@command(PANEL, "out/taxis -n 5", "tables")
def quarantine(
    table: Annotated[str, Argument(metavar="TABLE", help="A table, its quarantine, or the job's YAML file.")],
    run: Annotated[str | None, Option(metavar="ID", help="Only the rows of this run.")] = None,
    most: Annotated[int, at_most("Rows to show a rule", "3")] = 3,
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Count the rows that were rejected, by rule, and show some."""


@command(PANEL, "out/taxis --row-id 42", "tables")
def trace(
    table: TableOrJob,
    row_id: Annotated[int, Option(metavar="N", help="Its _row_id.")],
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Follow a row back to its file, run, model and steps."""


@command(PANEL, "out --site site", "catalog")
def catalog(
    root: Annotated[str, Argument(metavar="ROOT", help="A folder, of a disk or a store, that tables are in.")],
    metastore: Annotated[
        bool, Option("--metastore", help="ROOT is a catalog or a schema that the Spark session knows.")
    ] = False,
    site: Annotated[
        str | None, Option(metavar="FOLDER", help="Write it as pages with a search, which work offline.")
    ] = None,
    scores: Annotated[list[str], Option(metavar="TABLE", help="A ledger of scores elsewhere; may be repeated.")] = [],
    depth: Annotated[int, Option(metavar="N", min=1, help="Levels of folders to look into (default: 8).")] = 8,
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """List the tables below a folder, with all that their logs and cards tell."""


@command(PANEL, "out/taxis > README.md", "commands")
def card(
    table: Annotated[str, Argument(metavar="TABLE", help="A table that genspark wrote.")],
    json: Annotated[bool, Option("--json", help="Print the Croissant document that the card is made from.")] = False,
) -> None:
    """Print a table's dataset card in Markdown."""


@command(PANEL, "out/taxis -o report.html", "report")
def report(
    table: Table,
    against: Annotated[
        str | None, Option(metavar="TABLE", help="A table to compare it with, such as the real rows.")
    ] = None,
    output: Annotated[
        str, Option("--output", "-o", metavar="FILE", help="Where it goes (default: report.html).")
    ] = "report.html",
    scores: Annotated[
        str | None, Option(metavar="TABLE", help="A ledger of scores, of which the newest are shown.")
    ] = None,
    by: Annotated[
        str | None, Option(metavar="COLUMN", help="Show the images with its highest and lowest numbers.")
    ] = None,
    features: Annotated[
        str | None, Option(metavar="COLUMN", help="Vectors, by which images are shown with their neighbours.")
    ] = None,
    no_steps: Annotated[bool, Option("--no-steps", help="Do not read the source to show what each step did.")] = False,
    json: Annotated[bool, Option("--json", help="Print where it is and its size as JSON.")] = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Make a page that shows a table, beside another one."""
