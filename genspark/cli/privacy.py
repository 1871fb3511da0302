"""Commands about the persons in tables."""

from __future__ import annotations

import enum
from typing import Annotated

from genspark.cli.app import command
from genspark.cli.parameters import Argument, Json, Log, LogForm, Option, Quiet, Table, TableOrJob, by_commas

PANEL = "Privacy"


class Distance(enum.StrEnum):
    """How far sensitive values lie apart."""

    AUTO = "auto"
    ORDERED = "ordered"
    EQUAL = "equal"


@command(PANEL, "out/titanic_private --quasi age,sex,embark_town --sensitive survived --k 5 --l 2", "privacy")
def privacy(
    table: Table,
    quasi: Annotated[
        str, Option(metavar="COLUMNS", help="What others may know of a person, by commas.", callback=by_commas)
    ],
    sensitive: Annotated[str | None, Option(metavar="COLUMN", help="What nobody shall learn of a person.")] = None,
    k: Annotated[int | None, Option("--k", min=1, metavar="N", help="Fail where a class has fewer rows.")] = None,
    l: Annotated[  # noqa: E741 - its name everywhere
        int | None, Option("--l", min=1, metavar="N", help="Fail where a class has fewer distinct sensitive values.")
    ] = None,
    t: Annotated[
        float | None, Option("--t", metavar="DISTANCE", help="Fail where a class is farther from all rows.")
    ] = None,
    distance: Annotated[
        Distance, Option(help="Of sensitive values: by rank, equal, or by rank for numbers (default: auto).")
    ] = Distance.AUTO,
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Measure how well persons hide in a table, and fail where it is too little."""


@command(PANEL, "out/rides --vault safe/vault --columns user -o revealed.parquet", "privacy")
def reveal(
    table: Table,
    vault: Annotated[str, Option(metavar="VAULT", help="The vault that the step pseudonymize filled.")],
    columns: Annotated[
        str, Option(metavar="COLUMNS", help="The columns of pseudonyms, by commas.", callback=by_commas)
    ],
    output: Annotated[str, Option("--output", "-o", metavar="FILE", help="The Parquet file to write.")],
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Write a table with originals in the place of pseudonyms."""


@command(PANEL, "out/rides --key user=4711 --dry-run", "privacy")
def erase(
    table: TableOrJob,
    key: Annotated[
        list[str], Option(metavar="COLUMN=VALUE", help="A person: the rows with this value; may be repeated.")
    ],
    vault: Annotated[
        str | None, Option(metavar="VAULT", help="Look for the pseudonyms of the values too, and erase them there.")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Say what would be erased, and do nothing.")] = False,
    yes: Annotated[bool, Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Erase persons from a table and all that is kept beside it, and search every file for them."""


@command(PANEL, "out/rides mean:age --bounds age=0,100 --epsilon 0.1 --budget 1", "privacy")
def release(
    table: Table,
    query: Annotated[
        str, Argument(metavar="QUERY", help="count, or sum, mean or histogram with a column, such as mean:age.")
    ],
    epsilon: Annotated[float, Option(metavar="EPSILON", help="What the release may tell of a row, such as 0.1.")],
    bounds: Annotated[
        list[str], Option(metavar="COLUMN=LOW,HIGH", help="Between what a column's values lie; not from the data.")
    ] = [],
    bins: Annotated[int, Option(min=2, max=1000, metavar="N", help="Bins of a histogram (default: 10).")] = 10,
    budget: Annotated[
        float | None, Option(metavar="EPSILON", help="What may be spent on the table in all: at the first release.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Release a statistic with differential privacy, and keep count of what that spends."""
