from __future__ import annotations

from collections import Counter

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from genspark.errors import ConfigError, SchemaError
from genspark.pipeline import Pipeline
from genspark.pipeline.planner import make_plan
from genspark.steps import Impute, Split

PARTS = {"train": 0.6, "validation": 0.2, "test": 0.2}
GOLDEN = {0: "train", 1: "train", 2: "train", 3: "train", 4: "test", 5: "train", 9: "validation", 10: "test"}
GOLDEN_STRINGS = {"a": "validation", "b": "train", "é": "train", "": "train", "genspark": "validation"}


@pytest.fixture(scope="module")
def ten_thousand(frames, interpreted) -> pa.Table:
    """Ids and their part, after a repartition that shuffles the rows."""
    df = frames.of("spark", pa.table({"id": np.arange(10_000)}))
    model = Pipeline([Split(PARTS, seed=7)], key=["id"]).fit(df)
    return frames.table(model.transform(df.repartition(7, "id"))).sort_by("id")


@pytest.mark.parametrize("golden", [GOLDEN, GOLDEN_STRINGS], ids=["integers", "strings"])
def test_the_assignment_is_pinned(after, golden):
    # Computed with the xxhash package, and never to change: tables have been split by it.
    assert after({"id": list(golden)}, Split(PARTS, seed=7))["split"] == list(golden.values())


def test_the_shares_are_about_the_fractions(ten_thousand):
    shares = {part: count / 10_000 for part, count in Counter(ten_thousand["split"].to_pylist()).items()}
    # The standard deviation of a share is at most 0.005.
    assert shares == pytest.approx(PARTS, abs=0.015)


def test_partitions_and_order_do_not_matter(ten_thousand, fitted):
    model = fitted({"id": [0]}, Split(PARTS, seed=7), key=["id"])
    backwards = model.transform(pl.DataFrame({"id": np.arange(10_000)[::-1]}))
    assert backwards["split"].to_list()[::-1] == ten_thousand["split"].to_pylist()


def test_a_row_stays_in_its_part_when_rows_are_added(fitted):
    model = fitted({"id": [0]}, Split(PARTS), key=["id"])
    few = model.transform(pl.DataFrame({"id": range(50)}))["split"].to_list()
    assert model.transform(pl.DataFrame({"id": range(100)}))["split"].to_list()[:50] == few


def test_another_seed_is_another_split(fitted):
    frame = pl.DataFrame({"id": range(200)})
    parts = [
        fitted({"id": [0]}, Split(PARTS, seed=seed), key=["id"]).transform(frame)["split"].to_list() for seed in (0, 1)
    ]
    same = np.mean([a == b for a, b in zip(*parts, strict=True)])
    assert 0.3 < same < 0.6  # 0.44 of the rows by chance


def test_a_group_is_never_cut_and_null_is_a_group(after):
    groups = [None if i % 23 == 0 else f"g{i % 23}" for i in range(400)]
    got = after({"id": range(400), "g": groups}, Split(PARTS, group="g"))
    parts = {group: {p for g, p in zip(got["g"], got["split"], strict=True) if g == group} for group in set(groups)}
    assert all(len(part) == 1 for part in parts.values())
    assert len({part for (part,) in parts.values()}) > 1


def test_a_group_alone_decides_so_the_key_is_not_needed(fitted):
    model = fitted({"id": [0], "g": ["a"]}, Split(PARTS, group="g"))
    assert model.transform(pl.DataFrame({"g": ["a", "b"]})).columns == ["g", "split"]


def test_a_group_that_is_absent_is_named(fitted):
    model = fitted({"id": [0], "city": ["a"]}, Split(PARTS, group="city"))
    with pytest.raises(SchemaError, match="the model needs column 'city'; did you mean 'citty'"):
        model.transform(pl.DataFrame({"citty": ["a"]}))


def test_a_group_that_a_step_makes_is_refused():
    steps = [Impute("x", indicator=True), Split(PARTS, group="x_is_missing")]
    with pytest.raises(SchemaError, match="'x_is_missing' is made by a step, and columns are hashed as they were read"):
        Pipeline(steps).plan_for({"x": nw.Float64()})


def test_a_group_is_hashed_as_it_was_read(after):
    groups = [None if i % 3 == 0 else i % 50 for i in range(100)]
    split = Split(PARTS, group="g")
    before = after({"g": pa.array(groups)}, split)["split"]
    assert after({"g": pa.array(groups)}, Impute("g", "constant", value=1), split)["split"] == before


def test_without_a_key_every_column_is_the_key(after, fitted):
    columns = {"a": [1, 1, 2], "b": ["x", "x", "x"]}
    assert fitted(columns, Split(PARTS)).key == ("a", "b")
    got = after(columns, Split(PARTS))["split"]
    assert got[0] == got[1]


def test_no_rows_give_an_empty_column(after):
    assert after({"id": pa.array([], pa.int64())}, Split(PARTS)) == {"id": [], "split": []}


@pytest.mark.parametrize(("fractions", "expected"), [({"all": 1}, {"all"}), ({"none": 0, "all": 1}, {"all"})])
def test_a_share_of_one_takes_all_and_of_zero_none(after, fractions, expected):
    assert set(after({"id": range(50)}, Split(fractions))["split"]) == expected


def test_the_column_can_have_another_name(after):
    assert list(after({"id": [1]}, Split(PARTS, column="part"))) == ["id", "part"]


def test_the_inverse_takes_the_column_away(fitted):
    model = fitted({"id": [1]}, Split(PARTS))
    assert model.inverse_transform(pl.DataFrame({"id": [1], "split": ["test"]})).columns == ["id"]
    assert model.losses() == []


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Split(PARTS, group="zoen"), r"steps\[0\].split.group: 'zoen' is not a column; did you mean 'zone'\?"),
        (Split(PARTS, column="zone"), "column: 'zone' is already a column; give the split another name"),
    ],
)
def test_a_split_that_does_not_fit_the_schema_is_refused(step, message):
    with pytest.raises(SchemaError, match=message):
        make_plan([step], {"zone": nw.String()})


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ({"a": 0.5, "b": 0.4}, r"must sum to 1; .* sum to 0.9"),
        ({"a": 1.5, "b": -0.5}, r"a share cannot be negative; got \{'b': -0.5\}"),
        ({"a": float("nan")}, "finite number"),
        ({}, "at least 1"),
    ],
)
def test_fractions_that_are_no_shares_are_refused(fractions, message):
    with pytest.raises(ConfigError, match=message):
        Split(fractions)
