"""Predicates as SQL, against what DuckDB makes of the same text and rows."""

from __future__ import annotations

import datetime as dt

import duckdb
import narwhals as nw
import polars as pl
import pytest

from genspark.columns.patterns import matching
from genspark.columns.sql import checked, predicate
from genspark.engines.polars.engine import PolarsEngine
from genspark.errors import SchemaError

ROWS = pl.DataFrame(
    {
        "n": [1, 2, None, -4, 0],
        "x": [0.5, None, 3.0, -1.5, 0.0],
        "s": ["ab", "Añx", None, "", "x_z%"],
        "b": [True, False, None, True, False],
        "d": [dt.date(2026, 1, 31), None, dt.date(2026, 2, 1), dt.date(1999, 1, 1), dt.date(2026, 1, 30)],
        "a b": [1, 2, 3, 4, 5],
        "p.q": [1, None, 3, None, 5],
    }
)


@pytest.mark.parametrize(
    "text",
    [
        "n > 0 AND x <= 0.5",
        "n > 0 OR b",
        "NOT (n = 1 OR x IS NULL)",
        "n IN (1, -4) OR s IN ('ab', 'x')",
        "n NOT IN (1, 2)",
        "x BETWEEN -1.5 AND 0.5",
        "(n + 1) * 2 - x / n > 1",
        "x / n IS NULL",
        "s NOT BETWEEN 'a' AND 'b' AND n NOT IN (1) AND s IS NOT NULL",
        "-n >= 4 AND abs(x) > 1",
        "length(s) = 3 AND lower(s) = 'añx' AND upper(s) = 'AÑX'",
        "coalesce(n, 7) = 7 OR coalesce(x, 0) = 3",
        "CASE WHEN n > 0 THEN x WHEN b THEN 1 ELSE 0 END > 0",
        "CASE WHEN n > 0 THEN b END",
        "if(n > 0, s, 'none') = 'none'",
        "b IS TRUE OR b IS NOT FALSE",
        "s LIKE 'x\\_%' OR s LIKE '_b'",
        "s NOT LIKE '%x%'",
        "d >= DATE '2026-01-31'",
        "NULL OR n = 1",
        "s = ''",
    ],
)
def test_a_predicate_is_what_duckdb_makes_of_it(text: str) -> None:
    theirs = text.replace("LIKE 'x\\_%'", "LIKE 'x\\_%' ESCAPE '\\'").replace("/ n", "/ nullif(n, 0)")
    duckdb_says = duckdb.sql(f"SELECT {theirs} AS p FROM ROWS").pl()["p"]
    assert evaluated(text).to_list() == duckdb_says.to_list()


def test_a_regular_expression_is_res_of_re2_anywhere_in_the_text() -> None:
    assert evaluated("s RLIKE '^[a-z]'").to_list() == [True, False, None, False, True]
    assert evaluated("regexp_like(s, '(?i)añ')").to_list() == [False, True, None, False, False]


def test_names_with_spaces_and_dots() -> None:
    assert evaluated("`a b` > 4 OR p.q = 1").to_list() == [True, None, False, None, True]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("m > 1", "'m' is not a column; known: n, x, s"),
        ("n > 'x'", "takes a number for text"),
        ("s + 1 > 2", "needs a number, and has text"),
        ("n AND b", "needs a boolean, and has a number"),
        ("n + 1", "'n \\+ 1' is a number, and a predicate is true or false"),
        ("n % 2 = 0", "'n % 2' is not understood; a predicate may have AND, OR, NOT"),
        ("n IN (SELECT 1)", "'n IN \\(SELECT 1\\)' is not understood"),
        ("n IN (x)", "IN takes numbers or texts, written out"),
        ("lower(s) LIKE 'x%'", "only a column is held against a pattern in quotes"),
        ("s LIKE 'x!_' ESCAPE '!'", "ESCAPE '!'\" is not understood"),
        ("d > DATE '2026-13-01'", "'2026-13-01' is no date"),
    ],
)
def test_what_cannot_be_is_refused_by_name(text: str, problem: str) -> None:
    with pytest.raises(SchemaError, match=problem):
        predicate(text, nw.from_native(ROWS).collect_schema())


@pytest.mark.parametrize("text", ["n >", "select 1", "n = 1; drop", "s ="])
def test_what_is_no_sql_is_refused_without_a_schema(text: str) -> None:
    with pytest.raises(ValueError, match="is no SQL predicate"):
        checked(text)


def evaluated(text: str) -> pl.Series:
    frame = nw.from_native(ROWS.lazy())
    found = predicate(text, frame.collect_schema(), "test")
    assert found.columns <= set(ROWS.columns)
    frame = PolarsEngine().with_kernels(frame, matching(found.patterns))
    return nw.to_native(frame.select(p=found.expression)).collect()["p"]
