"""Lines of csv as records, of which each may hold line ends inside its quotes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from genspark.sources.formats.csv.dialect import MOST_COUNTED, Dialect

MOST_LINES = 10_000
"""Lines of one record; a quote that is open for longer is taken for a stray one."""
_WINDOW = 256
"""Lines that are looked at first after a stray quote."""


def joined(blocks: Iterable[pl.Series], dialect: Dialect) -> Iterator[pl.Series]:
    """Series of whole records, in order, from series of lines.

    A record goes on while a quote is open. Where what this makes is not a well-formed record of several lines,
    the first of its lines is a record by itself and the next line begins another, so that a stray quote costs
    one record.
    """
    held = pl.Series("line", [], dtype=pl.String())
    for block in blocks:
        records, held = _records(pl.concat([held, block.rename("line")]), dialect, is_end=False)
        yield records
    if len(held):
        yield _records(held, dialect, is_end=True)[0]


def _records(lines: pl.Series, dialect: Dialect, *, is_end: bool) -> tuple[pl.Series, pl.Series]:
    """The whole records of these lines, and the lines of a record that may go on."""
    opens = _opens(lines, dialect)
    found: list[pl.Series] = []
    start, window = 0, len(lines)
    while start < len(lines):
        end = min(len(lines), start + window)
        first, is_open = _first_lines(opens[start:end])
        cut = first[-1] if is_open else end - start
        texts = _texts(lines[start : start + cut], first[:-1] if is_open else first)
        bad = _first_bad(texts, first, cut, dialect)
        if bad is not None:
            found += [texts[:bad], lines[start + first[bad] : start + first[bad] + 1]]
            start, window = start + int(first[bad]) + 1, _WINDOW
            continue
        found.append(texts)
        start += int(cut)
        if is_open and end == len(lines):
            if not is_end and end - start <= MOST_LINES:
                break
            found.append(lines[start : start + 1])
            start, window = start + 1, _WINDOW
        elif is_open and end - start > MOST_LINES:
            found.append(lines[start : start + 1])
            start += 1
        else:
            window *= 2
    whole = pl.concat(found) if found else lines.clear()
    return whole, lines[start:]


def _opens(lines: pl.Series, dialect: Dialect) -> npt.NDArray[np.bool_]:
    """Whether an odd number of quotes stands in each line."""
    if not dialect.quote:
        return np.zeros(len(lines), dtype=np.bool_)
    bare = lines.str.replace_all(dialect.escaped_sign, "") if dialect.escapes else lines
    counts: npt.NDArray[np.uint32] = bare.str.count_matches(dialect.quote, literal=True).to_numpy()
    return np.asarray(counts % 2 == 1)


def _first_lines(opens: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], bool]:
    """Where records begin, if none is open before the first line; and whether the last one is still open."""
    is_open = np.logical_xor.accumulate(opens)
    begins = np.concatenate([[True], ~is_open[:-1]])
    return np.flatnonzero(begins), bool(is_open[-1])


def _texts(lines: pl.Series, first: npt.NDArray[np.int64]) -> pl.Series:
    """The lines as records, which begin at these lines."""
    if len(first) == len(lines):
        return lines
    ids = np.zeros(len(lines), dtype=np.int64)
    ids[first] = 1
    frame = pl.DataFrame([pl.Series("id", np.cumsum(ids)), lines])
    return frame.group_by("id", maintain_order=True).agg(pl.col("line").str.join("\n"))["line"]


def _first_bad(texts: pl.Series, first: npt.NDArray[np.int64], end: int, dialect: Dialect) -> int | None:
    """The first record of several lines that is not well formed."""
    sizes = np.diff(np.append(first[: len(texts)], end))
    several = np.flatnonzero(sizes > 1)
    if not len(several):
        return None
    good = texts[several].str.contains(dialect.record(MOST_COUNTED + 1)).to_numpy()
    return None if good.all() else int(several[np.flatnonzero(~good)[0]])
