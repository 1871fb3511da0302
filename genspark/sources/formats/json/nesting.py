"""Find lines that are nested too deeply: parsers go into objects and arrays by calling themselves, and would crash."""

from __future__ import annotations

import numpy as np
import polars as pl

MOST = 60
"""Levels of objects and arrays that a line may have: Arrow hands over types of at most 64, and a table of Delta's
holds about 40."""
_STRING = r'"(?:[^"\\]|\\.)*"'


def is_shallow(records: pl.Series) -> pl.Series:
    """A mask of the lines that have at most `MOST` levels."""
    everything = pl.repeat(True, len(records), eager=True)
    if not (records.str.len_bytes() > MOST).any():
        return everything
    opened = records.str.count_matches("{", literal=True) + records.str.count_matches("[", literal=True)
    suspects = (opened > MOST).arg_true()
    # Signs inside strings open nothing, and taking strings out is dear: it is done where the signs go too deep.
    suspects = suspects.filter(_depths(records[suspects]) > MOST)
    suspects = suspects.filter(_depths(records[suspects].str.replace_all(_STRING, "")) > MOST)
    return everything.scatter(suspects, False)


def _depths(records: pl.Series) -> pl.Series:
    """The deepest level of each line, whatever strings it has."""
    if not len(records):
        return pl.Series([], dtype=pl.Int64)
    # A line feed before each line begins its slice, with what the lines before left open.
    text = np.frombuffer(("\n" + records.str.join("\n")[0]).encode(), np.uint8)
    opens = (text == ord("{")) | (text == ord("["))
    signs = np.flatnonzero(opens | (text == ord("}")) | (text == ord("]")) | (text == ord("\n")))
    begins = np.flatnonzero(text[signs] == ord("\n"))
    steps = np.where(opens[signs], 1, -1)
    steps[begins] = 0
    depth = np.cumsum(steps)
    return pl.Series(np.maximum.reduceat(depth, begins) - depth[begins])
