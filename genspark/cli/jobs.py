"""Commands that run jobs."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from genspark.cli.app import command
from genspark.cli.parameters import (
    Argument,
    Config,
    Engine,
    Force,
    Json,
    JsonLines,
    Log,
    LogForm,
    Option,
    Quiet,
    Sets,
    TableOrJob,
    at_most,
)

PANEL = "Jobs"


def _seconds(every: float) -> float:
    if not 0 < every < math.inf:
        raise typer.BadParameter(f"must be a number of seconds above 0; got {every:g}")
    return every


@command(PANEL, "conf/taxis.yaml --set engine=polars --json", "commands")
def run(
    config: Config,
    sets: Sets = [],
    force: Force = False,
    follow: Annotated[bool, Option("--follow", help="Go on: add new shards as they come (sink.mode: append).")] = False,
    every: Annotated[
        float, Option(metavar="SECONDS", help="How often to look (default: 30).", callback=_seconds)
    ] = 30.0,
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Fit, transform, write."""


@command(PANEL, "conf/taxis.yaml", "commands")
def plan(config: Config, sets: Sets = []) -> None:
    """Print the engine and the scans that a run would take."""


@command(PANEL, "conf/taxis.yaml --update --set model.path=models/taxis.json", "commands")
def fit(
    config: Config,
    sets: Sets = [],
    update: Annotated[
        bool,
        Option(
            "--update",
            help="Scan only new and changed files, and keep the statistics of each for the next time.",
        ),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Fit and save the model alone."""


@command(PANEL, "conf/taxis.yaml --model models/taxis.json --set sink.mode=append", "commands")
def transform(
    config: Config,
    sets: Sets = [],
    model: Annotated[
        str | None, Option(metavar="FILE", help="The fitted model (default: the config's model path).")
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Write the table with a fitted model."""


@command(PANEL, "out/taxis --rows repaired.parquet", "commands")
def replay(
    config: Annotated[str, Argument(metavar="TABLE", help="A table that genspark wrote, or the job's YAML file.")],
    rows: Annotated[str, Option(metavar="PATH", help="A Parquet, csv or JSON lines file, or a Delta table, of rows.")],
    sets: Sets = [],
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Add rows that were repaired, by the table's model."""


@command(PANEL, "out/taxis -n 10", "commands")
def runs(table: TableOrJob, most: Annotated[int, at_most("Runs to list", "20")] = 20, json: JsonLines = False) -> None:
    """List the runs that wrote a table, or failed to."""


@command(PANEL, "models/monday.json models/tuesday.json", "commands")
def diff(
    model: Annotated[str, Argument(metavar="MODEL", help="A model file.")],
    other: Annotated[str, Argument(metavar="OTHER", help="The model file to compare it with.")],
    json: Json = False,
) -> None:
    """Print what moved from one model to another."""


@command(PANEL, "-o conf/genspark.schema.json", "commands")
def schema(
    output: Annotated[
        str | None, Option("--output", "-o", metavar="FILE", help="Where to write it (default: standard output).")
    ] = None,
) -> None:
    """Write the JSON Schema that editors complete from."""


@command("First looks", "--out out", "commands")
def demo(
    engine: Annotated[Engine, Option(help="What runs it (default: auto, without Java).")] = Engine.AUTO,
    out: Annotated[str, Option(metavar="FOLDER", help="Where shards and tables go (default: out).")] = "out",
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Run the main job on handwritten digits."""
