"""The command that tells how far a table has moved from another, from its parsed arguments."""

from __future__ import annotations

import contextlib
import json
import math
from types import SimpleNamespace
from typing import Any

from rich.table import Table

from genspark.errors import ConfigError, DataError, did_you_mean
from genspark.pipeline.limits import MEASURES, Limits, changes, is_bound
from genspark.pipeline.model import is_file_of_model
from genspark.report.drifting import drift as compare
from genspark.report.drifting import drift_from_model
from genspark.terminal.console import print_table
from genspark.terminal.progress import reading

NAMES = ("stability", "jensen_shannon", "ks", "missing_before", "missing", "unknown", "judged")


def drift(arguments: SimpleNamespace) -> None:
    """Print how far each column has moved. Raises DataError where one is another and `--stop` is given."""
    limits = Limits(_bounds("--warn", arguments.warn), _bounds("--stop", arguments.stop), arguments.schema.value)
    for stop, warn in limits.backward():
        raise ConfigError(f"--stop: {stop} is below --warn, {warn}; it would fail without a warning")
    is_model = arguments.states or is_file_of_model(arguments.against)
    measure = drift_from_model if is_model else compare
    with reading(arguments, "comparing"):
        told = measure(arguments.table, arguments.against, arguments.columns, limits)
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        _print(told)
    stops = limits.stopped_by(told)
    if stops:
        raise DataError(stops)


def _bounds(option: str, given: tuple[str, ...]) -> dict[str, float]:
    """Bounds that were given as a number, of the stability index, or as MEASURE=BOUND."""
    bounds, problems = {}, []
    for part in given:
        measure, _, bound = part.rpartition("=")
        measure = measure or "stability"
        with contextlib.suppress(ValueError):
            bounds[measure] = float(bound)
        if measure not in MEASURES:
            problems.append(f"{option}: {measure!r} is no measure{did_you_mean(measure, MEASURES)}")
        elif not is_bound(measure, bounds.get(measure, math.nan)):
            what = "a stability index above 0" if measure == "stability" else "a number from 0 on"
            problems.append(f"{option}: must be {what}; got {bound}")
    if problems:
        raise ConfigError(problems)
    return bounds


def _print(told: dict[str, Any]) -> None:
    title = f"genspark drift: {told['table']} (version {told['version']}) against {told['against']}"
    version = told["against_version"]
    table = Table(title=title if version is None else f"{title} (version {version})", title_justify="left")
    for name in ("column", *NAMES):
        table.add_column(name.replace("_", " "), justify="left" if name in ("column", "judged") else "right")
    for one in told["columns"]:
        table.add_row(one["column"], *(_cell(one[name]) for name in NAMES))
    print_table(table, 140)
    for one in told["columns"]:
        if one["lost"]:
            print(f"{one['column']}: {one['lost']}")
    for name, why in told["lacking"].items():
        print(f"not compared: {name}: {why}")
    schema = changes(told)
    for what in ("added", "removed"):
        if schema[what]:
            print(f"columns {what}: {', '.join(schema[what])}")
    for name, (before, after) in schema["changed"].items():
        print(f"type changed: {name} was {before}, and is {after}")


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
