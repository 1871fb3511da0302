"""What a catalogue tells of one table, as plain values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["table", "quarantine", "runs", "scores"]


@dataclass(frozen=True)
class Column:
    """A column: its type, what was done to it, and the steps that hid personal data in it, or in what it is made from.

    Of steps of another table the listing knows, and their texts end with its name.
    """

    name: str
    type: str
    done: str = ""
    privacy: tuple[str, ...] = ()


@dataclass(frozen=True)
class Version:
    """A version of a table: when it was made, by what operation, and the run and job of genspark, where it was one."""

    version: int
    made: dt.datetime
    operation: str
    job: str | None = None
    run_id: str | None = None


@dataclass(frozen=True)
class Entry:
    """A table. What is not known is None or empty; `error` says why a table could not be looked at.

    `version` is the newest, `versions` are the last ones, newest first. `rows`, `files` and `bytes` are of the newest.
    `sources` are the paths that its rows are from, `quarantine` that of the rows that its last run rejected.
    `made_from` and `feeds` are names of tables of the same listing, and so is `beside`, of a ledger or a quarantine.
    `notes` say what the rest leaves out.
    """

    name: str
    path: str
    kind: Kind = "table"
    format: str | None = None
    description: str | None = None
    owner: str | None = None
    license: tuple[str, ...] = ()
    url: str | None = None
    keywords: tuple[str, ...] = ()
    version: int | None = None
    versions: tuple[Version, ...] = ()
    modified: dt.datetime | None = None
    rows: int | None = None
    files: int | None = None
    bytes: int | None = None
    partition_by: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    scores: tuple[Mapping[str, Any], ...] = ()
    sources: tuple[str, ...] = ()
    made_from: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    beside: str | None = None
    quarantine: str | None = None
    quarantined: int | None = None
    last_run: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    steps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None

    @property
    def private(self) -> dict[str, tuple[str, ...]]:
        """The columns in which a step hid or flagged personal data, with these steps."""
        return {column.name: column.privacy for column in self.columns if column.privacy}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        told = _plain(asdict(self))
        return {**told, "privacy": {name: list(steps) for name, steps in self.private.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
