"""The commands, each from its parsed arguments."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

from genspark import job
from genspark.cards.markdown import markdown
from genspark.cards.reading import newest_version, read
from genspark.config import JobConfig, json_schema
from genspark.config.job import LEDGER_SUFFIX
from genspark.errors import ConfigError
from genspark.job import ledger
from genspark.job.report import RunReport
from genspark.job.runners import choose
from genspark.pipeline import PipelineModel
from genspark.terminal.console import print_report, print_runs
from genspark.terminal.files import described, is_yaml
from genspark.terminal.places import located
from genspark.terminal.progress import progress_of
from genspark.terminal.stopping import Stop

Arguments = SimpleNamespace


def run(arguments: Arguments) -> None:
    """Fit, transform, write."""
    config = _config(arguments)
    if arguments.follow:
        _follow(config, arguments)
        return
    _show(job.run(config, force=arguments.force, progress=progress_of(arguments)), arguments)


def _follow(config: JobConfig, arguments: Arguments) -> None:
    """Run again and again until a signal to stop, which lets the run at work finish; a second one interrupts that."""
    if config.sink.mode != "append":
        raise ConfigError(f"--follow: adds new shards, and sink.mode is {config.sink.mode!r}; set it to append")
    if arguments.force:
        raise ConfigError("--follow: adds each shard once, and --force adds all of them again; leave one of them out")
    with Stop() as stop:
        while not stop.is_asked:
            report = job.run(config, progress=progress_of(arguments))
            stop.heed()
            if not report.already_done:
                _show(report, arguments)
            stop.wait(arguments.every)


def replay(arguments: Arguments) -> None:
    """Add repaired rows by the table's model."""
    if is_yaml(arguments.config):
        config, model = _config(arguments), None
    else:
        config, model = job.recorded_job(arguments.config, arguments.sets)
    _show(job.replay(config, arguments.rows, model=model, progress=progress_of(arguments)), arguments)


def fit(arguments: Arguments) -> None:
    """Fit and save the model alone."""
    config = _config(arguments)
    if arguments.update:
        report = job.fit_update(config, progress=progress_of(arguments))
        print(json.dumps(report.to_json()) if arguments.json else report)
        return
    model = job.fit(config, progress=progress_of(arguments))
    if arguments.json:
        print(json.dumps({"model": config.model_path, "model_sha256": model.sha256, "steps": len(model.steps)}))
    else:
        print(f"model saved: {config.model_path}\nnext: genspark transform {arguments.config}")


def transform(arguments: Arguments) -> None:
    """Write the table with a fitted model."""
    config = _config(arguments)
    model = PipelineModel.load(arguments.model) if arguments.model else None
    _show(job.transform(config, model, force=arguments.force, progress=progress_of(arguments)), arguments)


def runs(arguments: Arguments) -> None:
    """List the runs in a table's ledger, newest first."""
    if is_yaml(arguments.table):
        path = located(described(JobConfig, arguments.table)).ledger_path
    else:
        path = f"{arguments.table.rstrip('/')}{LEDGER_SUFFIX}"
    found = ledger.read(path).head(arguments.most)
    if arguments.json:
        print(found.write_ndjson(), end="")
    else:
        print_runs(found.rows(named=True), path)


def plan(arguments: Arguments) -> None:
    """Print the engine and the scans that a run would take."""
    config = _config(arguments)
    choice = choose(config)
    print(f"engine: {choice.engine} ({choice.reason})\n\n{job.plan(config).explain()}")


def diff(arguments: Arguments) -> None:
    """Print what moved from one model to another."""
    moved = PipelineModel.load(arguments.model).diff(PipelineModel.load(arguments.other))
    print(json.dumps(moved.to_json(), indent=1) if arguments.json else moved)


def card(arguments: Arguments) -> None:
    """Print a table's dataset card."""
    document = read(arguments.table)
    if arguments.json:
        print(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        print(markdown(document, newest=newest_version(arguments.table, document)), end="")


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

    report, lines = run_demo(Path(arguments.out), progress_of(arguments), arguments.engine)
    _show(report, arguments, lines)
    if not arguments.json:
        print(
            f"\nNext:\n"
            f"  genspark inspect {report.model}      what each step learnt\n"
            f"  genspark plan conf/taxis.yaml        what a job will read, before it runs\n"
            f"  genspark run conf/taxis.yaml         the same on a file of yours: copy it and change the columns\n"
            f"  notebooks/quickstart.ipynb           the Python API, from load to inverse transform"
        )


def _config(arguments: Arguments) -> JobConfig:
    return described(JobConfig, arguments.config, arguments.sets)


def _show(report: RunReport, arguments: Arguments, extra: list[tuple[str, str]] | None = None) -> None:
    if arguments.json:
        print(json.dumps({**report.to_json(), **dict(extra or ())}))
    else:
        print_report(report, extra)
