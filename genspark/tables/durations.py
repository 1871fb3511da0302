"""Spans of time as Delta's properties and the command line write them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping

from genspark.errors import ConfigError

REMOVED_FILES, LOG = "delta.deletedFileRetentionDuration", "delta.logRetentionDuration"
DEFAULTS = {REMOVED_FILES: dt.timedelta(days=7), LOG: dt.timedelta(days=30)}
"""Delta's own, where a table does not say."""
PROPOSED = dt.timedelta(days=30)
"""A training reads one version for weeks, which needs its files and its log that long."""

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_UNIT = r"(microsecond|millisecond|second|minute|hour|day|week)s?"


def retention(properties: Mapping[str, str], name: str) -> dt.timedelta:
    """How long a table keeps removed files or its log: `interval 30 days`, or Delta's default where it does not say."""
    parts = re.findall(rf"(\d+)\s+{_UNIT}", properties.get(name, "").lower())
    spans = [dt.timedelta(**{f"{unit}s": int(number)}) for number, unit in parts]
    return sum(spans, dt.timedelta()) if spans else DEFAULTS[name]


def interval(span: dt.timedelta) -> str:
    """The span as a property's value."""
    hours, rest = divmod(span, dt.timedelta(hours=1))
    if rest:
        return f"interval {span // dt.timedelta(seconds=1)} seconds"
    return f"interval {hours // 24} days" if hours % 24 == 0 else f"interval {hours} hours"


def parse_duration(text: str) -> dt.timedelta:
    """The span that text such as 30d, 12h or 2w names. Raises ConfigError."""
    match = re.fullmatch(r"(\d+)\s*([mhdw])", text.strip().lower())
    if not match:
        raise ConfigError(f"--retain: {text!r} is no duration; write one such as 30d, 12h or 2w")
    return dt.timedelta(**{_UNITS[match[2]]: int(match[1])})


def span_text(span: dt.timedelta) -> str:
    """The span for a person: `30 days`."""
    return interval(span).removeprefix("interval ")
