"""Delta's statistics of a file, from the footer that Parquet's writer made."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Sequence
from typing import Any


def log_statistics(footer: Any, columns: Sequence[str]) -> str:
    """The JSON of numRecords, and of minValues, maxValues and nullCount of the columns for which the footer has them.

    `footer` is PyArrow's FileMetaData.
    """
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    places = {footer.schema.column(i).path: i for i in range(footer.num_columns)}
    statistics: dict[str, Any] = {"numRecords": footer.num_rows, "minValues": {}, "maxValues": {}, "nullCount": {}}
    for column in columns:
        each = [group.column(places[column]).statistics for group in groups] if column in places else []
        if not each or any(s is None or not s.has_null_count for s in each):
            continue
        statistics["nullCount"][column] = sum(s.null_count for s in each)
        ends = [_ends(s) for s in each if s.has_min_max]
        if len(ends) == len(each) and all(_is_telling(end) for pair in ends for end in pair):
            statistics["minValues"][column] = _as_json(min(low for low, _ in ends), up=False)
            statistics["maxValues"][column] = _as_json(max(high for _, high in ends), up=True)
    return json.dumps(statistics if columns else {"numRecords": footer.num_rows})


def _ends(statistics: Any) -> tuple[Any, Any]:
    """The smallest and the largest value; instants are made from microseconds, because PyArrow would need pandas."""
    kind = json.loads(statistics.logical_type.to_json())
    if kind["Type"] != "Timestamp":
        return statistics.min, statistics.max
    zone = dt.UTC if kind["isAdjustedToUTC"] else None
    epoch = dt.datetime(1970, 1, 1, tzinfo=zone)
    low, high = (epoch + dt.timedelta(microseconds=n) for n in (statistics.min_raw, statistics.max_raw))
    return low, high


def _is_telling(value: Any) -> bool:
    """Whether the log can hold a value as a bound: short text, finite numbers, dates and instants."""
    if isinstance(value, str):
        return len(value) <= 32
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dt.datetime):
        return value.tzinfo is not None
    return isinstance(value, int | dt.date)


def _as_json(value: Any, *, up: bool) -> Any:
    """A bound as JSON; an instant in milliseconds, rounded away from the values."""
    if isinstance(value, dt.datetime):
        odd = value.microsecond % 1000
        whole = value + dt.timedelta(microseconds=(1000 - odd if up and odd else -odd))
        return whole.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{whole.microsecond // 1000:03d}Z"
    return value.isoformat() if isinstance(value, dt.date) else value
