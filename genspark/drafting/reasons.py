"""A step that is advised, and how its reasons are put."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from genspark.drafting.looking import Column


@dataclass(frozen=True)
class Advice:
    """A step for some columns, as YAML has it, and why, a line for each reason; without a kind, the reasons alone."""

    kind: str
    fields: dict[str, Any]
    why: tuple[str, ...]


def names_of(columns: Sequence[Column]) -> list[str]:
    """The names of columns."""
    return [column.name for column in columns]


def listed(what: str, columns: Sequence[Column], figure: Callable[[Column], str]) -> str:
    """A reason, and the first six columns that it is for with the figure of each."""
    shown = [f"{column.name} {figure(column)}" for column in columns[:6]]
    more = f" and {len(columns) - 6} more" if len(columns) > 6 else ""
    return f"{what}: {', '.join(shown)}{more}"


def percent(share: float) -> str:
    """A share in percent, small ones with two digits."""
    return f"{share:.1%}" if share >= 0.001 else f"{100.0 * share:.2g}%"
