"""Where what does not fit a state or a model is kept: files in a folder that a job makes, and removes or publishes.

A statistic of every row (see `Signatures`) is too big for a plain state. In a job it is written into the job's scratch
folder as it is gathered, and its state names the files; without a job it stays in memory.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genspark.storage.files import replacing

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Spill:
    """A folder of a job. `grows`: later runs add rows to the table, and need an index of what is there."""

    folder: str
    grows: bool = False

    def new(self, what: str, ending: str) -> str:
        """The path of a new file."""
        return f"{self.folder}/{what}-{uuid.uuid4().hex}.{ending}"


_CURRENT: ContextVar[Spill | None] = ContextVar("spill", default=None)


def current() -> Spill | None:
    """The folder of the job at work; None where there is no job."""
    return _CURRENT.get()


@contextlib.contextmanager
def into(spill: Spill | None) -> Iterator[None]:
    """Let what is spilled in the block go there."""
    token = _CURRENT.set(spill)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def save_over(frame: pl.DataFrame, path: str) -> None:
    """Write a frame in the place of a local file, at once or not at all. Raises OSError."""
    with replacing(Path(path)) as draft:
        save(frame, str(draft))


def save(frame: pl.DataFrame, path: str) -> None:
    """Write a frame as one batch of an Arrow file that is not compressed, so that it can be mapped into memory."""
    import polars as pl
    import pyarrow as pa

    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table.combine_chunks())
