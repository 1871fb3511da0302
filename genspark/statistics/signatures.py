"""What tells of each row whether it is another's duplicate: hashes of its content, its place and its rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from genspark.columns.packed import packed, unpacked
from genspark.columns.shingles import Unit
from genspark.statistics.base import State, Statistic

if TYPE_CHECKING:
    import polars as pl

KEY, PLACE, FIRST, SECOND, RANK, PART, SHINGLES = "key", "place", "first", "second", "rank", "part", "shingles"
"""The columns of what is gathered."""
ROWS, CONTENTS = "rows", "contents"
"""The two frames of it."""


@dataclass(frozen=True)
class Signatures(Statistic):
    """The hash of the content of every row, and for texts the shingles and bands of every content.

    The first `contents` of `columns` are what is compared; then, with `is_ranked`, the column by which one row is kept;
    with `has_parts` the column whose values are compared with each other; the last two are the hashes of the row's key
    and place. `method` is exact, text or image. State: `seen`, the rows there were, and `rows`, which holds two lists
    of frames, packed as text or by the path where they were spilled: `rows` has `KEY`, `PLACE`, the two hashes of the
    content `FIRST` and `SECOND`, `RANK` and `PART`, a row for each row that has something to compare; `contents` the
    two hashes, the `bands` and the `SHINGLES`, a row for each text. It grows with the rows, so models do not keep it.
    """

    contents: int
    method: str = "exact"
    is_ranked: bool = False
    has_parts: bool = False
    unit: Unit = "words"
    size: int = 5
    bands: int = 20
    rows: int = 6
    seed: int = 0

    kind: ClassVar[str] = "signatures"
    is_kept: ClassVar[bool] = False

    @property
    def compared(self) -> tuple[str, ...]:
        """The columns whose contents are compared."""
        return self.columns[: self.contents]

    @property
    def band_names(self) -> list[str]:
        """The columns with the hashes of the bands."""
        return [f"band_{number}" for number in range(self.bands)]

    def empty(self) -> State:
        return {"seen": 0, "rows": {ROWS: [], CONTENTS: []}}

    def merge_ungrouped(self, a: State, b: State) -> State:
        both = {name: _joined([*a["rows"][name], *b["rows"][name]]) for name in (ROWS, CONTENTS)}
        return {"seen": a["seen"] + b["seen"], "rows": both}

    def frames(self, state: State, name: str) -> list[pl.DataFrame | str]:
        """The frames of a state, `ROWS` or `CONTENTS`; those that were spilled by their paths."""
        return [unpacked(each["frame"]) if "frame" in each else each["path"] for each in state["rows"][name]]


def told(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The entry of a state for a frame in memory, the same for the same rows in any order."""
    ordered = [name for name in (PLACE, KEY, FIRST, SECOND) if name in frame.columns]
    if PLACE not in frame.columns:
        frame = frame.unique([FIRST, SECOND], keep="any")
    return [{"frame": packed(frame.sort(ordered))}] if frame.height else []


def _joined(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries, with those in memory made one."""
    here = [each for each in entries if "frame" in each]
    spilled = sorted((each for each in entries if "path" in each), key=lambda each: str(each["path"]))
    if len(here) > 1:
        import polars as pl

        here = told(pl.concat([unpacked(each["frame"]) for each in here]))
    return [*here, *spilled]
