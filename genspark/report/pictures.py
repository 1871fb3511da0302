"""The images of a report: of both tables beside each other, by a number that was given them, and their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from genspark.errors import DataError, did_you_mean
from genspark.report import examples


@dataclass(frozen=True)
class Pictures:
    """What is shown of columns of images: of the tables by name, ranked `by` a column, and neighbours by `features`."""

    frames: Sequence[tuple[str, pl.LazyFrame]]
    columns: Sequence[str]
    by: str | None = None
    features: str | None = None

    def check(self) -> None:
        """Raise DataError for columns that lack or hold something else."""
        name, frame = self.frames[0]
        schema = frame.collect_schema()
        for column in filter(None, (self.by, self.features)):
            if column not in schema:
                raise DataError(f"{name} has no column {column!r}{did_you_mean(column, schema.names())}")
        if self.by and not schema[self.by].is_numeric():
            raise DataError(f"column {self.by!r} holds {schema[self.by]}, and images are ranked by numbers")
        if self.features and len(self.frames) < 2:
            raise DataError("neighbours are of another table; name it as well, by --against")

    def shown(self, count: int) -> list[dict[str, Any]]:
        """The columns that have images, with at most so many of each table."""
        found = []
        for column in self.columns:
            sides = [
                {"name": name, **examples.images(frame, column, count)}
                for name, frame in self.frames
                if column in frame.collect_schema()
            ]
            if any(side["shown"] for side in sides):
                found.append({"column": column, "sides": sides, **self._of(column, min(count, examples.FEW))})
        return found

    def _of(self, column: str, count: int) -> dict[str, Any]:
        first = self.frames[0][1]
        ranked = examples.ranked(first, column, self.by, count) if self.by and count else {}
        nearest: list[dict[str, Any]] = []
        if self.features and count:
            other = self.frames[1][1]
            if {column, self.features} <= set(other.collect_schema()):
                nearest = examples.nearest(first, other, column, self.features, count)
        return {"ranked": ranked, "nearest": nearest}
