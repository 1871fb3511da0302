"""Names and patterns of columns, matched against a schema."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Protocol, Self, TypeVar

import narwhals as nw
from pydantic import BeforeValidator, Field

from genspark.columns.dtypes import Schema
from genspark.errors import SchemaError, did_you_mean


def as_tuple(value: Any) -> Any:
    """One name as a tuple of it; any other value as it is."""
    return (value,) if isinstance(value, str) else value


_Names = Annotated[tuple[str, ...], Field(min_length=1)]

Columns = Annotated[
    _Names,
    BeforeValidator(as_tuple, json_schema_input_type=str | _Names),
    Field(description="Names, or shell patterns such as 'pixel_*'; one name may stand alone."),
]

By = Annotated[
    tuple[str, ...],
    BeforeValidator(as_tuple, json_schema_input_type=str | tuple[str, ...]),
    Field(description="The columns whose values make the groups; one name may stand alone."),
]


def match(patterns: Iterable[str], schema: Schema, wanted: Callable[[Any], bool], what: str) -> tuple[str, ...]:
    """The columns that the patterns name, in the schema's order, each once.

    A plain name must be a column for which `wanted` holds; a pattern takes those for which it
    does. Raises SchemaError naming every pattern that fails.
    """
    problems, is_matched = [], dict.fromkeys(schema, False)
    for pattern in patterns:
        if pattern in schema:
            if wanted(schema[pattern]):
                is_matched[pattern] = True
            else:
                problems.append(f"columns: {pattern!r} is {schema[pattern]}, and this step needs {what}")
            continue
        if not re.search(r"[*?\[]", pattern):
            problems.append(f"columns: {pattern!r} is not a column{did_you_mean(pattern, schema)}")
            continue
        hits = [c for c in schema if fnmatch.fnmatchcase(c, pattern) and wanted(schema[c])]
        is_matched.update(dict.fromkeys(hits, True))
        if not hits:
            problems.append(f"columns: {pattern!r} matches no column with {what}{did_you_mean(pattern, schema)}")
    if problems:
        raise SchemaError(problems)
    return tuple(column for column, hit in is_matched.items() if hit)


def text_column(name: str, schema: Schema) -> None:
    """Raise SchemaError where a name is no column of text."""
    if name not in schema:
        raise SchemaError([f"column: {name!r} is not a column{did_you_mean(name, schema)}"])
    if schema[name] != nw.String:
        raise SchemaError([f"column: {name!r} is {schema[name]}, and this step needs text"])


class Bindable(Protocol):
    """A part of a step that names columns, such as a rule."""

    def bind(self, schema: Schema) -> Self:
        """The part with its patterns of columns resolved. Raises SchemaError with every mistake."""


Part = TypeVar("Part", bound=Bindable)


def bind_each(parts: Sequence[Part], schema: Schema, place: str) -> tuple[Part, ...]:
    """The parts bound against a schema. Raises SchemaError with the mistakes of all, each with its place."""
    bound, problems = [], []
    for at, part in enumerate(parts):
        try:
            bound.append(part.bind(schema))
        except SchemaError as error:
            problems += [f"{place}[{at}].{problem}" for problem in error.problems]
    if problems:
        raise SchemaError(problems)
    return tuple(bound)


def refuse_taken(names: Iterable[str], schema: Schema) -> None:
    """Raise SchemaError where a column that a step adds exists already, because the old one would be lost."""
    taken = [name for name in names if name in schema]
    if taken:
        raise SchemaError([f"{name!r} is already a column; rename or drop it before" for name in taken])
