"""The commands for a first look at data, from their parsed arguments: profile and init."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from rich.prompt import Prompt
from rich.table import Table
from rich.text import Text

from genspark.config import JobConfig
from genspark.config.document import as_written
from genspark.drafting import Answers, Column, Look, answers, as_yaml, commented, draft, look, page, proposed
from genspark.drafting.rules import rules_for
from genspark.errors import ConfigError, first_line
from genspark.report.drawing import moment
from genspark.storage.files import write_text
from genspark.storage.sizes import size_text
from genspark.tables.hiding import hidden_in
from genspark.terminal.console import print_table
from genspark.terminal.files import described, is_yaml
from genspark.terminal.progress import reading
from genspark.terminal.ticks import LEVELS, ticks


def profile(arguments: SimpleNamespace) -> None:
    """Print what is in a source, or rules that it suggests."""
    seen = _seen(arguments)
    if arguments.json:
        print(json.dumps(seen.to_json(), ensure_ascii=False))
        return
    if arguments.rules:
        for advice in rules_for(seen):
            print("\n".join([*commented(advice.why, "  "), *as_yaml(advice.kind, advice.fields)]))
        return
    if arguments.html:
        text = page(seen)
        _write("--html", arguments.html, text)
        size = len(text.encode())
        print(f"{arguments.html} ({size_text(size)}): open it in a browser")
        return
    title = f"genspark profile: {seen.rows:,} rows; quantiles and distinct values of the first {seen.sampled:,}"
    table = Table(title=title, title_justify="left")
    for name in (
        "column",
        "type",
        "missing",
        "distinct",
        "least",
        "5 %",
        "median",
        "95 %",
        "greatest",
        "shape",
        "values",
    ):
        table.add_column(name, justify="left" if name in ("column", "type", "shape", "values") else "right")
    for column in seen.columns:
        table.add_row(*_cells(column))
    print_table(table, 180)
    for line in seen.told:
        print(f"- {line}")


def init(arguments: SimpleNamespace) -> None:
    """Write a job that suits a source, with the reason for each choice, and ask on a terminal what data cannot tell."""
    is_printed = arguments.output == "-"
    if not is_printed and Path(arguments.output).exists() and not arguments.force:
        raise ConfigError(f"-o: {arguments.output} is there already; name another file, or give --force")
    seen = _seen(arguments)
    known = proposed(seen, arguments.target or "")
    if sys.stdin.isatty() and sys.stderr.isatty() and not arguments.yes:
        known = _asked(seen, known)
    paths = arguments.source
    text = draft(seen, known, as_written(paths[0], "storage") if _is_job(paths) else None)
    if is_printed:
        print(text, end="")
        return
    _write("-o", arguments.output, text)
    print(f"{arguments.output}: look at it, then: genspark run {arguments.output}")


def _write(option: str, path: str, text: str) -> None:
    """Write a file. Raises ConfigError, which names the option, where that cannot be."""
    try:
        write_text(path, text)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or first_line(error)
        raise ConfigError(f"{option}: {path} cannot be written: {cause}; name another place") from error


def _asked(seen: Look, known: Answers) -> Answers:
    """What a person answers on the terminal; an empty line takes what is proposed, a single - takes none."""
    console = Console(stderr=True)
    told = f"{seen.rows:,} rows of {', '.join(column.name for column in seen.columns)}"
    console.print(Text(told), Text("Enter takes what is in brackets; - is for none."), sep="\n")

    def ask(question: str, default: str) -> str:
        given = Prompt.ask(Text(question), console=console, default=default, show_default=bool(default))
        return "" if given.strip() == "-" else given.strip()

    try:
        return answers(seen, known, ask, lambda line: console.print(Text(line)))
    except EOFError:
        console.print()
        remedy = "answer each, an empty line for what is proposed, or give --yes"
        raise ConfigError(
            f"the input ended before all questions were answered, and nothing is written; {remedy}"
        ) from None


def _seen(arguments: SimpleNamespace) -> Look:
    paths = list(arguments.source)
    config = described(JobConfig, paths[0]) if _is_job(paths) else None
    with reading(arguments, "looking at the data"):
        seen = look(paths, config.source if config else None)
    return seen.without(hidden_in(step.to_json() for step in config.steps)) if config else seen


def _is_job(paths: Sequence[str]) -> bool:
    return len(paths) == 1 and is_yaml(paths[0])


def _cells(column: Column) -> list[str]:
    number = [column.least, *column.quantiles[::2], column.greatest] if column.quantiles else [None] * 5
    values = ", ".join(f"{value} {share:.0%}" for value, share in column.top[:4])
    return [
        column.name,
        _type(column),
        f"{column.missing:.1%}" if column.missing else "",
        f"{column.distinct:,}" if column.distinct else "",
        *(_number(value, column) for value in number),
        _shape(column),
        values,
    ]


def _type(column: Column) -> str:
    """The type, without the unit of times; of texts it says that the figures are those of their lengths."""
    if column.kind == "text":
        return f"{column.dtype}, by length"
    return column.dtype.partition("(")[0] if column.kind == "time" else column.dtype


def _number(value: float | None, column: Column) -> str:
    if value is None:
        return ""
    return _moment(value, column) if column.kind == "time" else f"{value:.4g}"


def _moment(value: float, column: Column) -> str:
    """A day, or a moment to the minute."""
    found = moment(value, column.dtype)
    if isinstance(found, str):
        return found
    return f"{found:%Y-%m-%d}" if column.dtype == "Date" else f"{found:%Y-%m-%d %H:%M}"


def _shape(column: Column) -> str:
    """The bins as a line of blocks, at most 15."""
    if not column.bins:
        return ""
    width = -(-len(column.bins) // 15)
    shares = [sum(column.bins[at : at + width]) for at in range(0, len(column.bins), width)]
    most: Any = max(shares) or 1.0
    return ticks((share / most for share in shares), f" {LEVELS}")
