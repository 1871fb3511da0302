"""Folders named after values, such as `day=2026-01-31/`: the convention of Hive that Spark, Polars and PyArrow read."""

from __future__ import annotations

import re
from collections.abc import Mapping

NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"
"""What stands for null in a folder's name."""

# What Spark escapes, too: whatever a store, a URI or the folder's own form takes for something else.
_ESCAPED = re.compile(r"[\x00-\x1f\x7f\"#%'*/:=?\\{}\[\]^<>| ]")


def folders(values: Mapping[str, str | None]) -> str:
    """Name the folders of a file with these values, each with a slash at its end; empty for no value.

    Percent signs escape what a name cannot hold, in UTF-8.
    """
    return "".join(f"{_escaped(name)}={_escaped(text) if text else NULL_FOLDER}/" for name, text in values.items())


def _escaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: f"%{ord(match.group()):02X}", text)
