from __future__ import annotations

import itertools
import pickle
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest

from genspark.columns.lookup import GroupLookup, PerGroup, lookup
from genspark.errors import PlanError, SchemaError
from genspark.statistics import Moments, Quantiles
from genspark.statistics.groups import check_by, states_by_group, ungrouped

LARGE = 2**64 - 1


def looked_up(groups: list[list[Any]], *arrays: pa.Array) -> list[int | None]:
    """The position of each row's group, None for a group that was not seen."""
    by = [f"g{i}" for i in range(len(arrays))]
    kernel = lookup(by, groups, {"place": PerGroup(tuple(range(len(groups))), None, pa.int64())})
    return kernel(list(arrays)).field("place").to_pylist()


@pytest.mark.parametrize(
    ("groups", "array", "expected"),
    [
        ([[None], ["a"], ["b"]], pa.array(["b", None, "a", "c"]), [2, 0, 1, None]),
        ([["a"], ["b"]], pa.array(["b", None]), [1, None]),
        ([["a"], ["b"]], pa.array(["b", "z"], pa.large_string()), [1, None]),
        ([["a"], ["b"]], pa.array(["b", "z"], pa.string_view()), [1, None]),
        ([["a"], ["b"]], pa.array(["b", "z", None]).dictionary_encode(), [1, None, None]),
        ([[-3], [7], [1000]], pa.array([7, -3, 8], pa.int8()), [1, 0, None]),
        ([[-3], [7]], pa.array([7, 8], pa.uint64()), [1, None]),
        ([[7], [LARGE]], pa.array([LARGE, 7], pa.uint64()), [1, 0]),
        # pandas makes integers floats where nulls are.
        ([[None], [7]], pa.array([7.0, None, 7.5]), [1, 0, None]),
        ([[False], [True]], pa.array([True, False, None]), [1, 0, None]),
        ([[None]], pa.array(["a", None]), [None, 0]),
        ([[None]], pa.array([1, None]), [None, 0]),
        ([[None], ["a"]], pa.nulls(2), [0, 0]),
        ([], pa.array(["a", None]), [None, None]),
        ([["a"]], pa.array([], pa.string()), []),
    ],
)
def test_each_row_finds_its_group(groups, array, expected):
    assert looked_up(groups, array) == expected


def test_a_group_of_two_columns_is_both_values():
    groups = [["b", 1], ["a", 2], ["a", None], [None, 1]]
    first = pa.array(["a", "a", "a", "b", None, "b", "c"])
    second = pa.array([2, None, 1, 1, 1, 2, 1])
    assert looked_up(groups, first, second) == [1, 2, None, 0, 3, None, None]


def test_many_columns_of_many_values_do_not_overflow():
    # 1000 distinct values in each of 8 columns: 10 to the 24th combinations.
    random = np.random.default_rng(0)
    table = random.permuted(np.tile(np.arange(1000), (8, 1)), axis=1)
    places = random.permutation(1000)
    arrays = [pa.array(column[places]) for column in table]
    assert looked_up(table.T.tolist(), *arrays) == places.tolist()
    moved = [*arrays[:-1], pa.array(np.roll(table[-1], 1)[places])]
    assert looked_up(table.T.tolist(), *moved) == [None] * 1000


def test_a_lookup_gives_every_parameter_in_its_type():
    parameters = {"low": PerGroup((1.5, None), -1.0), "word": PerGroup(("x", "y"), None, pa.string())}
    kernel = lookup(["g"], [["a"], ["b"]], parameters)
    assert (kernel.columns, kernel.outputs) == (("g",), {"low": pa.float64(), "word": pa.string()})
    assert kernel([pa.array(["b", "a", "c"])]).to_pylist() == [
        {"low": None, "word": "y"},
        {"low": 1.5, "word": "x"},
        {"low": -1.0, "word": None},
    ]


def test_a_lookup_travels_before_and_after_its_use():
    function = GroupLookup(("g",), (("a",), (None,)), (PerGroup((1.0, 2.0), 3.0),))
    rows = [pa.array([None, "a", "z"])]
    for _ in range(2):
        again = pickle.loads(pickle.dumps(function))
        assert again == function
        assert [column.to_pylist() for column in again(rows)] == [[2.0, 1.0, 3.0]]
        function(rows)


def test_values_of_another_kind_than_the_groups_are_refused():
    with pytest.raises(SchemaError, match="by: 'g0' held integers when the groups were learnt and is string here"):
        looked_up([[1], [2]], pa.array(["1"]))


SCHEMA = {"zone": nw.String(), "hour": nw.Int8(), "paid": nw.Boolean(), "fare": nw.Float64(), "day": nw.Date()}


def test_strings_integers_and_booleans_make_groups():
    check_by(["zone", "hour", "paid"], SCHEMA)


@pytest.mark.parametrize(
    ("by", "message"),
    [
        (["zon"], r"by: 'zon' is not a column; did you mean 'zone'\?"),
        (["fare"], "by: 'fare' is Float64, and groups are told by strings, integers or booleans; cast it before"),
        (["day"], "by: 'day' is Date"),
        (["zone", "zone"], "by: 'zone' is named twice; name it once"),
    ],
)
def test_columns_that_make_no_groups_are_refused(by, message):
    with pytest.raises(SchemaError, match=message):
        check_by(by, SCHEMA)


def grouped_moments(**groups: list[float]) -> dict[str, Any]:
    state = Moments(("x",)).empty()
    states = {g: {**state, "count": len(v), "mean": np.mean(v), "m2": np.var(v) * len(v)} for g, v in groups.items()}
    return {"groups": [{"by": [g], "state": s} for g, s in states.items()]}


def test_the_state_of_all_rows_is_the_groups_merged():
    merged = ungrouped(Moments(("x",), by=("g",)), grouped_moments(a=[1.0, 2.0, 6.0], b=[11.0]))
    assert (merged["count"], merged["mean"], merged["m2"]) == (4, 5.0, 16.0 + 9.0 + 1.0 + 36.0)


def test_no_groups_are_no_rows():
    statistic = Moments(("x",), by=("g",))
    assert ungrouped(statistic, {"groups": []}) == statistic.empty()
    assert states_by_group({"groups": []}) == {}


def test_a_state_that_does_not_merge_is_refused():
    statistic = Quantiles(("x",), rank_error=0, probabilities=(0.5,), by=("g",))
    state = {**statistic.empty(), "count": 2, "values": [1.0]}
    with pytest.raises(PlanError, match="do not merge"):
        ungrouped(statistic, {"groups": [{"by": [g], "state": state} for g in "ab"]})


def test_ten_thousand_groups_are_looked_up_by_the_batch():
    groups = [list(pair) for pair in itertools.product(range(100), [f"zone {i}" for i in range(100)])]
    places = np.random.default_rng(0).integers(0, len(groups), 100_000)
    columns = [pa.array([groups[place][i] for place in places]) for i in range(2)]
    parameters = {f"p{i}": PerGroup(tuple(range(i, i + len(groups))), -1.0) for i in range(10)}
    found = lookup(["a", "b"], groups, parameters)(columns)
    assert all(np.array_equal(found.field(f"p{i}").to_numpy(), places + i) for i in range(10))
