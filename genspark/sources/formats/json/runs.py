"""Read lines of JSON as Arrow tables, and find the lines that PyArrow does not read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.json

_ROW = re.compile(r" in row (\d+)$")
_PIECE = 128
"""Lines that are read at once where PyArrow does not name the line that it cannot read."""


@dataclass(frozen=True)
class Run:
    """The lines from `start` up to `stop`: a table with a row a line, or None where PyArrow does not read them."""

    start: int
    stop: int
    table: Any


class RetryError(Exception):
    """The lines should be read once more, in another way."""


def runs(records: pl.Series, options: Any, is_worth_retrying: Callable[[str], bool]) -> list[Run]:
    """Read all lines, at least one, as runs in order. A line that cannot be read costs about its own time.

    `options` are PyArrow's `ParseOptions`. `is_worth_retrying` says of each error's message whether the lines should be
    read once more in another way; RetryError is raised where they should.
    """
    return list(_Lines(records, options, is_worth_retrying).read(0, len(records)))


def whole_table(records: pl.Series, options: Any) -> Any:
    """All the lines as one table; None where PyArrow does not read one of them, or none is there."""
    try:
        found = _Lines(records, options, lambda _: True).table(0, len(records)) if len(records) else None
    except (pa.ArrowException, ValueError):
        return None
    return found if found is not None and found.num_rows == len(records) else None


class _Lines:
    """Lines in one buffer, of which slices are read without a copy."""

    def __init__(self, records: pl.Series, options: Any, is_worth_retrying: Callable[[str], bool]) -> None:
        options.newlines_in_values = False
        self._options, self._is_worth_retrying = options, is_worth_retrying
        self._buffer = pa.py_buffer(records.str.join("\n")[0].encode())
        self._begins = np.concatenate([[0], np.cumsum(records.str.len_bytes().to_numpy().astype(np.int64) + 1)])
        # Where many lines cannot be read, reading them one by one is faster than finding those that can.
        self._left, self._most_left = 0, 4 + len(records) // 16

    def read(self, start: int, stop: int) -> Iterator[Run]:
        """Read the lines from `start` up to `stop`, as runs in order."""
        while start < stop:
            try:
                table = self.table(start, stop)
            except (pa.ArrowException, ValueError) as error:
                if self._is_worth_retrying(str(error)):
                    raise RetryError from error
                row = _ROW.search(str(error))
                bad = start + int(row[1]) if row else stop
                # After a line of two objects, rows are ahead of lines.
                if bad >= stop or self._left > self._most_left:
                    break
                # PyArrow stops at the bad line, so that only the lines before it are parsed twice.
                yield from self.read(start, bad)
                self._left += 1
                yield Run(bad, bad + 1, None)
                start = bad + 1
            else:
                # Two objects on one line, or one on two, change the number of rows.
                if table.num_rows != stop - start:
                    break
                yield Run(start, stop, table)
                return
        if start < stop:
            yield from self._pieces(start, stop)

    def _pieces(self, start: int, stop: int) -> Iterator[Run]:
        """Read lines, of which one cannot be read, in pieces; a small piece becomes a run without a table."""
        if stop - start <= _PIECE or self._left > self._most_left:
            self._left += stop - start
            yield Run(start, stop, None)
            return
        for begin in range(start, stop, _PIECE):
            yield from self.read(begin, min(begin + _PIECE, stop))

    def table(self, start: int, stop: int) -> Any:
        """The lines from `start` to before `stop`. Raises what PyArrow raises."""
        begin, end = int(self._begins[start]), int(self._begins[stop]) - 1
        # One thread a block, since other threads read other blocks.
        reading = pa.json.ReadOptions(block_size=end - begin + 1, use_threads=False)
        lines = pa.BufferReader(self._buffer.slice(begin, end - begin))
        return pa.json.read_json(lines, reading, self._options)
