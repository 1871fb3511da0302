"""All that a run knows of the table that it wrote, as plain values: what every card is made from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genspark.pipeline.history import History
from genspark.sinks.contents import Contents


@dataclass(frozen=True)
class About:
    """What only people know of a table: its section `card` in the YAML, of which every part may be absent."""

    description: str | None = None
    license: tuple[str, ...] = ()
    creator: tuple[str, ...] = ()
    url: str | None = None
    citation: str | None = None
    keywords: tuple[str, ...] = ()
    collection: str | None = None
    use_cases: tuple[str, ...] = ()
    biases: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    impact: str | None = None


@dataclass(frozen=True)
class Input:
    """A file that rows came from: its URI, bytes, and when it was changed; None where that is not known."""

    uri: str
    size: int | None = None
    modified: dt.datetime | None = None


@dataclass(frozen=True)
class Announcement:
    """What is known of a run before it begins: who it is, and the paths that it reads and writes."""

    job: str
    run_id: str
    namespace: str
    reads: tuple[str, ...]
    writes: str


@dataclass(frozen=True)
class RunFacts:
    """A finished run and its table.

    `columns` maps each column to its type, `histories` to what became of it; a column without a history was added by
    the sink. `splits` maps the columns of `split` steps to the shares of their parts. `judged` are the columns of the
    source by which rows were taken out. `inputs` are the source's files where they were listed, and `contents` the
    table's where its log can be read from here. `figures` are the run's numbers by their names; those of a step begin
    with its label, which `labels` has for each of `steps`. `findings` of the fit, `drift`, `bias` and `privacy` are
    sentences.
    """

    job: str
    run_id: str
    engine: str
    started: dt.datetime
    ended: dt.datetime
    about: About
    source: Mapping[str, Any]
    source_columns: Mapping[str, str]
    inputs: tuple[Input, ...]
    table: str
    format: str
    mode: str
    version: int
    columns: Mapping[str, str]
    histories: Mapping[str, History]
    steps: tuple[str, ...]
    splits: Mapping[str, Mapping[str, float]]
    judged: tuple[str, ...]
    contents: Contents | None
    model: str
    model_sha256: str
    config_sha256: str
    quarantine: str | None
    rows_written: int
    files_written: int
    bytes_written: int
    figures: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    findings: Sequence[str] = ()
    drift: Sequence[str] = ()
    bias: Sequence[str] = ()
    privacy: Sequence[str] = ()

    @property
    def rows(self) -> int | None:
        """The rows of the table; None where its log does not tell."""
        return self.rows_where({})

    def rows_where(self, partition: Mapping[str, str]) -> int | None:
        """The rows of the partitions with these values; None where the log does not tell."""
        if self.contents is None or not set(partition) <= set(self.contents.partition_by):
            return None
        counts = [file.rows for file in self.contents.files if partition.items() <= file.partition.items()]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None
