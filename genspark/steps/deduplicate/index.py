"""The index of the contents that a table holds, against which new rows are held without reading the old ones.

Each run that adds rows adds files of its own: `rows` has the hash of each row's key, its content's hashes, its cluster
and part, and `contents` the bands and shingles of each text. They are written before the run's commit and named by the
model that the commit names: files of a run that was killed are known to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from genspark.statistics.signatures import FIRST, KEY, SECOND
from genspark.storage.spill import Spill, save, save_over

Files = Mapping[str, Any]
"""`rows`: the path of a file; `contents`: paths."""


def write(spill: Spill, kept: pl.DataFrame, contents: Iterable[pl.DataFrame | str]) -> Files:
    """Write the files of rows that are kept and of those of the contents that they have."""
    rows = spill.new("index", "arrow")
    save(kept, rows)
    paths = []
    for frame in contents:
        whole = pl.read_ipc(frame) if isinstance(frame, str) else frame
        mine = whole.join(kept.select(FIRST, SECOND), on=[FIRST, SECOND], how="semi").unique([FIRST, SECOND])
        if mine.height:
            paths.append(spill.new("index", "arrow"))
            save(mine, paths[-1])
    return {"rows": rows, "contents": paths}


def erase(index: Sequence[Files], row_ids: Iterable[int]) -> int:
    """Take rows out of a local index, by the hashes of their keys, with what they alone hold.

    Each file is replaced at once. Returns how many rows were there.
    """
    gone = pl.Series(KEY, list(row_ids), dtype=pl.Int64)
    taken = 0
    for files in index:
        rows = pl.read_ipc(files["rows"])
        kept = rows.filter(~pl.col(KEY).is_in(gone.implode()))
        if kept.height == rows.height:
            continue
        taken += rows.height - kept.height
        for path in files["contents"]:
            contents = pl.read_ipc(path)
            save_over(contents.join(kept, on=[FIRST, SECOND], how="semi"), path)
        save_over(kept, files["rows"])
    return taken
