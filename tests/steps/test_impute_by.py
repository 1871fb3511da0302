"""Imputing within groups."""

from __future__ import annotations

import json
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from genspark.errors import ConfigError, SchemaError
from genspark.pipeline import Pipeline
from genspark.pipeline.planner import make_plan
from genspark.statistics import Extremes, Moments, Quantiles
from genspark.steps import Impute, Outliers, Scale

ROWS = pl.DataFrame(
    {
        "g": ["a", "a", "a", "b", "b", None, None, "c"],
        "x": [1.0, None, 3.0, 10.0, None, 100.0, None, None],
        "n": [1, 1, None, 2, None, 3, None, None],
        "s": ["u", "u", None, "v", None, "w", None, None],
        "t": [True, True, None, False, None, True, None, None],
    },
    schema_overrides={"n": pl.Int16},
)


def after(rows: pl.DataFrame, *steps: Any) -> pl.DataFrame:
    return Pipeline(steps).fit(rows).transform(rows)


def test_each_group_has_its_mean_null_is_a_group_and_one_without_a_value_gets_the_mean_of_all():
    found = after(ROWS, Impute("x", by="g"))["x"].to_list()
    assert found == pytest.approx([1.0, 2.0, 3.0, 10.0, 10.0, 100.0, 100.0, 28.5], rel=1e-15)


def test_a_group_that_was_not_seen_gets_the_value_of_all_rows():
    model = Pipeline([Impute("x", by="g")]).fit(ROWS)
    new = pl.DataFrame({"g": ["z", "b", None], "x": [None, None, None]}, schema_overrides={"x": pl.Float64})
    assert model.transform(new)["x"].to_list() == pytest.approx([28.5, 10.0, 100.0], rel=1e-15)


def test_each_group_has_its_median():
    rows = pl.DataFrame({"g": [1, 1, 1, 1, 2, 2], "x": [1.0, 2.0, 9.0, None, 5.0, None]})
    found = after(rows, Impute("x", strategy="median", by="g"))["x"].to_list()
    assert found == [1.0, 2.0, 9.0, 2.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("column", "filled"),
    [
        ("s", ["u", "u", "u", "v", "v", "w", "w", "u"]),
        ("n", [1, 1, 1, 2, 2, 3, 3, 1]),
        ("t", [True, True, True, False, False, True, True, True]),
        ("x", [1.0, 1.0, 3.0, 10.0, 10.0, 100.0, 100.0, 1.0]),
    ],
)
def test_each_group_has_its_mode_in_the_columns_own_type(column, filled):
    out = after(ROWS, Impute(column, strategy="mode", by="g"))
    assert out[column].to_list() == filled
    assert out.schema[column] == ROWS.schema[column]


def test_groups_of_several_columns():
    rows = pl.DataFrame({"g": ["a", "a", "a", "a"], "b": [True, True, False, False], "x": [1.0, None, 5.0, None]})
    assert after(rows, Impute("x", by=["g", "b"]))["x"].to_list() == [1.0, 1.0, 5.0, 5.0]


def test_a_column_with_no_value_keeps_its_nulls():
    rows = pl.DataFrame({"g": ["a", "b"], "x": [None, None], "y": [1.0, None]}, schema_overrides={"x": pl.Float64})
    out = after(rows, Impute(["x", "y"], by="g"))
    assert (out["x"].to_list(), out["y"].to_list()) == ([None, None], [1.0, 1.0])


def test_no_rows_stay_no_rows():
    model = Pipeline([Impute("x", by="g")]).fit(ROWS.clear())
    assert model.transform(ROWS.clear()).height == 0
    assert model.transform(ROWS)["x"].to_list() == ROWS["x"].to_list()


def test_every_kind_of_frame_is_filled_alike():
    model = Pipeline([Impute(["x", "n", "s", "t"], strategy="mode", by="g", indicator=True)]).fit(ROWS)
    expected = model.transform(ROWS)
    assert model.transform(ROWS.lazy()).collect().equals(expected)
    assert pl.from_arrow(model.transform(ROWS.to_arrow())).equals(expected)
    pandas = pl.from_pandas(model.transform(ROWS.to_pandas())).cast(dict(expected.schema))
    assert pandas.equals(expected)


def test_parameters_are_json_and_tell_the_value_of_each_group():
    parameters = Pipeline([Impute("x", by="g")]).fit(ROWS).parameters[0]
    assert json.loads(json.dumps(parameters)) == parameters
    assert parameters["values"] == {"x": pytest.approx(28.5, rel=1e-15)}
    assert parameters["groups"] == [[None], ["a"], ["b"], ["c"]]
    assert parameters["values_by_group"] == {"x": [100.0, 2.0, 10.0, None]}


@pytest.mark.parametrize(
    "wanted",
    [Moments(("x",)), Extremes(("x",)), Quantiles(("x",)), Moments(("x",), by=("g",)), Extremes(("x",), by=("g",))],
    ids=str,
)
@pytest.mark.parametrize("by", [(), ("g",)], ids=["over all rows", "by group"])
def test_a_statistic_of_what_was_filled_follows_with_no_scan(wanted, by):
    step = Impute("x", by=by)
    model = Pipeline([step]).fit(ROWS)
    derivation = step.learner().rewrite(wanted)
    assert derivation is not None
    derived = derivation.derive([scan(ROWS, need) for need in derivation.needs], model.parameters[0])
    direct = scan(model.transform(ROWS), wanted)
    if isinstance(wanted, Quantiles):
        p = (0.0, 0.5, 1.0)
        assert wanted.read(derived, p) == wanted.read(direct, p)
    else:
        assert derived == approximately(direct)


def test_scaling_after_it_takes_no_scan_more():
    plan = Pipeline([Impute("x", by="g"), Scale("x")]).plan(ROWS)
    assert len(plan.scans) == 1
    out = after(ROWS, Impute("x", by="g"), Scale("x"))["x"]
    assert out.mean() == pytest.approx(0.0, abs=1e-15)
    assert out.std(ddof=0) == pytest.approx(1.0)


def test_outliers_of_the_same_groups_take_no_scan_more():
    steps = [Impute("x", by="g"), Outliers("x", by="g")]
    assert len(Pipeline(steps).plan(ROWS).scans) == 1


def test_statistics_of_other_groups_are_scanned():
    assert Impute("x", by="g").learner().rewrite(Moments(("x",), by=("h",))) is None
    assert Impute("x", indicator=True).learner().rewrite(Moments(("x",), by=("x_is_missing",))) is None


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Impute("x", by="h"), r"by: 'h' is not a column"),
        (Impute("x", by="f"), r"by: 'f' is Float64, and groups are told by strings, integers or booleans"),
        (Impute("s", strategy="mode", by="s"), r"by: 's' is also filled; name the columns without it"),
    ],
)
def test_groups_that_cannot_be_told_are_refused_before_anything_runs(step, message):
    with pytest.raises(SchemaError, match=message):
        make_plan([step], {"x": nw.Float64(), "f": nw.Float64(), "s": nw.String()})


def test_exact_medians_of_groups_are_refused():
    with pytest.raises(ConfigError, match="rank_error: exact medians of groups do not merge"):
        Impute("x", strategy="median", by="g", rank_error=0)


def scan(rows: pl.DataFrame, statistic: Any) -> Any:
    from genspark.engines.polars.scan import gather

    return gather(rows.lazy(), [statistic]).states()[statistic]


def approximately(state: Any) -> Any:
    if isinstance(state, dict):
        return {name: approximately(value) for name, value in state.items()}
    if isinstance(state, list):
        return [approximately(value) for value in state]
    return pytest.approx(state, rel=1e-12) if isinstance(state, float) else state
