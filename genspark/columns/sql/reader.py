"""Reads the tree of a predicate, from its leaves up, and remembers what it could not read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import HIDDEN
from genspark.columns.re2 import refuse_broken

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

NUMBER, TEXT, BOOLEAN, TIME, NULL = "a number", "text", "a boolean", "a time", "null"
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
class Reader:
    """Reads a tree by the kinds of its nodes; `known` is told where one is of another. `problems` are the mistakes."""

    schema: Schema | None
    label: str
    readings: Mapping[str, Reading]
    known: Sequence[str]
    columns: dict[str, None] = field(default_factory=dict)
    patterns: list[Pattern] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def read(self, tree: Expression) -> Term:
        """The term of a tree."""
        reading = self.readings.get(tree.key)
        beside = {name for name, value in tree.args.items() if value} - PARTS
        if reading is None or beside:
            return self.refuse(
                f"{tree.sql(dialect='spark')!r} is not understood; a predicate may have {', '.join(self.known)}"
            )
        if tree.args.get("negate") is True:
            # NOT before LIKE; of other operators it is a node of its own.
            (positive,) = self.alike([reading(self, tree)], tree, BOOLEAN)
            return Term(BOOLEAN, ~positive)
        return reading(self, tree)

    def refuse(self, what: str) -> Term:
        """Remember a mistake, and go on with a term that fits everywhere."""
        self.problems.append(what)
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
        if not is_like:
            try:
                refuse_broken(written.name)
            except ValueError as error:
                return self.refuse(str(error))
        self.operands(tree, "this", of=TEXT)
        output = f"{HIDDEN}{self.label}_pattern_{len(self.patterns)}"
        self.patterns.append(Pattern(name_of(column), written.name, is_like, output))
        return Term(BOOLEAN, nw.col(output))


def name_of(column: Any) -> str:
    """The name of a column; one with dots in it needs no backticks."""
    return ".".join(part.name for part in column.parts)


Reading = Callable[[Reader, Any], Term]
"""How a kind of node is read."""
