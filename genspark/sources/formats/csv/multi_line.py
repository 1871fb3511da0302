"""Join lines of csv to records, which may hold line ends inside of quotes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from genspark.sources.formats.csv.dialect import MOST_COUNTED, Dialect

MOST_LINES = 10_000
"""The most lines of one record; a quote that is open for longer is taken for a stray one."""
_WINDOW = 256
"""Lines that are tried first after a stray quote; the number doubles from there."""


def joined(blocks: Iterable[pl.Series], dialect: Dialect) -> Iterator[pl.Series]:
    """Join series of lines to series of whole records, in order.

    A record goes on while a quote is open. Where the lines joined so are not a well-formed record, the first of them is
    a record by itself and the next line begins another, so that a stray quote costs one record.
    """
    held = pl.Series("line", [], dtype=pl.String())
    for block in blocks:
        records, held = _records(pl.concat([held, block.rename("line")]), dialect, is_end=False)
        yield records
    if len(held):
        yield _records(held, dialect, is_end=True)[0]


def _records(lines: pl.Series, dialect: Dialect, *, is_end: bool) -> tuple[pl.Series, pl.Series]:
    """Join lines to whole records; return these, and the lines of a last record that may go on."""
    opens = _opens(lines, dialect)
    records: list[pl.Series] = []
    start, window = 0, len(lines)
    while start < len(lines):
        end = min(len(lines), start + window)
        first, is_open = _first_lines(opens[start:end])
        cut = first[-1] if is_open else end - start
        texts = _texts(lines[start : start + cut], first[:-1] if is_open else first)
        bad = _first_bad(texts, first, cut, dialect)
        if bad is not None:
            records += [texts[:bad], lines[start + first[bad] : start + first[bad] + 1]]
            start, window = start + int(first[bad]) + 1, _WINDOW
            continue
        records.append(texts)
        start += int(cut)
        if is_open and end == len(lines):
            if not is_end and end - start <= MOST_LINES:
                break
            records.append(lines[start : start + 1])
            start, window = start + 1, _WINDOW
        elif is_open and end - start > MOST_LINES:
            records.append(lines[start : start + 1])
            start += 1
        else:
            window *= 2
    return pl.concat(records) if records else lines.clear(), lines[start:]


def _opens(lines: pl.Series, dialect: Dialect) -> npt.NDArray[np.bool_]:
    """A mask of the lines that have an odd number of quotes."""
    if not dialect.quote:
        return np.zeros(len(lines), dtype=np.bool_)
    bare = lines.str.replace_all(dialect.escaped_sign, "") if dialect.escapes else lines
    counts: npt.NDArray[np.uint32] = bare.str.count_matches(dialect.quote, literal=True).to_numpy()
    return np.asarray(counts % 2 == 1)


def _first_lines(opens: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], bool]:
    """The first lines of records, where none is open before line 0; and whether the last record is still open."""
    is_open = np.logical_xor.accumulate(opens)
    begins = np.concatenate([[True], ~is_open[:-1]])
    return np.flatnonzero(begins), bool(is_open[-1])


def _texts(lines: pl.Series, first: npt.NDArray[np.int64]) -> pl.Series:
    """Join lines to records that begin at the lines `first`."""
    if len(first) == len(lines):
        return lines
    ids = np.zeros(len(lines), dtype=np.int64)
    ids[first] = 1
    frame = pl.DataFrame([pl.Series("id", np.cumsum(ids)), lines])
    return frame.group_by("id", maintain_order=True).agg(pl.col("line").str.join("\n"))["line"]


def _first_bad(texts: pl.Series, first: npt.NDArray[np.int64], end: int, dialect: Dialect) -> int | None:
    """The number of the first record of several lines that is not well formed; None where all are."""
    sizes = np.diff(np.append(first[: len(texts)], end))
    several = np.flatnonzero(sizes > 1)
    if not len(several):
        return None
    good = texts[several].str.contains(dialect.record(MOST_COUNTED + 1)).to_numpy()
    return None if good.all() else int(several[np.flatnonzero(~good)[0]])
