"""What genspark promises of statistics, held against every class in the registry."""

from __future__ import annotations

import json
from typing import Any

import narwhals as nw
import numpy as np
import pytest
from cases import statistics_of, tables, with_groups

from genspark.engines import SparkEngine
from genspark.statistics import Quantiles, State, Statistic, from_json

REGISTRY = {kind: cls for kind, cls in Statistic.registry.items() if cls.__module__.startswith("genspark.")}
TABLES = tables()
REQUESTS = [request for kind in REGISTRY for request in statistics_of(kind)]
ALL = [*REQUESTS, *(with_groups(request) for request in REQUESTS)]
pytestmark = pytest.mark.usefixtures("interpreted")
every_request = pytest.mark.parametrize("statistic", REQUESTS, ids=str)
every_request_and_its_groups = pytest.mark.parametrize("statistic", ALL, ids=str)


@pytest.fixture(scope="module")
def scans(frames) -> Any:
    """`scans(statistic)`: its states of three parts of the usual table, and of the whole, from Spark."""
    table = TABLES["usual"]
    pieces = [table.slice(0, 9), table.slice(9, 1), table.slice(10), table]
    by = {False: [], True: []}
    for piece in pieces:
        frame = nw.from_native(frames.of("spark", piece))
        for is_grouped, states in by.items():
            states.append(SparkEngine().scan(frame, [r for r in ALL if bool(r.by) == is_grouped]))
    return lambda statistic: [states[statistic] for states in by[bool(statistic.by)]]


def comparable(statistic: Statistic, state: State) -> Any:
    """The state with its floats to 1e-9 and a sketch told by the quantiles it gives."""
    if statistic.by:
        plain = type(statistic)(**{**vars(statistic), "by": ()})
        return [[group["by"], comparable(plain, group["state"])] for group in state["groups"]]
    shown = dict(state)
    if isinstance(statistic, Quantiles):
        shown["sketch"] = statistic.read(state, tuple(np.linspace(0, 1, 9)))
    return close(shown)


def close(value: Any) -> Any:
    """The value, with the floats in it to 1e-9."""
    if isinstance(value, float):
        return pytest.approx(value, rel=1e-9, abs=1e-12)
    if isinstance(value, dict):
        return {name: close(item) for name, item in value.items()}
    return [close(item) for item in value] if isinstance(value, list) else value


COUNTERS = ("missing", "null_vectors", "seen")
"""What a state calls the rows of a column that has no value in them."""
ROWS = {*COUNTERS, "rows", "draws"}


@pytest.mark.parametrize("kind", REGISTRY)
def test_every_registered_statistic_has_a_case(kind):
    assert statistics_of(kind), f"no request of {kind!r} was found: list one in STATISTICS of tests/contract/cases.py"


@every_request_and_its_groups
def test_a_request_survives_json_and_equals_its_twin(statistic):
    again = from_json(json.loads(json.dumps(statistic.to_json())))
    assert again == statistic
    assert len({again, statistic}) == 1
    assert list(statistic.to_json()) == [statistic.kind]


@every_request_and_its_groups
def test_a_state_survives_json(statistic, scans):
    for state in scans(statistic):
        assert json.loads(json.dumps(state, allow_nan=False)) == state


@every_request
def test_merging_the_empty_state_changes_nothing(statistic, scans):
    for state in [*scans(statistic), statistic.empty()]:
        assert statistic.merge(state, statistic.empty()) == state
        assert statistic.merge(statistic.empty(), state) == state


@every_request_and_its_groups
def test_merging_commutes(statistic, scans):
    a, b, *_ = scans(statistic)
    assert comparable(statistic, statistic.merge(a, b)) == comparable_values(statistic, statistic.merge(b, a))


@every_request_and_its_groups
def test_merging_associates_and_gives_the_state_of_the_union(statistic, scans):
    a, b, c, whole = scans(statistic)
    left = statistic.merge(statistic.merge(a, b), c)
    right = statistic.merge(a, statistic.merge(b, c))
    assert comparable(statistic, left) == comparable_values(statistic, right)
    assert comparable(statistic, left) == comparable_values(statistic, whole)


@every_request_and_its_groups
def test_merging_leaves_its_arguments_alone(statistic, scans):
    a, b, *_ = scans(statistic)
    before = json.dumps([a, b])
    statistic.merge(a, b)
    assert json.dumps([a, b]) == before


@every_request
@pytest.mark.parametrize("name", ["no rows", "all null"])
def test_a_table_with_no_value_has_a_state_that_merges(statistic, frames, name, scans):
    frame = nw.from_native(frames.of("spark", TABLES[name]))
    state = SparkEngine().scan(frame, [statistic])[statistic]
    counts = [
        state[counter] - statistic.empty()[counter] for counter in COUNTERS if isinstance(state.get(counter), int)
    ]
    assert all(count == len(TABLES[name]) for count in counts)
    assert {k: v for k, v in state.items() if k not in ROWS} == {
        k: v for k, v in statistic.empty().items() if k not in ROWS
    }
    whole = scans(statistic)[-1]
    merged = statistic.merge(state, whole)
    assert {k: v for k, v in merged.items() if k not in ROWS} == {k: v for k, v in whole.items() if k not in ROWS}


@every_request
def test_a_filled_state_has_nothing_missing(statistic, scans):
    whole = scans(statistic)[-1]
    value = "z" if statistic.column == "s" else True if statistic.column == "b" else 3.0
    after = statistic.filled(whole, value) if len(statistic.columns) == 1 else None
    if after is not None:
        assert after["missing"] == 0
        assert statistic.filled(after, value) == after


@every_request
def test_an_affine_map_and_its_inverse_give_the_state_back(statistic, scans):
    whole = scans(statistic)[-1]
    there = statistic.affine(whole, 2.0, 4.0, 1.0)
    if there is None:
        pytest.skip("it follows no affine map")
    back = statistic.affine(there, 1.0, 0.25, 2.0)
    if isinstance(statistic, Quantiles):
        p = (0.0, 0.5, 1.0)
        assert statistic.read(back, p) == pytest.approx(statistic.read(whole, p), rel=1e-12)
    else:
        assert back == {name: pytest.approx(value, rel=1e-12) for name, value in whole.items()}


@every_request
def test_partitions_do_not_matter(statistic, frames, scans):
    shuffled = nw.from_native(frames.of("spark", TABLES["usual"]).repartition(5, "y"))
    state = SparkEngine().scan(shuffled, [statistic])[statistic]
    assert comparable(statistic, state) == comparable_values(statistic, scans(statistic)[-1])


@every_request
def test_the_same_request_of_another_column(statistic):
    moved = statistic.on(["other"])
    assert moved.columns == ("other",)
    assert moved.on(statistic.columns) == statistic


def comparable_values(statistic: Statistic, state: State) -> Any:
    """As `comparable`, with bare floats: the other side of a comparison."""
    return _bare(comparable(statistic, state))


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _bare(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return getattr(value, "expected", value)
