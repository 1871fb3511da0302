"""Example arguments of every registered step, made from its class: nothing is to be registered for a new step.

A field that is needed has its values from its type, from the columns it can be bound to, or from the `examples`
that it gives. Every value of every choice (a Literal or a bool) is in at least one case.
"""

from __future__ import annotations

import contextlib
import typing
from collections.abc import Iterator
from typing import Any, Literal

import narwhals as nw
import polars as pl
import pyarrow as pa
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from genspark.engines.polars.engine import PolarsEngine
from genspark.pipeline import Pipeline
from genspark.statistics import Statistic
from genspark.steps import Step

Fields = dict[str, Any]
KEY = "id"
MOST_REQUESTS = 3


def generated(step: type[Step], table: pa.Table) -> list[Fields]:
    """Arguments with which the step works on the table; no two are alike."""
    choices = {name: choices_of(info) for name, info in fields_of(step).items() if choices_of(info)}
    for name in choices:
        if typing.get_origin(fields_of(step)[name].annotation) is dict:
            return mappings(step, table, name)
    found: list[Fields] = []
    for name, values in choices.items() or {"": [None]}.items():
        for number, value in enumerate(values):
            others = {other: some[number % len(some)] for other, some in choices.items()}
            case = next(attempts(step, table, {**others, name: value} if name else {}, name), None)
            if case is not None and case not in found:
                found.append(case)
    return found


def mappings(step: type[Step], table: pa.Table, name: str) -> list[Fields]:
    """Arguments of a step whose field maps columns to choices: every choice, in as few cases as columns allow."""
    found: list[dict[str, Any]] = []
    for value in choices_of(fields_of(step)[name]):
        able = [c for c in reversed(table.column_names) if c != KEY and works(step, {name: {c: value}}, table)]
        one = next((one for one in found if set(able) - one.keys()), None)
        if one is None:
            one = {}
            found.append(one)
        one.update({next(column for column in able if column not in one): value})
    return [{name: one} for one in found]


def uncovered(step: type[Step], cases: list[Fields]) -> list[str]:
    """The values of choices that are in none of the cases."""
    missing = []
    for name, info in fields_of(step).items():
        default = None if info.is_required() else info.get_default(call_default_factory=True)
        seen = [case.get(name, default) for case in cases]
        seen += [value for item in seen if isinstance(item, dict) for value in item.values()]
        missing += [f"{name}: {value}" for value in choices_of(info) if value not in seen]
    return missing


def attempts(step: type[Step], table: pa.Table, wanted: Fields, kept: str) -> Iterator[Fields]:
    """Arguments that work, the nearest to those wanted first; the field `kept` has its value in all of them."""
    # The key is the last resort: a step that is to leave columns out needs it to leave it in.
    names = [*(name for name in table.column_names if name != KEY), KEY]
    for fields in nearby(step, wanted, kept):
        alone = next(([name] for name in names if works(step, with_column(step, fields, [name]), table)), [])
        pairs = (
            [*(alone or [one]), other] for one in (alone or names) for other in names if other not in (one, *alone)
        )
        both = next((pair for pair in pairs if works(step, with_column(step, fields, pair), table)), alone)
        if both:
            yield with_column(step, fields, both)


def nearby(step: type[Step], wanted: Fields, kept: str) -> Iterator[Fields]:
    """The fields wanted, then with examples for the others, then without the other choices."""
    needed = {name: info.examples[0] for name, info in fields_of(step).items() if info.is_required() and info.examples}
    needed |= {
        name: values[0] for name, info in fields_of(step).items() if info.is_required() and (values := choices_of(info))
    }
    examples = {name: info.examples[0] for name, info in fields_of(step).items() if info.examples}
    for some in (wanted, {kept: wanted[kept]} if kept else {}):
        start = {**needed, **some}
        yield start
        yield from ({**start, name: value} for name, value in examples.items() if name not in start)
        yield {**examples, **start}


def with_column(step: type[Step], fields: Fields, columns: list[str]) -> Fields:
    """The fields, with columns wherever names of columns are needed."""
    given = dict(fields)
    for name, info in fields_of(step).items():
        if not info.is_required():
            continue
        if info.annotation is str:
            given[name] = columns[0]
        elif name == "columns":
            given[name] = columns
    return given


def works(step: type[Step], fields: Fields, table: pa.Table) -> bool:
    """Whether a step can be made of the fields, and fitted on and applied to the table."""
    try:
        made = TypeAdapter(step).validate_python(fields)
        made.bind(nw.from_native(table).collect_schema())
        frame = pl.DataFrame(table)
        model = Pipeline([made], key=[KEY]).fit(frame)
        if KEY not in model.transform(frame).columns:
            return False
        # Where nulls are, pandas has floats, which it cannot make integers or booleans of.
        model.transform(table.to_pandas())
    except Exception:
        return False
    return True


def fields_of(step: type[Step]) -> dict[str, FieldInfo]:
    """The step's own fields."""
    return {name: info for name, info in step.__pydantic_fields__.items() if name != "name"}  # type: ignore[attr-defined]


def choices_of(info: FieldInfo) -> list[Any]:
    """Every value of a field that has but few; of a mapping, every value that an entry can have."""
    if info.annotation is bool:
        return [False, True]
    kinds = [info.annotation, *typing.get_args(info.annotation)]
    return [value for kind in kinds if typing.get_origin(kind) is Literal for value in typing.get_args(kind)]


def generated_statistics(kind: type[Statistic], table: pa.Table) -> list[Statistic]:
    """Requests of one column each, of those columns that Polars finds a state for."""
    found = []
    for column in table.column_names:
        with contextlib.suppress(Exception):
            request = kind((column,))
            PolarsEngine().scan(nw.from_native(pl.DataFrame(table).lazy()), [request])
            found.append(request)
    return found[:MOST_REQUESTS]
