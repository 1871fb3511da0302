"""Commands that tell whether a table is to be trusted."""

from __future__ import annotations

from typing import Annotated

from genspark.cli.app import command
from genspark.cli.parameters import Json, Log, LogForm, Option, Quiet, Table, TableOrJob, by_commas

PANEL = "Trust"


@command(PANEL, "out/this-week --against out/last-week --stop 0.25", "drift")
def drift(
    table: Table,
    against: Annotated[
        str, Option(metavar="TABLE|MODEL", help="The table that it is held against, or a model's JSON file.")
    ],
    states: Annotated[
        bool, Option("--states", help="Take what the model of that table keeps, and read none of its rows.")
    ] = False,
    columns: Annotated[str | None, Option(metavar="COLUMNS", help="Only these, by commas.", callback=by_commas)] = None,
    warn: Annotated[float, Option(metavar="INDEX", help="Above it a column has moved (default: 0.1).")] = 0.1,
    stop: Annotated[
        float | None, Option(metavar="INDEX", help="Fail where a stability index is above it, such as 0.25.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Tell how far a table has moved from another."""


@command(PANEL, "out/titanic --groups sex,pclass --label survived", "audit")
def audit(
    table: TableOrJob,
    groups: Annotated[
        str, Option(metavar="COLUMNS", help="The columns that make the groups, by commas.", callback=by_commas)
    ],
    label: Annotated[str | None, Option(metavar="COLUMN", help="The outcome that is true.")] = None,
    prediction: Annotated[str | None, Option(metavar="COLUMN", help="The outcome that a model said.")] = None,
    positive: Annotated[
        str | None, Option(metavar="VALUE", help="The outcome that is counted (default: 1 or true).")
    ] = None,
    floor: Annotated[int, Option(min=1, metavar="N", help="Rows below which a group has no rates (default: 30).")] = 30,
    reference: Annotated[
        list[str], Option(metavar="GROUP=SHARE", help="The share that a group should have; may be repeated.")
    ] = [],
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Show how groups fare."""
