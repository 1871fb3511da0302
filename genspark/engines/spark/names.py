"""Columns by their names on Spark, whatever the names hold: a dot, a backtick, a blank."""

from __future__ import annotations


def quoted(column: str) -> str:
    """A column's name as Spark parses it: in SQL text, and where a function takes a column by its name."""
    return f"`{column.replace('`', '``')}`"
