"""Commands that score what a model generated, and have experts judge it."""

from __future__ import annotations

from typing import Annotated

import typer

from genspark.cli.app import app, command
from genspark.cli.parameters import Argument, Json, JsonLines, Log, LogForm, Option, Quiet, Sets, at_most, by_commas

PANEL = "Scores"
review = typer.Typer(name="review", help="Have experts judge real and generated rows, unknowing which.")
app.add_typer(review, rich_help_panel=PANEL)


@command(PANEL, "conf/evaluation.yaml --set evaluate.by=digit --json", "evaluation")
def evaluate(
    config: Annotated[str, Argument(metavar="CONF", help="A YAML file with a section evaluate, alone or in a job's.")],
    sets: Sets = [],
    json: Json = False,
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Score what a model generated against real rows."""


@command(PANEL, "out/scores -n 20", "evaluation")
def scores(
    table: Annotated[str, Argument(metavar="TABLE", help="A table of scores, or the evaluation's YAML file.")],
    metric: Annotated[str | None, Option(metavar="NAME", help="Only the scores of this name.")] = None,
    most: Annotated[int, at_most("Scores in a course", "30")] = 30,
    json: JsonLines = False,
) -> None:
    """List the scores in a ledger, and how each changed."""


@command(PANEL, "out/real out/generated --out review --columns image,caption --reviewers ann,bob", "review", of=review)
def make(
    real: Annotated[str, Argument(metavar="REAL", help="The table of real rows.")],
    generated: Annotated[str, Argument(metavar="GENERATED", help="The table of generated rows.")],
    out: Annotated[str, Option(metavar="FOLDER", help="Where the review goes.")],
    columns: Annotated[str, Option(metavar="COLUMNS", help="What reviewers see, by commas.", callback=by_commas)],
    by: Annotated[str | None, Option(metavar="COLUMN", help="Draw as many items of each of its values.")] = None,
    items: Annotated[int, Option(min=1, metavar="N", help="Items in all (default: 100).")] = 100,
    reviewers: Annotated[
        str, Option(metavar="NAMES", help="Who judges, by commas.", callback=by_commas)
    ] = "reviewer-1,reviewer-2",
    each: Annotated[int, Option(min=1, metavar="N", help="Reviewers of an item (default: 2).")] = 2,
    seed: Annotated[int, Option(metavar="N", help="Of sample and orders (default: 0).")] = 0,
) -> None:
    """Draw a blinded sample, and write the review."""


@command(PANEL, "review verdicts-ann.csv verdicts-bob.csv", "review", of=review)
def read(
    folder: Annotated[str, Argument(metavar="FOLDER", help="The review, as it was made.")],
    sheets: Annotated[list[str], Argument(metavar="SHEET...", help="CSV sheets, or exports of Label Studio in JSON.")],
    output: Annotated[
        str | None, Option("--output", "-o", metavar="FILE", help="Write the verdicts on each item: .csv or .parquet.")
    ] = None,
    json: Json = False,
) -> None:
    """Check the sheets and score them."""
