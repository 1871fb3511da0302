"""The command line: `genspark COMMAND`, whose commands `genspark --help` lists.

Exit codes: 0 done, 1 the job failed, 2 the user's mistake (and, by argparse, wrong usage).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import math
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from genspark.errors import GensparkError
from genspark.storage.secrets import masked
from genspark.version import VERSION

ENGINES = ("auto", "polars", "spark", "spark-polars")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        # Not before they are needed: a mistake in the arguments, or --help, imports no data library.
        commands = importlib.import_module(f"genspark.terminal.{arguments.module}")
        getattr(commands, arguments.command)(arguments)
    except GensparkError as error:
        print(f"genspark: {masked(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as error:
        print(f"genspark: interrupted; {str(error) or 'the table is as it was'}", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def task() -> None:
    """Run a command as a scheduler's entry point, such as a wheel task of Databricks, which only an error fails."""
    code = main()
    if code:
        sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="genspark",
        description="Prepare sharded data for training generative models: one YAML in, a Delta table out.",
        epilog="example: genspark run conf/taxis.yaml --set sink.path=/data/taxis",
    )
    parser.add_argument("--version", action="version", version=f"genspark {VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    one = _adder(commands)
    with_config = {
        "run": ("fit, transform, write", "conf/taxis.yaml --set sink.path=out/trips --json"),
        "plan": ("print the engine and the scans that a run would take", "conf/taxis.yaml"),
        "fit": ("fit and save the model alone", "conf/taxis.yaml --update --set model.path=models/taxis.json"),
        "transform": (
            "write the table with a fitted model",
            "conf/taxis.yaml --model models/taxis.json --set sink.mode=append",
        ),
        "replay": ("add rows that were repaired, by the table's model", "out/taxis --rows repaired.parquet"),
    }
    for command, (purpose, example) in with_config.items():
        sub = one(command, purpose, example)
        if command == "replay":
            sub.add_argument("config", metavar="TABLE", help="a table that genspark wrote, or the job's YAML file")
        else:
            sub.add_argument("config", metavar="CONF", help="the job's YAML file")
        _add_overrides(sub, "sink.path=out/x or steps[1].outliers.threshold=4")
        if command in ("run", "transform"):
            sub.add_argument(
                "--force", action="store_true", help="do it again where the table has the same run's rows already"
            )
        if command == "transform":
            sub.add_argument("--model", metavar="FILE", help="the fitted model (default: the config's model path)")
        if command == "replay":
            sub.add_argument(
                "--rows",
                required=True,
                metavar="PATH",
                help="a Parquet, csv or JSON lines file, or a Delta table, of rows",
            )
        if command == "run":
            sub.add_argument(
                "--follow", action="store_true", help="go on: add new shards as they come (sink.mode: append)"
            )
            sub.add_argument(
                "--every", type=_seconds, default=30.0, metavar="SECONDS", help="how often to look (default: 30)"
            )
        if command == "fit":
            sub.add_argument(
                "--update",
                action="store_true",
                help="scan only files that are new or changed, and keep the statistics of each for the next time",
            )
        if command != "plan":
            _add_output_options(sub)

    sub = one("runs", "list the runs that wrote a table, or failed to", "out/taxis -n 10")
    sub.add_argument("table", metavar="TABLE", help="a table that genspark wrote, or the job's YAML file")
    sub.add_argument("-n", type=_count, default=20, metavar="N", dest="most", help="runs to list (default: 20)")
    sub.add_argument("--json", action="store_true", help="print every column of each run, as a line of JSON each")

    _add_table_commands(one)
    _add_review_commands(one)

    sub = one("report", "make a page that shows a table, beside another one", "out/taxis -o report.html", "report")
    sub.add_argument("table", metavar="TABLE", help="a table")
    sub.add_argument("--against", metavar="TABLE", help="a table to compare it with, such as the real rows")
    sub.add_argument("-o", "--output", default="report.html", metavar="FILE", help="default: report.html")
    sub.add_argument("--scores", metavar="TABLE", help="a ledger of scores, of which the newest are shown")
    sub.add_argument("--by", metavar="COLUMN", help="show the images with its highest and lowest numbers")
    sub.add_argument("--features", metavar="COLUMN", help="vectors, by which images are shown with their neighbours")
    sub.add_argument("--no-steps", action="store_true", help="do not read the source to show what each step did")
    sub.add_argument("--json", action="store_true", help="print where it is and its size as JSON")

    sub = one("catalog", "list the tables below a folder, with all that their logs and cards tell", "out", "catalog")
    sub.add_argument("root", metavar="ROOT", help="a folder, of a disk or a store, that tables are in")
    sub.add_argument("--metastore", action="store_true", help="ROOT is a catalog or a schema of the Spark session's")
    sub.add_argument("--site", metavar="FOLDER", help="write it as pages with a search, which work offline")
    sub.add_argument("--scores", action="append", default=[], metavar="TABLE", help="a ledger of scores elsewhere")
    sub.add_argument("--depth", type=_count, default=8, metavar="N", help="levels of folders to look into (default: 8)")
    _add_output_options(sub)

    _add_evaluation_commands(one)

    _add_first_looks(one)

    sub = one("drift", "tell how far a table has moved from another", "out/new --against out/old --stop 0.25", "drift")
    sub.add_argument("table", metavar="TABLE", help="a table")
    sub.add_argument("--against", required=True, metavar="TABLE", help="the table that it is held against")
    sub.add_argument("--columns", metavar="COLUMNS", help="only these, by commas")
    sub.add_argument("--warn", type=float, default=0.1, metavar="INDEX", help="above it a column has moved (0.1)")
    sub.add_argument(
        "--stop", type=float, metavar="INDEX", help="fail where a stability index is above it, such as 0.25"
    )
    sub.add_argument("--json", action="store_true", help="print all of it as JSON")

    sub = one("diff", "print what moved from one model to another", "models/monday.json models/tuesday.json")
    sub.add_argument("model", metavar="MODEL", help="a model file")
    sub.add_argument("other", metavar="OTHER", help="the model file to compare it with")
    sub.add_argument("--json", action="store_true", help="print every change as JSON")

    sub = one("card", "print a table's dataset card in Markdown", "out/taxis > README.md")
    sub.add_argument("table", metavar="TABLE", help="a table that genspark wrote")
    sub.add_argument("--json", action="store_true", help="print the Croissant document that the card is made from")

    sub = one("schema", "write the JSON Schema that editors complete from", "-o conf/genspark.schema.json")
    sub.add_argument("-o", "--output", metavar="FILE", help="where to write it (default: standard output)")

    sub = one("demo", "run the main job on handwritten digits", "--out out")
    sub.add_argument("--engine", default="auto", choices=ENGINES, help="what runs it (default: auto, without Java)")
    sub.add_argument("--out", default="out", metavar="FOLDER", help="where shards and tables go (default: out)")
    _add_output_options(sub)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (seconds := float(text)) < math.inf:
            return seconds
    raise argparse.ArgumentTypeError(f"must be a number of seconds above 0; got {text!r}")


def _add_table_commands(one: Callable[..., argparse.ArgumentParser]) -> None:
    sub = one("inspect", "print what a model learnt, or how a table is laid out and what is off", "out/taxis", "tables")
    sub.add_argument("path", metavar="PATH", help="a table, or a model file")
    sub.add_argument("--json", action="store_true", help="print all of it as JSON")
    sub.add_argument("--all", action="store_true", help="read the footers of all files, not of 200")
    sub.add_argument("--rows", action="store_true", help="check the order of rows in all files, not in 20")
    sub.add_argument("-q", "--quiet", action="store_true", help="show no progress")

    sub = one("quarantine", "count the rows that were rejected, by rule, and show some", "out/taxis -n 5", "tables")
    sub.add_argument("table", metavar="TABLE", help="a table, its quarantine, or the job's YAML file")
    sub.add_argument("--run", metavar="ID", help="only the rows of this run")
    sub.add_argument("-n", type=_count, default=3, metavar="N", dest="most", help="rows to show a rule (default: 3)")
    _add_output_options(sub)

    sub = one("audit", "show how groups fare", "out/titanic --groups sex,pclass --label survived", "audit")
    sub.add_argument("table", metavar="TABLE", help="a table, or the job's YAML file")
    sub.add_argument("--groups", required=True, metavar="COLUMNS", help="the columns that make the groups, by commas")
    sub.add_argument("--label", metavar="COLUMN", help="the outcome that is true")
    sub.add_argument("--prediction", metavar="COLUMN", help="the outcome that a model said")
    sub.add_argument("--positive", metavar="VALUE", help="the outcome that is counted (default: 1 or true)")
    sub.add_argument("--floor", type=_count, default=30, metavar="N", help="rows below which a group has no rates (30)")
    sub.add_argument(
        "--reference", action="append", default=[], metavar="GROUP=SHARE", help="the share that a group should have"
    )
    _add_output_options(sub)

    sub = one("trace", "follow a row back to its file, run, model and steps", "out/taxis --row-id 42", "tables")
    sub.add_argument("table", metavar="TABLE", help="a table, or the job's YAML file")
    sub.add_argument(
        "--row-id", type=int, required=True, metavar="N", help="its _row_id; a negative one as --row-id=-5"
    )
    _add_output_options(sub)

    sub = one("maintain", "mend what inspect finds: compact, vacuum, raise retention", "out/taxis --dry-run", "tables")
    sub.add_argument("path", metavar="TABLE", help="a Delta table")
    sub.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    sub.add_argument(
        "--compact", action="store_true", help="write files anew that are off, in order and of the target size"
    )
    sub.add_argument("--vacuum", action="store_true", help="delete files that no version needs any more")
    sub.add_argument("--retain", metavar="DURATION", help="keep removed files and the log for so long, such as 30d")
    sub.add_argument("--rows", action="store_true", help="check the order of rows in all files, not in 20")
    sub.add_argument("--force", action="store_true", help="vacuum or shorten retention below what the table says")
    _add_output_options(sub)


def _add_first_looks(one: Callable[..., argparse.ArgumentParser]) -> None:
    init = one("init", "write a job that suits some data, with the reason for each choice", "data/*.csv.gz", "drafting")
    init.add_argument("-o", "--output", default="genspark.yaml", metavar="FILE", help="- prints it (genspark.yaml)")
    init.add_argument("--target", metavar="TABLE", help="where the table is to be (default: out/ and the data's name)")
    init.add_argument("-y", "--yes", action="store_true", help="ask nothing, and take what is proposed")
    init.add_argument("--force", action="store_true", help="write over a file that is there")
    profile = one("profile", "show what is in some data", "data/*.csv.gz", "drafting")
    profile.add_argument("--rules", action="store_true", help="print rules that it suggests, for the step validate")
    profile.add_argument("--html", metavar="FILE", help="write it as a page, with a picture of each column")
    profile.add_argument("--json", action="store_true", help="print all of it as JSON")
    for sub in (init, profile):
        sub.add_argument("source", nargs="+", metavar="SOURCE", help="files, globs, a Delta table, or a job's YAML")
        sub.add_argument("-q", "--quiet", action="store_true", help="show no progress")


def _add_review_commands(one: Callable[..., argparse.ArgumentParser]) -> None:
    group = one("review", "have experts judge real and generated rows, unknowing which", "make --help", "review")
    steps = _adder(group.add_subparsers(title="steps", metavar="STEP", required=True), "review ")
    sub = steps("make", "draw a blinded sample, and write the review", "out/real out/generated --out review", "review")
    sub.add_argument("real", metavar="REAL", help="the table of real rows")
    sub.add_argument("generated", metavar="GENERATED", help="the table of generated rows")
    sub.add_argument("--out", required=True, metavar="FOLDER", help="where the review goes")
    sub.add_argument("--columns", nargs="+", required=True, metavar="COLUMN", help="what reviewers see")
    sub.add_argument("--by", metavar="COLUMN", help="draw as many items of each of its values")
    sub.add_argument("--items", type=_count, default=100, metavar="N", help="items in all (default: 100)")
    sub.add_argument("--reviewers", nargs="+", default=["reviewer-1", "reviewer-2"], metavar="NAME", help="who judges")
    sub.add_argument("--each", type=_count, default=2, metavar="N", help="reviewers of an item (default: 2)")
    sub.add_argument("--seed", type=int, default=0, metavar="N", help="of sample and orders (default: 0)")
    sub = steps("read", "check the sheets and score them", "review verdicts-ann.csv verdicts-bob.csv", "review")
    sub.add_argument("folder", metavar="FOLDER", help="the review, as it was made")
    sub.add_argument("sheets", nargs="+", metavar="SHEET", help="CSV sheets, or exports of Label Studio in JSON")
    sub.add_argument("-o", "--output", metavar="FILE", help="write the verdicts on each item: .csv or .parquet")
    sub.add_argument("--json", action="store_true", help="print the scores as one line of JSON")


def _add_evaluation_commands(one: Callable[..., argparse.ArgumentParser]) -> None:
    example = "conf/evaluation.yaml --set evaluate.by=label --json"
    sub = one("evaluate", "score what a model generated against real rows", example, "evaluation")
    sub.add_argument("config", metavar="CONF", help="a YAML file with a section evaluate, alone or in a job's")
    _add_overrides(sub, "evaluate.generated=out/vae")
    sub.add_argument("--json", action="store_true", help="print the scores as one line of JSON, the last line")
    sub.add_argument("-q", "--quiet", action="store_true", help="show no progress")

    sub = one("scores", "list the scores in a ledger, and how each changed", "out/scores -n 20", "evaluation")
    sub.add_argument("table", metavar="TABLE", help="a table of scores, or the evaluation's YAML file")
    sub.add_argument("--metric", metavar="NAME", help="only the scores of this name")
    sub.add_argument("-n", type=_count, default=30, metavar="N", dest="most", help="scores in a course (default: 30)")
    sub.add_argument("--json", action="store_true", help="print each series of comparable scores as a line of JSON")


def _adder(commands: Any, before: str = "") -> Callable[..., argparse.ArgumentParser]:
    def add(command: str, purpose: str, example: str, module: str = "commands") -> argparse.ArgumentParser:
        sub: argparse.ArgumentParser = commands.add_parser(
            command,
            help=purpose,
            description=f"{purpose[0].upper()}{purpose[1:]}.",
            epilog=f"example: genspark {before}{command} {example}",
        )
        sub.set_defaults(command=command, module=module)
        return sub

    return add


def _add_overrides(sub: argparse.ArgumentParser, example: str) -> None:
    told = f"override a value, such as {example}; may be repeated"
    sub.add_argument("--set", action="append", default=[], metavar="PLACE=VALUE", dest="sets", help=told)


def _add_output_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--json", action="store_true", help="print the report as one line of JSON, the last line")
    sub.add_argument("-q", "--quiet", action="store_true", help="show no progress")


if __name__ == "__main__":
    sys.exit(main())
