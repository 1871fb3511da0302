"""Commands for data that are not known yet."""

from __future__ import annotations

from typing import Annotated

from genspark.cli.app import command
from genspark.cli.parameters import Argument, Json, Log, LogForm, Option, Quiet

PANEL = "First looks"
Sources = Annotated[list[str], Argument(metavar="SOURCE...", help="Files, globs, a Delta table, or a job's YAML.")]


@command(PANEL, "data/taxis/*.csv.gz", "drafting")
def profile(
    source: Sources,
    rules: Annotated[bool, Option("--rules", help="Print rules that it suggests, for the step validate.")] = False,
    html: Annotated[
        str | None, Option(metavar="FILE", help="Write it as a page, with a picture of each column.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Show what is in some data."""


@command(PANEL, "data/taxis/*.csv.gz --target out/taxis", "drafting")
def init(
    source: Sources,
    output: Annotated[
        str, Option("--output", "-o", metavar="FILE", help="- prints it (default: genspark.yaml).")
    ] = "genspark.yaml",
    target: Annotated[
        str | None, Option(metavar="TABLE", help="Where the table is to be (default: out/ and the data's name).")
    ] = None,
    yes: Annotated[bool, Option("--yes", "-y", help="Ask nothing, and take what is proposed.")] = False,
    force: Annotated[bool, Option("--force", help="Write over a file that is there.")] = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Write a job that suits some data, with the reason for each choice."""
