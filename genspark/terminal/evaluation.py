"""The commands that score, and that list scores, each from its parsed arguments."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace

from rich.table import Table

from genspark.config import Evaluation
from genspark.errors import ConfigError, DataError
from genspark.evaluate.runs import ledger
from genspark.evaluate.runs.results import Results, slice_text
from genspark.evaluate.runs.running import run
from genspark.storage.secrets import masked
from genspark.terminal.console import print_table
from genspark.terminal.files import described, is_yaml
from genspark.terminal.progress import progress_of
from genspark.terminal.ticks import ticks

Arguments = SimpleNamespace


def evaluate(arguments: Arguments) -> None:
    """Score what a model generated, and print the scores. Raises DataError where some could not be taken."""
    results = run(described(Evaluation, arguments.config, arguments.sets), phase=progress_of(arguments).phase)
    if arguments.json:
        print(json.dumps(results.to_json(), ensure_ascii=False, default=str))
    else:
        _print_results(results)
    if results.failed:
        first = results.failed[0]
        of = f" of {slice_text(first.slice)}" if first.slice else ""
        more = f" (and {len(results.failed) - 1} more)" if len(results.failed) > 1 else ""
        raise DataError(f"{first.metric}{of} could not be scored: {first.why}{more}")


def scores(arguments: Arguments) -> None:
    """List the scores in a ledger, and how each changed."""
    path = arguments.table
    if is_yaml(path):
        config = described(Evaluation, path)
        if not config.evaluate.ledger:
            raise ConfigError("evaluate.ledger: needed and absent: this evaluation keeps no scores", where=path)
        path = config.evaluate.ledger
    rows = ledger.read(path)
    if arguments.metric:
        rows = rows.filter(metric=arguments.metric)
    found = ledger.series(rows)
    if arguments.json:
        for one in found:
            print(json.dumps(one.to_json(), ensure_ascii=False))
    else:
        _print_series(found, path, arguments.most)


def _print_results(results: Results) -> None:
    table = Table(title=f"genspark: {results.name}", title_justify="left")
    has_slices = any(one.slice for one in results.scored)
    table.add_column("score", overflow="fold")
    if has_slices:
        table.add_column("of", overflow="fold")
    for name in ("value", "interval of 95 %", "n"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in results.scored:
        score = one.score
        of = [slice_text(one.slice) or "all"] if has_slices else []
        cells = (one.label, *of, f"{score.value:.6g}", interval_text(score.interval), f"{score.n:,}")
        table.add_row(*cells)
    print_table(table)
    for side, facts in results.sides.items():
        shown = {name: slice_text(value) if name == "where" else value for name, value in facts.items()}
        told = ", ".join(f"{name} {value}" for name, value in shown.items() if name != "path" and value is not None)
        print(f"{side}: {facts.get('path', 'given')} ({told})")
    for note in dict.fromkeys([*results.notes, *(w for one in results.scored for w in one.score.warnings)]):
        print(f"note: {note}")


def _print_series(found: Sequence[ledger.Series], path: str, most: int) -> None:
    table = Table(title=f"genspark: scores in {masked(path)}", title_justify="left")
    for name in ("score", "of"):
        table.add_column(name, overflow="fold")
    table.add_column("course", no_wrap=True)
    for name in ("last", "interval of 95 %", "change", "scores"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        last, values = one.rows[-1], [row["value"] for row in one.rows]
        change = "" if len(values) < 2 else f"{values[-1] - values[-2]:+.4g}"
        bounds = None if last["low"] is None else (last["low"], last["high"])
        cells = (one.label, slice_text(one.slice) or "all", course(values[-most:]), f"{last['value']:.6g}")
        table.add_row(*cells, interval_text(bounds), change, f"{len(values):,}")
    print_table(table)
    unlike = [one.label for one in found]
    for name in dict.fromkeys(name for name in unlike if unlike.count(name) > 1):
        of_name = [one for one in found if one.label == name]
        if len({one.digest for one in of_name}) > 1:
            print(f"note: scores of {name} are of unlike signatures, and stand apart; --json tells them")


def interval_text(interval: tuple[float, float] | None) -> str:
    """An interval as a table shows it; empty where there is none."""
    return f"{interval[0]:.4g} to {interval[1]:.4g}" if interval else ""


def course(values: Sequence[float]) -> str:
    """Values as a line of ticks between the lowest and the highest, oldest first; of equal values, low ones."""
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    return ticks((value - low) / spread for value in values)
