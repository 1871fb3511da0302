"""Row groups cut by what their rows hold: those that a filter lets through, or those of each value of a column.

A row group has then rows that count and others, as where some were deleted. Columns are read once, as a table is opened
or a reader made, and what was found is part of the plan: so an order over it is as pure as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genspark.readers.groups import Counts, Group, Groups
from genspark.readers.log import Version
from genspark.readers.order import Integers
from genspark.readers.plan import Plan
from genspark.readers.where import Where, matching

AT_ONCE = 8
"""Row groups that are read at a time."""


def filtered(plan: Plan, version: Version, where: Where | None) -> Plan:
    """The plan of the rows that `where` lets through, of a plan of the files that it does."""
    files, condition = matching(version, where)
    if condition is None:
        return plan
    of_files = tuple(column for column in condition.columns if column.name not in version.partition_by)
    of_partition = tuple(column for column in condition.columns if column.name in version.partition_by)
    constants = tuple(tuple(file.partition[column.name] for column in of_partition) for file in files)
    look = replace(plan.bare, columns=of_files, partition_by=of_partition, constants=constants)

    def places(group: Group) -> Integers:
        return np.flatnonzero(condition(group.arrow)).astype(np.int64)

    return cut(plan, [[found] for found in each_group(look, places)])


def cut(plan: Plan, parts: Sequence[Sequence[Integers]]) -> Plan:
    """The plan whose row groups are, for each of the old ones, those of the rows at some places of it."""
    kept: dict[int, Integers] = {}
    sources = np.repeat(np.arange(len(plan.rows)), [len(of_group) for of_group in parts])
    rows: list[int] = []
    for source, places in zip(sources.tolist(), (one for of_group in parts for one in of_group), strict=True):
        before = plan.kept.get(source)
        if len(places) < plan.rows[source] or before is not None:
            kept[len(rows)] = places if before is None else before[places]
        rows.append(len(places))
    return replace(
        plan,
        owners=plan.owners[sources],
        numbers=plan.numbers[sources],
        rows=np.array(rows, np.int64),
        kept=kept,
    )


def values_of(plan: Plan, column: str) -> tuple[list[Any], list[dict[Any, Integers]]]:
    """The values of a column, and for each row group the places of each value that it has."""
    columns = tuple(one for one in plan.columns if one.name == column)
    look = replace(plan.bare, columns=columns, partition_by=(), constants=((),) * len(plan.files))

    def places(group: Group) -> dict[Any, Integers]:
        coded = group.arrow[column]
        coded = coded if pa.types.is_dictionary(coded.type) else pc.dictionary_encode(coded, null_encoding="encode")
        codes = np.asarray(coded.indices)
        order = np.argsort(codes, kind="stable")
        edges = np.searchsorted(codes[order], np.arange(len(coded.dictionary) + 1))
        found = zip(coded.dictionary.to_pylist(), edges[:-1], edges[1:], strict=True)
        return {value: order[start:end].astype(np.int64) for value, start, end in found if end > start}

    of_groups = each_group(look, places)
    return sorted({value for of_group in of_groups for value in of_group}, key=str), of_groups


def each_group(plan: Plan, function: Callable[[Group], Any]) -> list[Any]:
    """What a function makes of each row group."""
    groups = Groups(plan, Counts())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda number: function(groups.read(number)), range(len(plan.rows))))
