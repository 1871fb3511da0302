"""Spark's functions, imported when they are first needed: PySpark is slow to import, and not always there."""

from __future__ import annotations

from typing import Any


def functions() -> Any:
    """`pyspark.sql.functions`."""
    from pyspark.sql import functions

    return functions
