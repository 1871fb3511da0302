"""The command line: `genspark run | plan | fit | transform | inspect | diff | schema | demo`.

Exit codes: 0 done, 1 the job failed, 2 the user's mistake (and, by argparse, wrong usage).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from genspark import job
from genspark.config import JobConfig, json_schema
from genspark.errors import GensparkError
from genspark.job.report import RunReport
from genspark.job.runners import choose
from genspark.pipeline.describe import describe
from genspark.pipeline.model import PipelineModel
from genspark.terminal.console import ConsoleProgress, print_report
from genspark.version import VERSION

Arguments = argparse.Namespace
ENGINES = ("auto", "polars", "spark", "spark-polars")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        command: Callable[[Arguments], None] = arguments.command
        command(arguments)
    except GensparkError as error:
        print(f"genspark: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("genspark: interrupted; the table is as it was", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def run(arguments: Arguments) -> None:
    """Fit, transform, write."""
    _show(job.run(_config(arguments), progress=_progress(arguments)), arguments)


def fit(arguments: Arguments) -> None:
    """Fit and save the model alone."""
    config = _config(arguments)
    if arguments.update:
        report = job.fit_update(config, progress=_progress(arguments))
        print(json.dumps(report.to_json()) if arguments.json else report)
        return
    model = job.fit(config, progress=_progress(arguments))
    if arguments.json:
        print(json.dumps({"model": config.model_path, "model_sha256": model.sha256, "steps": len(model.steps)}))
    else:
        print(f"model saved: {config.model_path}\nnext: genspark transform {arguments.config}")


def transform(arguments: Arguments) -> None:
    """Write the table with a fitted model."""
    config = _config(arguments)
    model = PipelineModel.load(arguments.model) if arguments.model else None
    _show(job.transform(config, model, progress=_progress(arguments)), arguments)


def plan(arguments: Arguments) -> None:
    """Print the engine and the scans that a run would take."""
    config = _config(arguments)
    choice = choose(config)
    print(f"engine: {choice.engine} ({choice.reason})\n\n{job.plan(config).explain()}")


def inspect(arguments: Arguments) -> None:
    """Print what a model learnt."""
    model = PipelineModel.load(arguments.model)
    print(json.dumps(model.to_json(), indent=1) if arguments.json else describe(model))


def diff(arguments: Arguments) -> None:
    """Print what moved from one model to another."""
    moved = PipelineModel.load(arguments.model).diff(PipelineModel.load(arguments.other))
    print(json.dumps(moved.to_json(), indent=1) if arguments.json else moved)


def schema(arguments: Arguments) -> None:
    """Write the JSON Schema that editors complete from."""
    text = json.dumps(json_schema(), indent=1) + "\n"
    if arguments.output:
        Path(arguments.output).write_text(text, encoding="utf-8")
    else:
        print(text, end="")


def demo(arguments: Arguments) -> None:
    """Run the main job on handwritten digits."""
    from genspark.terminal.demo import run_demo

    out = Path(arguments.out)
    report, lines = run_demo(out, _progress(arguments), arguments.engine)
    _show(report, arguments, lines)
    if not arguments.json:
        print(
            f"\nNext:\n"
            f"  genspark inspect {report.model}      what each step learnt\n"
            f"  genspark plan conf/taxis.yaml        what a job will read, before it runs\n"
            f"  genspark run conf/taxis.yaml         the same on a file of yours: copy it and change the columns\n"
            f"  notebooks/quickstart.ipynb           the Python API, from load to inverse transform"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="genspark",
        description="Prepare sharded data for training generative models: one YAML in, a Delta table out.",
        epilog="example: genspark run conf/taxis.yaml --set sink.path=/data/taxis",
    )
    parser.add_argument("--version", action="version", version=f"genspark {VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    one = _adder(commands)
    with_config = [run, plan, fit, transform]
    examples = {
        run: "genspark run conf/taxis.yaml --set sink.path=out/trips --json",
        plan: "genspark plan conf/taxis.yaml",
        fit: "genspark fit conf/taxis.yaml --update --set model.path=models/taxis.json",
        transform: "genspark transform conf/taxis.yaml --model models/taxis.json --set sink.mode=append",
    }
    for command in with_config:
        sub = one(command, examples[command])
        sub.add_argument("config", metavar="CONF", help="the job's YAML file")
        sub.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="PLACE=VALUE",
            dest="sets",
            help="override a value, such as sink.path=out/x or steps[1].outliers.threshold=4; may be repeated",
        )
        if command is transform:
            sub.add_argument("--model", metavar="FILE", help="the fitted model (default: the config's model path)")
        if command is fit:
            sub.add_argument(
                "--update",
                action="store_true",
                help="scan only files that are new or changed, and keep the statistics of each for the next time",
            )
        if command is not plan:
            _add_output_options(sub)

    sub = one(inspect, "genspark inspect out/taxis/_genspark/model.json")
    sub.add_argument("model", metavar="MODEL", help="a model file")
    sub.add_argument("--json", action="store_true", help="print the whole model as JSON")

    sub = one(diff, "genspark diff models/monday.json models/tuesday.json")
    sub.add_argument("model", metavar="MODEL", help="a model file")
    sub.add_argument("other", metavar="OTHER", help="the model file to compare it with")
    sub.add_argument("--json", action="store_true", help="print every change as JSON")

    sub = one(schema, "genspark schema -o conf/genspark.schema.json")
    sub.add_argument("-o", "--output", metavar="FILE", help="where to write it (default: standard output)")

    sub = one(demo, "genspark demo --out out")
    sub.add_argument("--engine", default="auto", choices=ENGINES, help="what runs it (default: auto, without Java)")
    sub.add_argument("--out", default="out", metavar="FOLDER", help="where shards and tables go (default: out)")
    _add_output_options(sub)
    return parser


def _adder(commands: Any) -> Callable[[Callable[[Arguments], None], str], argparse.ArgumentParser]:
    def add(command: Callable[[Arguments], None], example: str) -> argparse.ArgumentParser:
        told = (command.__doc__ or "").rstrip(".")
        sub: argparse.ArgumentParser = commands.add_parser(
            command.__name__, help=told[0].lower() + told[1:], description=f"{told}.", epilog=f"example: {example}"
        )
        sub.set_defaults(command=command)
        return sub

    return add


def _add_output_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--json", action="store_true", help="print the report as one line of JSON, the last line")
    sub.add_argument("-q", "--quiet", action="store_true", help="show no progress")


def _config(arguments: Arguments) -> JobConfig:
    return JobConfig.from_yaml(arguments.config, sets=arguments.sets)


def _progress(arguments: Arguments) -> ConsoleProgress | None:
    return None if arguments.quiet else ConsoleProgress()


def _show(report: RunReport, arguments: Arguments, extra: list[tuple[str, str]] | None = None) -> None:
    if arguments.json:
        print(json.dumps({**report.to_json(), **dict(extra or ())}))
    else:
        print_report(report, extra)


if __name__ == "__main__":
    sys.exit(main())
