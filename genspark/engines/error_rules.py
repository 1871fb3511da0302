"""Rules of action `error`, checked on rows in memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import narwhals as nw

from genspark.columns.expressions import any_of
from genspark.errors import DataError
from genspark.steps.rejection import Rejection
from genspark.storage.secrets import MASK


def stop_on(frame: Any, label: str, rejections: Iterable[Rejection]) -> None:
    """Raise DataError where a row of a narwhals DataFrame breaks a rule of action `error`; other rules are ignored."""
    for rule in rejections:
        if rule.action != "error":
            continue
        broken = frame.select(value=rule.value, broken=any_of([rule.predicate])).filter(nw.col("broken"))
        if len(broken) and not rule.has_value:
            raise DataError(f"{label}: {rule.broken}")
        if len(broken):
            value = MASK if rule.is_private else broken["value"][0]
            raise DataError(
                f"{label}: column {rule.column!r} has the value {value}, {rule.breaks}; "
                "clean it before, or set the step's rule for such values"
            )
