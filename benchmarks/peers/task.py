"""What a peer is told, and what it tells."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


class Skipped(Exception):  # noqa: N818 - a peer that cannot run here made no error
    """The peer cannot run here; the message says why."""


@dataclass(frozen=True)
class Task:
    """What a peer is told.

    Rows are dropped beyond `threshold` deviations. `memory` is the heap of a Spark, such as 8g, and the
    limit of any other engine that takes one. `free_memory` is what the machine, or the container, had
    free in bytes when the peer was started. `scratch` is a folder with a short path (a socket's must be
    short) for whatever an engine puts aside; it is removed afterwards.
    `kind` is what the shards are, Parquet or one of text_data.py's; readers of text may know the types if `told`,
    and have to get past bad records if `corrupt`.
    """

    peer: str
    shards: str
    table: str
    rows: int
    columns: Sequence[str]
    threshold: float
    cores: int
    memory: str
    free_memory: int
    scratch: str
    kind: str = "parquet"
    told: bool = True
    corrupt: bool = False


@dataclass
class Outcome:
    """What a peer tells.

    `seconds` holds session (imports and the engine's start, up to the first call), fit, write, and
    total, which is all but the session. `scans` are the passes over the source, the one that writes
    among them. `fill`, `mean` and `std` are what was learnt, column by column; `ddof` is 1 where `std`
    and the written values are of the sample standard deviation, 0 where of the population's. `told` is what
    else the peer has to tell.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    scans: int = 0
    fill: Sequence[float] = ()
    mean: Sequence[float] = ()
    std: Sequence[float] = ()
    ddof: int = 0
    told: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Note the block's wall time as the phase's."""
        start = time.perf_counter()
        yield
        self.seconds[phase] = time.perf_counter() - start
