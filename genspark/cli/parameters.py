"""Parameters that several commands have."""

from __future__ import annotations

import enum
import functools
from typing import Annotated, Any

import typer

Option = functools.partial(typer.Option, show_default=False)
Argument = functools.partial(typer.Argument, show_default=False)


class LogForm(enum.StrEnum):
    """How progress is told."""

    TEXT = "text"
    JSON = "json"


class Engine(enum.StrEnum):
    """What runs a job."""

    AUTO = "auto"
    POLARS = "polars"
    SPARK = "spark"
    SPARK_POLARS = "spark-polars"


class Changes(enum.StrEnum):
    """What columns do that were added, removed, or changed their type."""

    WARN = "warn"
    STOP = "stop"
    IGNORE = "ignore"


Config = Annotated[str, Argument(metavar="CONF", help="The job's YAML file.")]
Table = Annotated[str, Argument(metavar="TABLE", help="A table.")]
TableOrJob = Annotated[str, Argument(metavar="TABLE", help="A table, or the job's YAML file.")]
Sets = Annotated[
    list[str],
    Option(
        "--set",
        metavar="PLACE=VALUE",
        help="Override a value, such as sink.path=out/x or steps[1].outliers.threshold=4; may be repeated.",
    ),
]
Force = Annotated[bool, Option("--force", help="Do it again where the table has the same run's rows already.")]
Json = Annotated[bool, Option("--json", help="Print it as JSON, one line, the last.")]
JsonLines = Annotated[bool, Option("--json", help="Print each as a line of JSON.")]
Log = Annotated[
    LogForm, Option("--log", envvar="GENSPARK_LOG", help="Progress and errors as text, or as lines of JSON.")
]
Quiet = Annotated[bool, Option("--quiet", "-q", help="Show no progress.")]


def at_most(what: str, default: str) -> Any:
    """The option -n."""
    return Option("-n", metavar="N", min=1, help=f"{what} (default: {default}).")


def by_commas(text: str | None) -> tuple[str, ...]:
    """Names that were given by commas, each once."""
    return tuple(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))
