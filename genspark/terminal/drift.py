"""The command that tells how far a table has moved from another, from its parsed arguments."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from rich.table import Table

from genspark.errors import ConfigError, DataError
from genspark.pipeline.drift import Limits
from genspark.report.drifting import drift as compare
from genspark.report.drifting import drift_from_model
from genspark.terminal.console import print_table
from genspark.terminal.progress import reading

NAMES = ("stability", "jensen_shannon", "ks", "missing_before", "missing", "unknown", "judged")


def drift(arguments: SimpleNamespace) -> None:
    """Print how far each column has moved. Raises DataError where one is another and `--stop` is given."""
    _check_limits(arguments)
    limits = Limits(arguments.warn, Limits().stop if arguments.stop is None else arguments.stop)
    is_model = arguments.states or arguments.against.endswith(".json")
    measure = drift_from_model if is_model else compare
    with reading(arguments, "comparing"):
        told = measure(arguments.table, arguments.against, arguments.columns, limits)
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        _print(told)
    others = [one["column"] for one in told["columns"] if one["judged"] == "other"]
    if arguments.stop is not None and others:
        raise DataError(
            f"{', '.join(map(repr, others))}: above the stability index of {arguments.stop:g}; look at what changed in "
            "the source, and fit anew if it is to stay"
        )


def _check_limits(arguments: SimpleNamespace) -> None:
    for name, index in (("warn", arguments.warn), ("stop", arguments.stop)):
        if index is not None and not index > 0:
            raise ConfigError(f"--{name}: must be a stability index above 0; got {index:g}")
    if arguments.stop is not None and arguments.stop < arguments.warn:
        raise ConfigError(
            f"--stop: {arguments.stop:g} is below --warn, {arguments.warn:g}; it would fail without a warning"
        )


def _print(told: dict[str, Any]) -> None:
    title = f"genspark drift: {told['table']} (version {told['version']}) against {told['against']}"
    version = told["against_version"]
    table = Table(title=title if version is None else f"{title} (version {version})", title_justify="left")
    for name in ("column", *NAMES):
        table.add_column(name.replace("_", " "), justify="left" if name in ("column", "judged") else "right")
    for one in told["columns"]:
        table.add_row(one["column"], *(_cell(one[name]) for name in NAMES))
    print_table(table, 140)
    for name, why in told["lacking"].items():
        print(f"not compared: {name}: {why}")
    schema = told["schema"]
    for what in ("added", "removed"):
        if schema[what]:
            print(f"columns {what}: {', '.join(schema[what])}")
    for name, (before, after) in schema["changed"].items():
        print(f"type changed: {name} was {before}, and is {after}")


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
