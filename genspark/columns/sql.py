"""Predicates written as SQL, read by sqlglot and said again as narwhals expressions: one meaning on every engine.

Engines have SQL of their own, and each another: integers that overflow, a division by zero, text that is compared with
a number. So none of them is given the text. What is understood is listed in `READINGS`; all else is refused by name.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from genspark.columns.dtypes import Schema, is_number
from genspark.columns.expressions import HIDDEN
from genspark.errors import SchemaError, did_you_mean

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

NUMBER, TEXT, BOOLEAN, TIME, NULL = "a number", "text", "a boolean", "a time", "null"


class Pattern(NamedTuple):
    """A pattern that a column of text is held against; `output` names the hidden column of what it gives."""

    column: str
    pattern: str
    is_like: bool
    output: str


class Term(NamedTuple):
    """An expression, and what kind of value it has."""

    kind: str
    expression: Any


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
        predicate(text)
    except SchemaError as error:
        raise ValueError(str(error).removeprefix("sql: ")) from None
    return text


def predicate(text: str, schema: Schema | None = None, label: str = "") -> Predicate:
    """The predicate that a text stands for, over columns of these types; without a schema types are not asked.

    `label` tells the hidden columns of its patterns from others'. Raises SchemaError naming every column that is not
    there, values that do not compare, and what is not understood.
    """
    reader = Reader(schema, label)
    try:
        term = reader.read(parsed(text))
    except ValueError as error:
        raise SchemaError([f"sql: {error}"]) from None
    problems = reader.problems
    if not problems and term.kind not in (BOOLEAN, NULL):
        problems = [f"sql: {text!r} is {term.kind}, and a predicate is true or false"]
    if problems:
        raise SchemaError(problems)
    return Predicate(term.expression, frozenset(reader.columns), reader.patterns)


@dataclass
class Reader:
    """Reads a tree, from its leaves up; `problems` are what it could not read."""

    schema: Schema | None
    label: str
    columns: dict[str, None] = field(default_factory=dict)
    patterns: list[Pattern] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def read(self, tree: Expression) -> Term:
        """The term of a tree."""
        reading = READINGS.get(tree.key)
        beside = {name for name, value in tree.args.items() if value} - PARTS
        if tree.args.get("negate") is True:
            # NOT before LIKE; of other operators it is a node of its own.
            (positive,) = self.alike([reading(self, tree)] if reading else [], tree, BOOLEAN)
            return Term(BOOLEAN, ~positive)
        if reading is None or beside:
            return self.refuse(
                f"{tree.sql(dialect='spark')!r} is not understood; a predicate may have {', '.join(KNOWN)}"
            )
        return reading(self, tree)

    def refuse(self, what: str) -> Term:
        """Remember a mistake, and go on with a term that fits everywhere."""
        self.problems.append(f"sql: {what}")
        return Term(NULL, nw.lit(None))

    def operands(self, tree: Expression, *names: str, of: str = "") -> list[Any]:
        """The expressions of some parts of a tree, which must be of one kind, or of the kind that is told."""
        parts = [tree.args[name] for name in names or ("this", "expression")]
        return self.alike([self.read(part) for part in parts], tree, of)

    def alike(self, terms: Sequence[Term], tree: Expression, of: str = "") -> list[Any]:
        """The terms' expressions; refused where their kinds differ."""
        kinds = list(dict.fromkeys(term.kind for term in terms if term.kind != NULL))
        wrong = [kind for kind in kinds if of and kind != of]
        if wrong or len(kinds) > 1:
            wanted = f"needs {of}, and has {' and '.join(wrong)}" if of else f"takes {' for '.join(kinds)}"
            self.refuse(f"{tree.sql(dialect='spark')!r} {wanted}")
        return [term.expression for term in terms]

    def pattern(self, tree: Expression, *, is_like: bool) -> Term:
        """Whether a column of text fits a pattern, which a kernel finds out."""
        column, written = tree.this, tree.args["expression"]
        if column.key != "column" or written.key != "literal" or not written.is_string:
            return self.refuse(f"{tree.sql(dialect='spark')!r}: only a column is held against a pattern in quotes")
        self.operands(tree, "this", of=TEXT)
        output = f"{HIDDEN}{self.label}_pattern_{len(self.patterns)}"
        self.patterns.append(Pattern(_name(column), written.name, is_like, output))
        return Term(BOOLEAN, nw.col(output))


def kind_of(dtype: Any) -> str | None:
    """The kind of value that a column has; None where predicates do not look at it."""
    if is_number(dtype):
        return NUMBER
    if dtype == nw.String:
        return TEXT
    if dtype == nw.Boolean:
        return BOOLEAN
    return TIME if isinstance(dtype, nw.Date | nw.Datetime) or dtype in (nw.Date, nw.Datetime) else None


def _name(column: Any) -> str:
    """The name of a column; one with dots in it needs no backticks."""
    return ".".join(part.name for part in column.parts)


def _column(reader: Reader, tree: Expression) -> Term:
    name = _name(tree)
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
PARTS = frozenset(
    [
        "this",
        "expression",
        "expressions",
        "low",
        "high",
        "ifs",
        "default",
        "true",
        "false",
        "to",
        "is_string",
        "table",
        "db",
        "catalog",
        "typed",
        "safe",
        "negate",
    ]
)
"""The parts of trees that readings look at, or that change nothing here."""
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
