"""Names of columns that a table can hold: Delta's rule, as Spark applies it, for every writer and the quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import narwhals as nw

from genspark.columns.dtypes import Schema
from genspark.columns.names import distinct, snake_case, twins
from genspark.errors import TargetError
from genspark.sinks.section import Section
from genspark.sinks.table import Table

TEXT, FILE_URI, REASON_LIST, RUN = "_corrupt_record", "_file", "_reasons", "_run_id"
"""The columns of a quarantine beside the row's own: see job/quarantine."""

_REFUSED = {
    " ": "a blank",
    ",": "a comma",
    ";": "a semicolon",
    "{": "a brace",
    "}": "a brace",
    "(": "a parenthesis",
    ")": "a parenthesis",
    "\n": "a line break",
    "\t": "a tab",
    "=": "an equals sign",
}
_MOST = 5
_MOST_LEVELS, _OUTER_LEVELS = 127, 3
"""Levels of JSON that a schema may have in Delta's log (deltalake refuses 128), and those around a column's type."""
_MAPPING = "delta.columnMapping.mode"


def check_names(table: Table, section: Section, schema: Schema, *, can_map: bool, has_log: bool) -> None:
    """Raise TargetError for columns whose names the table cannot hold, before any work is done.

    A table with Delta's column mapping holds every name; `can_map`: the writer keeps one, as Spark alone does.
    `has_log`: the schema stands in Delta's log, which holds none that is nested too deeply.
    """
    properties = table.properties if table.version is not None and section.mode == "append" else section.properties
    is_mapped = maps_names(properties)
    if is_mapped and not can_map:
        raise TargetError(
            f"sink.properties: a table with {_MAPPING} is written by Spark alone; set engine: spark and "
            "sink.writer: delta, or leave the property out"
        )
    problems = [] if is_mapped else list(_problems(schema, most_levels=_MOST_LEVELS if has_log else None))
    if problems:
        more = f" (and {len(problems) - _MOST} more columns)" if len(problems) > _MOST else ""
        raise TargetError(f"sink: {'; '.join(problems[:_MOST])}{more}")


def maps_names(properties: Mapping[str, str]) -> bool:
    """Whether a table of these properties has Delta's column mapping."""
    return properties.get(_MAPPING, "none") != "none"


def held_names(names: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """The name of each column in a table that must hold them all: its own wherever that is possible.

    Others get their snake_case name, or "column" where that is empty, with a number where it is `taken` or another's.
    """
    columns, used = list(names), {name.lower() for name in taken}
    changed = {other for _, other in twins(columns)}
    changed |= {name for name in columns if _fault(name) or name.lower() in used}
    used |= {name.lower() for name in columns if name not in changed}
    held = {}
    for name in columns:
        held[name] = distinct(snake_case(name) or "column", used) if name in changed else name
        used.add(held[name].lower())
    return held


def _problems(schema: Schema, most_levels: int | None) -> Iterator[str]:
    for column, dtype in schema.items():
        if fault := _fault(column):
            example = snake_case(column) or "a_name"
            yield (
                f"column {column!r} has {fault} in its name, which no table holds; "
                f"add a step rename: {{columns: {{{column!r}: {example}}}}}, or rename: {{rule: snake_case}}"
            )
        for field in _fields(dtype):
            if fault := _fault(field):
                yield (
                    f"column {column!r} has a field {field!r} with {fault} in its name, which no table "
                    "holds; take the column away (a step drop), or give the field another name in the source"
                )
        if most_levels and _OUTER_LEVELS + _levels(dtype) > most_levels:
            yield (
                f"column {column!r} is nested more deeply than a Delta table's schema can be; "
                "take the column away (a step drop), or read it as text (source.schema)"
            )
    taken = {name.lower() for name in schema}
    for one, other in twins(schema):
        yield (
            f"columns {one!r} and {other!r} differ in case alone, and a table takes them for one; "
            f"add a step rename: {{columns: {{{other!r}: {distinct(snake_case(other) or 'column', taken)}}}}}"
        )


def _fault(name: str) -> str | None:
    """The characters of a name that no table can hold, for a message."""
    return next((what for sign, what in _REFUSED.items() if sign in name), None)


def _levels(dtype: Any) -> int:
    """The levels of JSON that a type has in Delta's log: a field is an object in a list in an object."""
    if isinstance(dtype, nw.Struct):
        return 3 + max((_levels(field.dtype) for field in dtype.fields), default=0)
    if isinstance(dtype, nw.List | nw.Array):
        return 1 + _levels(dtype.inner)
    if isinstance(dtype, nw.Map):
        return 1 + max(_levels(dtype.key), _levels(dtype.value))
    return 0


def _fields(dtype: Any) -> Iterator[str]:
    """The names of fields inside a type, however deep."""
    if isinstance(dtype, nw.Struct):
        for field in dtype.fields:
            yield field.name
            yield from _fields(field.dtype)
    elif isinstance(dtype, nw.List | nw.Array):
        yield from _fields(dtype.inner)
    elif isinstance(dtype, nw.Map):
        yield from (*_fields(dtype.key), *_fields(dtype.value))
