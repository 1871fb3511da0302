"""What does not run on Connect, or runs row by row in Python, is not in genspark: told from the syntax trees."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import genspark

PACKAGE = Path(genspark.__file__).parent
BANNED_ATTRIBUTES = {"rdd", "sparkContext", "_jvm", "_jdf", "_sc", "_jsparkSession"}
BANNED_CALLS = {"cache", "persist"}
ROW_FUNCTIONS = {"udf", "udtf", "pandas_udf", "foreach", "foreachPartition", "applyInPandas"}
FILES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in ("session", "session.py")
)


def offences(source: str) -> list[str]:
    """What a module says that it must not, each with its line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in BANNED_ATTRIBUTES:
            found.append(f"line {node.lineno}: .{node.attr}")
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            is_method = isinstance(node.func, ast.Attribute)
            is_of_functools = is_method and getattr(node.func.value, "id", "") == "functools"
            if name in BANNED_CALLS and is_method and not is_of_functools:
                found.append(f"line {node.lineno}: .{name}(")
            if name in ROW_FUNCTIONS:
                found.append(f"line {node.lineno}: {name}(")
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pyspark"):
            found += [f"line {node.lineno}: import {alias.name}" for alias in node.names if alias.name in ROW_FUNCTIONS]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_in_it_needs_a_classic_session_or_runs_row_by_row(path):
    assert offences(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "df.rdd.map(f)",
        "spark.sparkContext.parallelize([1])",
        "spark._jvm.java",
        "df._jdf",
        "df.cache()",
        "df.filter(x).persist()",
        "F.udf(lambda x: x)",
        "from pyspark.sql.functions import pandas_udf",
    ],
)
def test_each_is_found(source):
    assert offences(source)


@pytest.mark.parametrize("source", ["F.arrow_udf(f, t)", "df.mapInArrow(f, s)", "functools.cache(f)", "cache = {}"])
def test_what_runs_everywhere_by_batches_is_let_be(source):
    assert offences(source) == []
