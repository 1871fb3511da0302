"""Median absolute deviations, and bounds within groups, fitted on Polars and in jobs on engine polars."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from scipy.stats import median_abs_deviation

from genspark import JobConfig, job
from genspark.errors import ConfigError, SchemaError
from genspark.pipeline import Pipeline, PipelineModel
from genspark.pipeline.planner import make_plan
from genspark.statistics import Extremes, Quantiles
from genspark.statistics.quantiles import encode, identity, new_sketch
from genspark.steps import Outliers
from genspark.steps.outliers.spread import median_and_deviation

INF, NAN = math.inf, math.nan
# Means 10, 100 and 0; deviations 2, 20 and 1: at threshold 1 the bounds are 8 and 12, 80 and 120, -1 and 1.
GROUPS = {"g": ["a", "a", "b", "b", None, None], "x": [8.0, 12.0, 80.0, 120.0, -1.0, 1.0]}
MEAN = sum(GROUPS["x"]) / 6
REACH = float(np.std(GROUPS["x"]))
SERVED = {
    "g": ["a", "a", "b", "b", None, None, "z", "z"],
    "x": [9.0, 20.0, 20.0, 100.0, 1.5, None, MEAN + REACH - 0.1, MEAN + REACH + 0.1],
}
IS_FAR = [False, True, True, False, True, False, False, True]


def fit(columns: Any, *steps: Outliers) -> PipelineModel:
    return Pipeline(steps).fit(pl.DataFrame(columns))


def after(columns: Any, step: Outliers, served: Any = None) -> dict[str, list[Any]]:
    out = fit(columns, step).transform(pl.DataFrame(columns if served is None else served))
    return out.to_dict(as_series=False)


def within(action: str, **fields: Any) -> Outliers:
    return Outliers(columns="x", by="g", threshold=1.0, action=action, **fields)


# Median absolute deviations


def test_mad_takes_what_scipys_deviation_tells():
    values = np.random.default_rng(0).standard_cauchy(1_001) + 1e6
    score = 0.6745 * np.abs(values - np.median(values)) / median_abs_deviation(values)
    assert 50 < (score > 3.5).sum() < 400
    flags = after({"x": values}, Outliers(columns="x", method="mad", action="flag", rank_error=0.001))["x_is_outlier"]
    assert flags == (score > 3.5).tolist()


@pytest.mark.parametrize("values", [[1.0], [1.0, 4.0], [3.0, 1.0, 1.0, 2.0, 50.0], [2.0, 2.0, 2.0, 9.0]])
def test_few_values_have_scipys_deviation(values):
    sketch = new_sketch(200)
    sketch.update(np.array(values))
    state = {"count": len(values), "sketch": encode(sketch), **identity()}
    assert median_and_deviation(state) == (np.median(values), median_abs_deviation(values))


def test_many_values_have_a_deviation_of_nearly_the_true_rank():
    values = np.random.default_rng(0).lognormal(size=200_000)
    (state,) = [state for _, _, state in fit({"x": values}, Outliers(columns="x", method="mad")).states]
    median, deviation = median_and_deviation(state)
    assert np.mean(values <= median) == pytest.approx(0.5, abs=0.005)
    assert np.mean(np.abs(values - np.median(values)) <= deviation) == pytest.approx(0.5, abs=0.01)


def test_the_deviation_keeps_to_the_units_of_the_sketch():
    # Sketched as 1, 2, 3, 4, 50 and then scaled: (x - 2) / 10 + 100.
    statistic = Quantiles(("x",))
    sketch = new_sketch(statistic.k)
    sketch.update(np.array([1.0, 2.0, 3.0, 4.0, 50.0]))
    state = statistic.affine({"count": 5, "sketch": encode(sketch), **identity()}, 2.0, 10.0, 100.0)
    assert median_and_deviation(state) == pytest.approx((100.1, 0.1))


def test_where_most_values_are_equal_nothing_is_an_outlier():
    assert fit({"x": [0.0, 0.0, 0.0, 9.0]}, Outliers(columns="x", method="mad")).parameters[0] == {"bounds": {}}


def test_mad_and_iqr_share_a_sketch():
    steps = [Outliers(columns="x", method=method, action="flag", name=method) for method in ("mad", "iqr")]
    assert steps[0].learner().statistics() == steps[1].learner().statistics()


def test_mad_reads_a_sketch():
    with pytest.raises(ConfigError, match="rank_error: mad reads a sketch, so it must be above 0"):
        Outliers(columns="x", method="mad", rank_error=0)


# Bounds within groups


def test_flag_holds_each_row_to_its_group():
    assert after(GROUPS, within("flag"), SERVED)["x_is_outlier"] == IS_FAR


@pytest.mark.parametrize("action", ["drop", "quarantine"])
def test_rows_far_within_their_group_go(action):
    kept = [x for x, is_far in zip(SERVED["x"], IS_FAR, strict=True) if not is_far]
    assert after(GROUPS, within(action), SERVED)["x"] == kept


def test_clip_moves_a_value_to_the_bound_of_its_group():
    served = {"g": [*SERVED["g"], "b"], "x": [*SERVED["x"], INF]}
    out = after(GROUPS, within("clip"), served)["x"]
    assert out == pytest.approx([9.0, 12.0, 80.0, 100.0, 1.0, None, MEAN + REACH - 0.1, MEAN + REACH, 120.0])


def test_null_erases_a_value_far_within_its_group_and_keeps_the_type():
    served = {"g": SERVED["g"], "x": [9, 20, 20, 100, 2, None, 37, 900]}
    out = after(GROUPS, within("null"), served)["x"]
    assert out == [9, None, None, 100, None, None, 37, None]
    assert isinstance(out[0], int)


@pytest.mark.parametrize("method", ["zscore", "iqr", "mad"])
def test_the_bounds_of_a_group_are_those_of_its_rows_alone(method):
    random = np.random.default_rng(2)
    rows = pl.DataFrame({"g": random.integers(0, 5, 1_000), "b": random.random(1_000) < 0.5, "x": random.random(1_000)})
    rows = rows.with_columns(x=pl.col("x").log() * (pl.col("g") + 1), y=pl.col("x") * 3)
    step = Outliers(columns=["x", "y"], method=method, by=["g", "b"], threshold=1.0, action="flag")
    flags = fit(rows, step).transform(rows)
    for group in rows.partition_by(["g", "b"]):
        alone = Outliers(columns=["x", "y"], method=method, threshold=1.0, action="flag")
        expected = fit(group, alone).transform(group)
        assert 0 < expected["x_is_outlier"].sum() < len(group)
        assert flags.join(group, on=["g", "b", "x", "y"]).equals(expected)


@pytest.mark.parametrize("method", ["zscore", "iqr", "mad"])
def test_other_groups_are_held_to_the_bounds_of_all_rows(method):
    rows = {"g": ["a", "b", "c"] * 40, "x": np.random.default_rng(0).random(120)}
    of_all = fit(rows, Outliers(columns="x", method=method)).parameters[0]["bounds"]["x"]
    assert fit(rows, Outliers(columns="x", method=method, by="g")).parameters[0]["bounds"]["x"] == pytest.approx(of_all)


def test_no_scan_is_added_for_the_groups_that_were_not_seen():
    plan = make_plan([Outliers(columns="x", by="g")], {"x": nw.Float64(), "g": nw.String()})
    assert [request.statistic.by for scan in plan.scans for request in scan.requests] == [("g",)]


def test_a_constant_group_has_no_outlier_and_an_empty_one_the_bounds_of_all():
    rows = {"g": ["a", "a", "b", "b", "c"], "x": [5.0, 5.0, 0.0, 4.0, None]}
    # All values: mean 3.5 and deviation about 2.06.
    for action, expected in (
        ("flag", [False, True, True]),
        ("clip", [9.0, 4.0, pytest.approx(3.5 + 17**0.5 / 2)]),
        ("null", [9.0, None, None]),
    ):
        out = after(rows, within(action), {"g": ["a", "b", "c"], "x": [9.0, 9.0, 9.0]})
        assert out["x_is_outlier" if action == "flag" else "x"] == expected


@pytest.mark.parametrize("action", ["drop", "clip", "null", "flag"])
@pytest.mark.parametrize("values", [[], [None, None], [3.0, 3.0]])
def test_where_no_group_can_have_an_outlier_none_is_found(action, values):
    rows = {"g": pl.Series(["a", None][: len(values)], dtype=pl.String), "x": pl.Series(values, dtype=pl.Float64)}
    out = after(rows, within(action), {"g": ["a", "z"], "x": [3.0, -9.0]})
    assert out["x"] == [3.0, -9.0]
    assert out.get("x_is_outlier", [False] * 2) == [False] * 2


@pytest.mark.parametrize("action", ["drop", "clip", "null", "flag"])
def test_every_kind_of_frame_gets_the_same(action):
    model = fit(
        {**GROUPS, "k": [1, 1, 2, 2, None, None]}, Outliers(columns="x", by=["g", "k"], threshold=1, action=action)
    )
    served = pl.DataFrame({**SERVED, "k": [1, 1, 2, 2, None, None, 1, 1]})
    expected = model.transform(served)
    assert not expected.equals(served)
    for native in (served.to_pandas(), served.to_arrow(), served.lazy()):
        got = model.transform(native)
        got = got.collect() if isinstance(got, pl.LazyFrame) else nw.from_native(got).to_polars()
        got = got.with_columns(pl.col("x").fill_nan(None), pl.col("k").cast(pl.Int64))
        assert got.equals(expected)


def test_a_model_that_was_saved_judges_the_same(tmp_path):
    model = fit(GROUPS, within("flag"))
    model.save(str(tmp_path / "model.json"))
    again = PipelineModel.load(str(tmp_path / "model.json"))
    assert again.transform(pl.DataFrame(SERVED))["x_is_outlier"].to_list() == IS_FAR


def test_the_report_counts_values_far_within_their_group():
    model = fit(GROUPS, within("clip"))
    (is_counted,) = model.steps[0].counts(model.parameters[0])["zscore"]
    (kernel,) = model.steps[0].kernels(model.parameters[0])
    frame = pl.DataFrame(SERVED)
    frame = frame.hstack(
        pl.DataFrame(dict(zip(kernel.outputs, kernel([frame["g"].to_arrow()]).flatten(), strict=True)))
    )
    assert nw.from_native(frame).select(n=is_counted)["n"].fill_null(False).to_list() == IS_FAR


def test_the_extremes_after_clipping_within_groups_are_scanned():
    assert within("clip").learner().rewrite(Extremes(("x",))) is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"by": "h"}, r"steps\[0\].outliers.by: 'h' is not a column"),
        ({"by": "y"}, "by: 'y' is Float64, and groups are told by strings, integers or booleans"),
        ({"by": "n", "columns": ["x", "n"]}, "by: 'n' is also judged; name the columns without it"),
    ],
)
def test_groups_that_cannot_be_are_refused(fields, message):
    schema = {"x": nw.Float64(), "y": nw.Float64(), "n": nw.Int64(), "g": nw.String()}
    with pytest.raises(SchemaError, match=message):
        make_plan([Outliers(**{"columns": "x", **fields})], schema)


def test_exact_quartiles_of_groups_are_refused():
    with pytest.raises(ConfigError, match="rank_error: exact quartiles of groups do not merge"):
        Outliers(columns="x", method="iqr", by="g", rank_error=0)


# In a job


@pytest.mark.parametrize("engine", ["polars", "spark", "spark-polars"])
def test_the_quarantine_tells_the_bounds_of_the_rows_group(request: Any, tmp_path: Path, engine: str) -> None:
    if engine != "polars":
        request.getfixturevalue("interpreted")
    near = {"g": ["a", "b", None] * 20, "x": [1.0, 101.0, 1001.0, -1.0, 99.0, 999.0] * 10, "y": [0.0] * 60}
    far = {"g": ["a", "b", None, "z"], "x": [-50.0, 150.0, 100.0, 100.0], "y": [0.0, 9.0, 0.0, 0.0]}
    rows = pl.concat([pl.DataFrame(near), pl.DataFrame(far)]).with_row_index("id")
    rows.with_columns(pl.col("id").cast(pl.Int64)).write_parquet(tmp_path / "rows.parquet")
    report = job.run(
        JobConfig.from_text(
            f"name: far\nengine: {engine}\nsource: {{path: {tmp_path}/rows.parquet, format: parquet}}\n"
            "steps: [outliers: {columns: [x, y], by: g, threshold: 3, action: quarantine}]\n"
            f"sink: {{path: {tmp_path}/table}}\n"
        )
    )
    assert (report.rows_read, report.rows_written, report.rows_quarantined) == (64, 61, 3)
    assert report.to_json()["counts"] == [{"step": "outliers", "what": "zscore", "values": 4}]
    learnt = PipelineModel.load(str(tmp_path / "table" / "_genspark" / "model.json")).parameters[0]
    place = {group: position for position, (group,) in enumerate(learnt["groups"])}

    def bound(column: str, side: str, group: str | None) -> float:
        return float(learnt["within"][column][side][place[group]])

    found = pl.read_delta(report.quarantine).sort("id")
    assert found.select("g", "x").rows() == [("a", -50.0), ("b", 150.0), (None, 100.0)]
    assert [[(r["column"], r["value"], r["threshold"]) for r in row] for row in found["_reasons"].to_list()] == [
        [("x", -50.0, bound("x", "lower", "a"))],
        [("x", 150.0, bound("x", "upper", "b")), ("y", 9.0, bound("y", "upper", "b"))],
        [("x", 100.0, bound("x", "lower", None))],
    ]
