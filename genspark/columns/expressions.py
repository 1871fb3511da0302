"""The arithmetic that steps share, written once as narwhals expressions.

An expression here means the same on Spark, Polars, pandas and PyArrow: each engine's own ideas of
NaN, of log(0) and of rounding are fenced off in these few functions.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import narwhals as nw

Term = TypeVar("Term")
# Columns that the engines add for the steps and take away again.
HIDDEN = "__genspark_"


def without_nan(frame: Any, columns: Iterable[str]) -> Any:
    """Replace NaN by null in those of the columns that hold floats.

    Done once, before the first step, so that a step sees one kind of missing value and its
    expressions name each column once: what they nest, Spark compiles again and again.
    """
    schema = frame.collect_schema()
    floats = [column for column in columns if column in schema and schema[column].is_float()]
    return frame.with_columns(*(nw.col(column).fill_nan(None) for column in floats)) if floats else frame


def number(column: str) -> nw.Expr:
    """The column as Float64."""
    return nw.col(column).cast(nw.Float64)


def balanced(join: Callable[[Term, Term], Term], terms: Iterable[Term]) -> Term:
    """At least one term joined two by two: n terms nest log2(n) deep, where Connect takes no plan deeper than 100."""
    joined = list(terms)
    while len(joined) > 1:
        pairs = [join(joined[at], joined[at + 1]) for at in range(0, len(joined) - 1, 2)]
        joined = pairs + joined[len(pairs) * 2 :]
    return joined[0]


def any_of(predicates: Iterable[nw.Expr]) -> nw.Expr:
    """The disjunction of at least one predicate, null taken as false."""
    return balanced(operator.or_, predicates).fill_null(False)


def count_true(predicates: Iterable[nw.Expr]) -> nw.Expr:
    """The number of predicates that are true in a row, as Int32; there is at least one predicate."""
    ones = (nw.when(predicate).then(nw.lit(1)).otherwise(nw.lit(0)) for predicate in predicates)
    return balanced(operator.add, ones).cast(nw.Int32)


def log1p(x: nw.Expr) -> nw.Expr:
    """log(1 + x), accurate to a few ulp also where x is near zero.

    narwhals has no log1p. With u = fl(1 + x) the factor x / (u - 1) puts back what rounding took
    from u. Source: W. Kahan; D. Goldberg, "What Every Computer Scientist Should Know About
    Floating-Point Arithmetic", Theorem 4.
    """
    u = x + 1.0
    # Where u == x the 1 is lost (2**53 and above, infinity), and infinity / infinity would be NaN.
    # The ratio comes first: near 1, it cannot overflow.
    return nw.when(u == 1.0).then(x).when(u == x).then(u.log()).otherwise(u.log() * (x / (u - 1.0)))


def expm1(y: nw.Expr) -> nw.Expr:
    """exp(y) - 1, accurate to a few ulp also where y is near zero: the inverse of `log1p`.

    Source: W. Kahan, by way of N. Higham, "Accuracy and Stability of Numerical Algorithms", 1.14.1.
    """
    u = y.exp()
    return (
        nw.when(u == 1.0)
        .then(y)
        .when(u - 1.0 == -1.0)
        .then(nw.lit(-1.0))
        .when(u == math.inf)
        .then(u)  # the ratio below would be infinity / infinity
        .otherwise((u - 1.0) * (y / u.log()))
    )


def is_hidden(name: str) -> bool:
    """Whether the column is one that an engine adds for the steps and takes away afterwards."""
    return name.startswith(HIDDEN)


def visible(frame: Any) -> list[str]:
    """The columns of a narwhals frame that are the user's, in their order."""
    return [name for name in frame.collect_schema().names() if not is_hidden(name)]


def present(frame: Any, columns: Iterable[str]) -> list[str]:
    """The given columns that the frame has."""
    names = set(frame.collect_schema().names())
    return [column for column in columns if column in names]


def changed(frame: Any, expressions: Iterable[nw.Expr]) -> Any:
    """The frame with these columns added or replaced; the frame itself where there are none, which narwhals refuses."""
    listed = list(expressions)
    return frame.with_columns(*listed) if listed else frame
