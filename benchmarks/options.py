"""Options that several benchmarks take, and the types of their values."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from genspark.session.jvm import driver_memory, usable_cores


def add_machine(parser: argparse.ArgumentParser, what: str, *, limits: str = "heap of each Spark") -> None:
    """Add the options that say what each `what` may use of the machine, and where figures and input go."""
    add = parser.add_argument
    add("--cores", type=at_least_one, default=usable_cores(), help=f"cores of each {what}")
    add("--memory", default=driver_memory(), help=f"{limits}, such as 8g")
    add("--out", type=Path, default=Path("out/benchmarks"), help="where the input is kept for next time")
    add("--json", type=Path, metavar="FILE", help="write every run's figures as JSON")


def at_least_one(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or more; got {text!r}")
    return number


def some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    """The type of an option that takes some of these names, comma-separated."""

    def chosen(text: str) -> list[str]:
        names = list(dict.fromkeys(name.strip() for name in text.split(",")))
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(map(repr, unknown))}: choose from {', '.join(known)}")
        return names

    return chosen
