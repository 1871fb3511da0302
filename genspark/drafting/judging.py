"""What a column is to the steps: a measure, a name, a code, times; and how much of it will be missing."""

from __future__ import annotations

from genspark.drafting.looking import Column
from genspark.drafting.meanings import names_things


def is_measured(column: Column) -> bool:
    """Whether a column of numbers measures something, and is neither a code nor the name of a thing."""
    return column.kind == "number" and column.traits.tail is not None and not is_a_name(column)


def is_a_name(column: Column) -> bool:
    """Whether numbers name things, as a customer's number does."""
    return column.is_whole and names_things(column.name) and not column.traits.is_code


def is_of_times(column: Column) -> bool:
    """Whether texts are days or times: those that the step cast reads, and others."""
    return column.dtype == "String" and (column.readable_as in ("date", "timestamp") or column.traits.is_dated)


def is_named(column: Column) -> bool:
    """Whether texts are names of something, which may be filled and numbered: few, short, and no times."""
    return (
        column.kind == "category" and column.dtype == "String" and not column.traits.is_long and not is_of_times(column)
    )


def gaps_of(column: Column) -> float:
    """The share of rows without a value once infinities and values that stand for missing are erased."""
    if not is_measured(column):
        return column.missing
    repeated, infinite = column.traits.repeated, column.traits.infinite
    erased = repeated.share if repeated and repeated.ranges else 0.0
    return column.missing + (1.0 - column.missing) * (infinite + (1.0 - infinite) * erased)
