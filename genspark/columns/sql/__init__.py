"""Predicates written as SQL, read by sqlglot and said again as narwhals expressions: one meaning on every engine.

Engines have SQL of their own, and each another: integers that overflow, a division by zero, text that is compared with
a number. So none of them is given the text. What is understood is listed in `readings`; all else is refused by name.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from genspark.columns.dtypes import Schema
from genspark.columns.sql.reader import BOOLEAN, NULL, Pattern, Reader
from genspark.columns.sql.readings import KNOWN, READINGS
from genspark.errors import SchemaError

__all__ = ["Pattern", "Predicate", "checked", "parsed", "predicate"]


@dataclass
class Predicate:
    """A predicate of a row, true, false or null as SQL has it; `patterns` must be columns where it is evaluated.

    Arithmetic is of Float64; what is divided by 0 is null.
    """

    expression: nw.Expr
    columns: frozenset[str]
    patterns: Sequence[Pattern]


@functools.cache
def parsed(text: str) -> Any:
    """The tree of a predicate, which is not to be changed. Raises ValueError where it is no SQL."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(text, dialect="spark", into=sqlglot.exp.Condition)
    except SqlglotError as error:
        told = getattr(error, "errors", None)
        near = f" near {told[0]['highlight']!r}" if told and told[0].get("highlight") else ""
        raise ValueError(f"is no SQL predicate{near}: {text!r}") from None
    return tree


def checked(text: str) -> str:
    """The text of a predicate. Raises ValueError where it is no SQL, or has what is not understood."""
    try:
        predicate(text, place="")
    except SchemaError as error:
        raise ValueError(str(error)) from None
    return text


def predicate(text: str, schema: Schema | None = None, label: str = "", place: str = "sql") -> Predicate:
    """The predicate that a text stands for, over columns of these types; without a schema types are not asked.

    `label` tells the hidden columns of its patterns from others', `place` is where the text is given, which errors
    name. Raises SchemaError naming every column that is not there, values that do not compare, and what is not
    understood.
    """
    reader, at = Reader(schema, label, READINGS, KNOWN), f"{place}: " if place else ""
    try:
        term = reader.read(parsed(text))
    except ValueError as error:
        raise SchemaError([f"{at}{error}"]) from None
    problems = reader.problems
    if not problems and term.kind not in (BOOLEAN, NULL):
        problems = [f"{text!r} is {term.kind}, and a predicate is true or false"]
    if problems:
        raise SchemaError([f"{at}{problem}" for problem in problems])
    return Predicate(term.expression, frozenset(reader.columns), reader.patterns)
