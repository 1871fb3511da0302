"""What a predicate may have: how each kind of node of its tree is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import narwhals as nw

from genspark.columns.dtypes import is_number
from genspark.columns.sql.reader import BOOLEAN, NULL, NUMBER, TEXT, TIME, Reader, Term, name_of
from genspark.errors import did_you_mean

if TYPE_CHECKING:
    from sqlglot.expressions import Expression


def kind_of(dtype: Any) -> str | None:
    """The kind of value that a column has; None where predicates do not look at it."""
    if is_number(dtype):
        return NUMBER
    if dtype == nw.String:
        return TEXT
    if dtype == nw.Boolean:
        return BOOLEAN
    return TIME if isinstance(dtype, nw.Date | nw.Datetime) or dtype in (nw.Date, nw.Datetime) else None


def _column(reader: Reader, tree: Expression) -> Term:
    name = name_of(tree)
    if reader.schema is None:
        reader.columns[name] = None
        return Term(NULL, nw.col(name))
    if name not in reader.schema:
        return reader.refuse(f"{name!r} is not a column{did_you_mean(name, reader.schema)}")
    reader.columns[name] = None
    kind = kind_of(reader.schema[name])
    if kind is None:
        # Whether it is missing can be asked of every column.
        return Term(str(reader.schema[name]), nw.col(name))
    return Term(kind, nw.col(name))


def _literal(_: Reader, tree: Expression) -> Term:
    if tree.is_string:
        return Term(TEXT, nw.lit(tree.name))
    return Term(NUMBER, nw.lit(int(tree.name) if tree.name.isdigit() else float(tree.name)))


def _cast(reader: Reader, tree: Expression) -> Term:
    """A date or a time that is written out: DATE '2026-01-31', TIMESTAMP '2026-01-31 12:00:00'."""
    of: Any = {"DATE": dt.date, "TIMESTAMP": dt.datetime, "TIMESTAMPTZ": dt.datetime}.get(tree.args["to"].this.name)
    if of is None or tree.this.key != "literal":
        return reader.refuse(f"{tree.sql(dialect='spark')!r} is not understood; cast the column in a step before")
    try:
        return Term(TIME, nw.lit(of.fromisoformat(tree.this.name)))
    except ValueError:
        return reader.refuse(f"{tree.this.name!r} is no {of.__name__} as 2026-01-31 is")


def _compared(compare: Callable[[Any, Any], Any]) -> Callable[[Reader, Expression], Term]:
    return lambda reader, tree: Term(BOOLEAN, compare(*reader.operands(tree)))


def _joined(join: Callable[[Any, Any], Any]) -> Callable[[Reader, Expression], Term]:
    return lambda reader, tree: Term(BOOLEAN, join(*reader.operands(tree, of=BOOLEAN)))


def _reckoned(reckon: Callable[[Any, Any], Any]) -> Callable[[Reader, Expression], Term]:
    def read(reader: Reader, tree: Expression) -> Term:
        # As Float64: engines overflow integers each in its own way.
        left, right = (operand.cast(nw.Float64) for operand in reader.operands(tree, of=NUMBER))
        return Term(NUMBER, reckon(left, right))

    return read


def _quotient(left: Any, right: Any) -> Any:
    return nw.when(right != 0.0).then(left / nw.when(right != 0.0).then(right))


def _is(reader: Reader, tree: Expression) -> Term:
    operand, what = reader.read(tree.this), tree.args["expression"]
    if what.key == "null":
        return Term(BOOLEAN, operand.expression.is_null())
    (value,) = reader.alike([operand], tree, BOOLEAN)
    wanted = value if what.this else ~value
    return Term(BOOLEAN, nw.when(value.is_null()).then(nw.lit(False)).otherwise(wanted))


def _in(reader: Reader, tree: Expression) -> Term:
    items = tree.expressions
    signs = [-1.0 if item.key == "neg" else 1.0 for item in items]
    literals = [item.this if item.key == "neg" else item for item in items]
    if not items or any(literal.key != "literal" for literal in literals):
        return reader.refuse(f"{tree.sql(dialect='spark')!r}: IN takes numbers or texts, written out")
    terms = [reader.read(tree.this), *(reader.read(item) for item in items)]
    operand, *_ = reader.alike(terms, tree)
    values: list[Any] = [literal.name for literal in literals]
    if terms[-1].kind == NUMBER:
        operand = operand.cast(nw.Float64)
        values = [float(value) * sign for value, sign in zip(values, signs, strict=True)]
    return Term(BOOLEAN, nw.when(~operand.is_null()).then(operand.is_in(values)))


def _between(reader: Reader, tree: Expression) -> Term:
    value, low, high = reader.operands(tree, "this", "low", "high")
    return Term(BOOLEAN, (value >= low) & (value <= high))


def _case(reader: Reader, tree: Expression) -> Term:
    if tree.key == "case" and tree.this is not None:
        return reader.refuse("CASE takes conditions: CASE WHEN x > 0 THEN 1 ELSE 0 END")
    ifs, last = (tree.args["ifs"], "default") if tree.key == "case" else ([tree], "false")
    branches = [(reader.operands(one, "this", of=BOOLEAN)[0], reader.read(one.args["true"])) for one in ifs]
    default = reader.read(tree.args[last]) if tree.args.get(last) else Term(NULL, nw.lit(None))
    terms = [term for _, term in branches] + [default]
    *_, result = reader.alike(terms, tree)
    for condition, term in reversed(branches):
        result = nw.when(condition).then(term.expression).otherwise(result)
    return Term(next((term.kind for term in terms if term.kind != NULL), NULL), result)


def _coalesce(reader: Reader, tree: Expression) -> Term:
    terms = [reader.read(part) for part in (tree.this, *tree.expressions)]
    kind = next((term.kind for term in terms if term.kind != NULL), NULL)
    return Term(kind, nw.coalesce(*reader.alike(terms, tree)))


def _called(of: str, kind: str, call: Callable[[Any], Any]) -> Callable[[Reader, Expression], Term]:
    return lambda reader, tree: Term(kind, call(reader.operands(tree, "this", of=of)[0]))


def _inner(reader: Reader, tree: Expression) -> Term:
    return reader.read(tree.this)


FUNCTIONS: Mapping[str, Callable[[Reader, Any], Term]] = {
    "abs": _called(NUMBER, NUMBER, lambda x: x.cast(nw.Float64).abs()),
    "length": _called(TEXT, NUMBER, lambda x: x.str.len_chars()),
    "lower": _called(TEXT, TEXT, lambda x: x.str.to_lowercase()),
    "upper": _called(TEXT, TEXT, lambda x: x.str.to_uppercase()),
    "coalesce": _coalesce,
    "case": _case,
    "if": _case,
}
READINGS: Mapping[str, Callable[[Reader, Any], Term]] = {
    **FUNCTIONS,
    "column": _column,
    "literal": _literal,
    "boolean": lambda _, tree: Term(BOOLEAN, nw.lit(bool(tree.this))),
    "null": lambda *_: Term(NULL, nw.lit(None)),
    "cast": _cast,
    "paren": _inner,
    "neg": _called(NUMBER, NUMBER, lambda x: x.cast(nw.Float64) * -1.0),
    "not": _called(BOOLEAN, BOOLEAN, lambda x: ~x),
    "and": _joined(lambda a, b: a & b),
    "or": _joined(lambda a, b: a | b),
    "eq": _compared(lambda a, b: a == b),
    "neq": _compared(lambda a, b: a != b),
    "gt": _compared(lambda a, b: a > b),
    "gte": _compared(lambda a, b: a >= b),
    "lt": _compared(lambda a, b: a < b),
    "lte": _compared(lambda a, b: a <= b),
    "add": _reckoned(lambda a, b: a + b),
    "sub": _reckoned(lambda a, b: a - b),
    "mul": _reckoned(lambda a, b: a * b),
    "div": _reckoned(_quotient),
    "is": _is,
    "in": _in,
    "between": _between,
    "like": lambda reader, tree: reader.pattern(tree, is_like=True),
    "regexplike": lambda reader, tree: reader.pattern(tree, is_like=False),
}
KNOWN = (
    "AND, OR, NOT",
    "= <> < <= > >=",
    "+ - * /",
    "IN",
    "BETWEEN",
    "IS NULL",
    "LIKE",
    "RLIKE",
    "CASE WHEN",
    *(name.upper() for name in FUNCTIONS if name != "case"),
    "DATE and TIMESTAMP '...'",
)
