"""A file as a commit adds it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genspark.sinks.files.footer import Footer
from genspark.sinks.files.order import FileOrder


@dataclass(frozen=True)
class WrittenFile:
    """A file that a commit may add, with the fields of its entry in the log.

    `path` is relative to the table; `partition` maps each partition column to its value as Delta
    writes it, None being null; `stats` is the JSON of Delta's column statistics; `modified` is in
    milliseconds since 1970. `footer` and `order` are what the writer knows of what it wrote.
    """

    path: str
    size: int
    rows: int
    partition: Mapping[str, str | None]
    stats: str
    modified: int
    footer: Footer | None = None
    order: FileOrder | None = None


def as_text(value: Any) -> str | None:
    """A partition's value as the Delta protocol serialises it; None for null, and for an empty string."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return str(value)
