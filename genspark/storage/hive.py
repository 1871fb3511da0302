"""Hive's folders, named after values such as `day=2026-01-31/`, as Spark, Polars and PyArrow read them."""

from __future__ import annotations

import re
from collections.abc import Mapping

NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"
"""What stands for null in a folder's name."""

# What Spark escapes, too: whatever a store, a URI or the folder's own form takes for something else.
_ESCAPED = re.compile(r"[\x00-\x1f\x7f\"#%'*/:=?\\{}\[\]^<>| ]")


def folders(values: Mapping[str, str | None]) -> str:
    """The folders of a file with these partition values, each ending in a slash; empty text for no values.

    Percent signs escape what a name cannot hold, in UTF-8.
    """
    return "".join(f"{_escaped(name)}={_escaped(text) if text else NULL_FOLDER}/" for name, text in values.items())


def _escaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: f"%{ord(match.group()):02X}", text)
