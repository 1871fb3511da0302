"""Regular expressions of RE2, whose time is linear in the text."""

from __future__ import annotations

import pyarrow as pa


def refuse_broken(pattern: str) -> None:
    """Raise ValueError where a regular expression is none that RE2 takes."""
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{pattern!r} is no regular expression of RE2: {error}") from None
