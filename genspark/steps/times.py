"""Texts of days and times as ISO 8601 has them, read the same on every engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl
import pyarrow as pa

from genspark.errors import DataError

ARROW: dict[str, pa.DataType] = {"date": pa.date32(), "timestamp": pa.timestamp("us", "UTC")}

_PARTS = (
    r"^\s*(?<day>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?<clock>\d{2}:\d{2})(?<seconds>:\d{2})?(?<fraction>\.\d{1,9})?(?<zone>Z|[+-]\d{2}:?\d{2})?)?\s*$"
)


@dataclass(frozen=True)
class TextTimes:
    """Texts such as 2024-02-29 and 2024-02-29 23:59:00+01:00 as days, or as times of UTC.

    A time without a zone is one of UTC, a day alone its beginning; the day of a time is the one that is written there.
    Null stays null. Raises DataError, naming one, where a text is neither.
    """

    column: str
    kind: Literal["date", "timestamp"]

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        """The texts of the only column, as days or times."""
        texts = pl.DataFrame({"text": pl.Series(arrays[0], dtype=pl.String)})
        read = texts.select(pl.col("text"), pl.col("text").str.extract_groups(_PARTS).alias("parts")).unnest("parts")
        times = read.with_columns(_day() if self.kind == "date" else _time())
        broken = times.filter(pl.col("text").is_not_null() & pl.col("time").is_null())["text"]
        if len(broken):
            raise DataError(
                f"cast.columns: {self.column!r} has the value {broken[0]!r}, which is no {self.kind} of ISO 8601, such "
                "as 2024-02-29 or 2024-02-29 23:59:00; set such rows aside before, by a rule `type` of validate"
            )
        return [times["time"].to_arrow().cast(ARROW[self.kind])]


def _day() -> pl.Expr:
    return pl.col("day").str.to_date("%Y-%m-%d", strict=False).alias("time")


def _time() -> pl.Expr:
    zone = pl.col("zone").fill_null("+0000").replace("Z", "+0000").str.replace(":", "", literal=True)
    clock = pl.col("clock").fill_null("00:00") + pl.col("seconds").fill_null(":00")
    # Nine digits, and the six that a table holds: what lies below is cut, as everywhere.
    fraction = pl.col("fraction").fill_null(".0")
    whole = pl.concat_str(pl.col("day"), pl.lit("T"), clock, fraction, zone)
    return whole.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", strict=False).alias("time")
