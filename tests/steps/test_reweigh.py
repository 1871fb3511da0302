"""The step reweigh, against Kamiran and Calders' formula."""

from __future__ import annotations

import polars as pl
import pytest

from genspark.errors import ConfigError, SchemaError
from genspark.pipeline import Pipeline
from genspark.steps import Reweigh

ROWS = pl.DataFrame({"sex": ["m"] * 5 + ["f"] * 5, "y": [1, 1, 1, 1, 0, 1, 1, 0, 0, 0]})


def test_weights_are_those_of_kamiran_and_calders() -> None:
    # m: 4 positive, 1 negative; f: 2 and 3.
    out = weighed(ROWS)
    told = {(row["sex"], row["y"]): row["weight"] for row in out.iter_rows(named=True)}
    expected = {("m", 1): 0.75, ("m", 0): 2.0, ("f", 1): 1.5, ("f", 0): 2 / 3}
    assert told == pytest.approx(expected)
    # Under them the label is as frequent in each group as in all rows.
    shares = out.group_by("sex").agg(share=(pl.col("y") * pl.col("weight")).sum() / pl.col("weight").sum())["share"]
    assert shares.to_list() == pytest.approx([0.6, 0.6])
    assert out["weight"].sum() == pytest.approx(10)


def test_null_is_a_group_and_no_label_and_what_was_not_seen_weighs_one() -> None:
    rows = pl.DataFrame({"sex": ["m", None, "m", None], "y": [1, 0, None, 0]})
    model = Pipeline([Reweigh("sex", "y")]).fit(rows)
    assert list(model.transform(rows)["weight"]) == pytest.approx([1 / 3, 2 / 3, None, 2 / 3])
    other = pl.DataFrame({"sex": ["f", "m"], "y": [1, 0]})
    assert list(model.transform(other)["weight"]) == [1.0, 1.0]


def test_rows_are_taken_as_often_as_their_weights_say() -> None:
    # Of m 4 in 5 are positive, of f 2 in 5: .75, 2, 1.5 and 2/3.
    rows = pl.concat([ROWS] * 2000).with_row_index("id")
    step = Reweigh(["sex"], "y", method="repeat")
    out: pl.DataFrame = Pipeline([step], key=["id"]).fit(rows).transform(rows)
    assert out.schema["_repeat"] == pl.Int64
    counts = out.group_by("sex", "y").agg(pl.col("_repeat").sum(), pl.len(), values=pl.col("_repeat").unique().sort())
    told = {(row["sex"], row["y"]): row for row in counts.iter_rows(named=True)}
    expected = {("m", 1): ([0, 1], 6000), ("m", 0): ([2], 4000), ("f", 1): ([1, 2], 6000), ("f", 0): ([0, 1], 4000)}
    assert {pair: row["values"] for pair, row in told.items()} == {
        pair: values for pair, (values, _) in expected.items()
    }
    for pair, (_, wanted) in expected.items():
        # Five deviations of a binomial count: sqrt(8000 / 4) at most.
        assert abs(told[pair]["_repeat"] - wanted) < 225
    again = Pipeline([step], key=["id"]).fit(rows).transform(rows.sample(fraction=1, shuffle=True, seed=1)).sort("id")
    assert again["_repeat"].to_list() == out["_repeat"].to_list()
    assert Pipeline([step]).fit(ROWS).transform(pl.DataFrame({"sex": ["m"], "y": [None]}))["_repeat"].to_list() == [1]
    with pytest.raises(ConfigError, match="seed: is for method repeat"):
        Reweigh(["sex"], "y", seed=1)


def test_rows_that_share_their_draw_are_told() -> None:
    step = Reweigh(["sex"], "y", method="repeat")
    # No key: ten rows, of which those of the same sex and label are equal.
    model = Pipeline([step]).fit(ROWS)
    assert model.findings() == [
        "reweigh: 10 rows have 4 draws, for rows of the same key share one: all of them are taken, or all are left out "
        "('_repeat'); name a key that each row has for itself"
    ]
    times = model.transform(ROWS).filter(pl.col("sex") == "m", pl.col("y") == 1)["_repeat"]
    assert times.n_unique() == 1
    rows = ROWS.with_row_index("id")
    assert not Pipeline([step], key=["id"]).fit(rows).findings()
    assert not Pipeline([Reweigh(["sex"], "y")]).fit(ROWS).findings()


def test_mistakes_are_named() -> None:
    with pytest.raises(SchemaError, match="label: 'z' is not a column"):
        weighed(ROWS, label="z")
    with pytest.raises(SchemaError, match=r"^steps\[0\].reweigh.groups: 'h' is not a column"):
        Pipeline([Reweigh(["h"], "y")]).fit(ROWS)
    with pytest.raises(SchemaError, match="label: 'sex' is also a group"):
        weighed(ROWS, label="sex")


def weighed(rows: pl.DataFrame, label: str = "y") -> pl.DataFrame:
    out: pl.DataFrame = Pipeline([Reweigh(["sex"], label)]).fit(rows).transform(rows)
    return out
