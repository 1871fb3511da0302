"""The columns of rows against those of the table that they are added to: what fits, is widened, added or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import narwhals as nw

from genspark.columns.dtypes import Schema
from genspark.sinks.section import Section
from genspark.sinks.table import Table, keeps_columns

_INTEGERS = (nw.Int8(), nw.Int16(), nw.Int32(), nw.Int64())
# A number of the key is a number of each of these, digit by digit.
_WIDER: Mapping[Any, tuple[Any, ...]] = {
    nw.Int8(): (*_INTEGERS[1:], nw.Float32(), nw.Float64()),
    nw.Int16(): (*_INTEGERS[2:], nw.Float32(), nw.Float64()),
    nw.Int32(): (*_INTEGERS[3:], nw.Float64()),
    nw.Float32(): (nw.Float64(),),
}
_SAME = (*_INTEGERS, nw.Float32(), nw.Float64(), nw.String(), nw.Boolean(), nw.Binary(), nw.Date())


def kept_columns(table: Table, section: Section | None) -> Schema:
    """The columns whose types written rows take on; none where types must agree as they are, or may change.

    Without a section they are those of a table that `Sink.append` adds to.
    """
    takes_on = section is None or (keeps_columns(table, section) and section.schema_ == "evolve")
    return table.columns if takes_on else {}


def fitted(frame: Any, columns: Schema) -> Any:
    """The native lazy frame with numbers as wide as in `columns`, where that changes none of them."""
    rows = nw.from_native(frame)
    wide = {name: columns[name] for name, dtype in rows.collect_schema().items() if _widens(dtype, columns.get(name))}
    return nw.to_native(rows.with_columns(nw.col(name).cast(dtype) for name, dtype in wide.items())) if wide else frame


def check_columns(table: Table, section: Section, schema: Schema) -> list[str]:
    """What is wrong with rows of this schema, as far as it can be told before they are written.

    Types that only the writer knows for certain, such as those inside others, are left to `misfits` at the commit.
    """
    if not table.columns or not keeps_columns(table, section):
        return []
    here = {name: _settled(dtype) for name, dtype in schema.items()}
    there = {name: _settled(dtype) for name, dtype in table.columns.items()}
    evolves = section.schema_ == "evolve"

    def differ(column: str) -> bool:
        mine, tables = here[column], there[column]
        return None not in (mine, tables) and mine != tables and not (evolves and _widens(mine, tables))

    return _misfits(there, here, differ, evolves=evolves)


def misfits(there: Mapping[str, Any], here: Mapping[str, Any], *, evolves: bool) -> list[str]:
    """What is wrong with written rows: columns to their types, in the words of the writer, of table and rows."""
    return _misfits(there, here, lambda column: here[column] != there[column], evolves=evolves)


def _misfits(
    there: Mapping[str, Any], here: Mapping[str, Any], differ: Callable[[str], bool], *, evolves: bool
) -> list[str]:
    other = "cast it (a step cast), overwrite the whole table, or choose another path"
    stays = "a wider type is one that not every reader would open" if evolves else "sink.schema: evolve widens numbers"
    problems = [
        f"column {name!r} is {here[name]} in the rows and {there[name]} in the table; {stays}; {other}"
        for name in here
        if name in there and differ(name)
    ]
    new, lower = [name for name in here if name not in there], {name.lower() for name in there}
    problems += [
        f"column {name!r} differs in case alone from one of the table; give it that name (a step rename)"
        for name in new
        if name.lower() in lower
    ]
    if evolves:
        return problems
    add = "set sink.schema: evolve to add it, null in older rows, or overwrite the whole table"
    problems += [f"{n!r} is not a column of the table, and the rows have it as {here[n]}; {add}" for n in new]
    fill = "set sink.schema: evolve to leave it null, or overwrite the whole table"
    lacking = [name for name in there if name not in here]
    problems += [f"the rows have no column {n!r}, which the table has as {there[n]}; {fill}" for n in lacking]
    return problems


def _widens(dtype: Any, wide: Any) -> bool:
    """Whether every value of a type is a value of another."""
    return wide is not None and wide in _WIDER.get(dtype, ())


def _settled(dtype: Any) -> Any:
    """A type in its one form; None for those of which tables hold several forms."""
    if isinstance(dtype, nw.Datetime):
        return nw.Datetime("us", "UTC" if dtype.time_zone else None)
    return dtype if dtype in _SAME or isinstance(dtype, nw.Decimal) else None
