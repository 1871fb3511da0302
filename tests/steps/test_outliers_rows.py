"""Rows judged as a whole, and vectors by their length, fitted on Polars and in jobs on engine polars."""

from __future__ import annotations

import math
import pickle
import sys
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from scipy.stats import chi2
from sklearn.cluster import KMeans
from sklearn.covariance import EmpiricalCovariance

from genspark import JobConfig, job
from genspark.errors import ConfigError, DataError, GensparkError, SchemaError
from genspark.pipeline import Pipeline, PipelineModel
from genspark.pipeline.planner import make_plan
from genspark.statistics import Covariance, Extremes
from genspark.steps import Outliers, Scale
from genspark.steps.outliers.chi_square import quantile

INF, NAN = math.inf, math.nan
# Means 0, variances 4, no correlation: distances are half of the Euclidean ones.
CROSS = {"id": [0, 1, 2, 3], "x": [2.0, 2.0, -2.0, -2.0], "y": [2.0, -2.0, 2.0, -2.0]}
SERVED = {"id": [0, 1, 2, 3], "x": [6.0, 1.0, None, -INF], "y": [8.0, 1.0, 9.0, 1.0]}
ROWS = ["mahalanobis", "kmeans"]


def fit(columns: Any, step: Outliers, **options: Any) -> PipelineModel:
    return Pipeline([step], key=["id"], **options).fit(pl.DataFrame(columns))


def after(model: PipelineModel, columns: Any) -> dict[str, list[Any]]:
    return model.transform(pl.DataFrame(columns)).to_dict(as_series=False)


def distances(model: PipelineModel, columns: Any) -> list[float | None]:
    (kernel,) = model.steps[0].kernels(model.parameters[0])
    frame = pl.DataFrame(columns)
    return kernel([frame[column].to_arrow() for column in kernel.columns]).flatten()[0].to_pylist()


def crossed(action: str, **fields: Any) -> PipelineModel:
    """Fitted on the cross, with a threshold of 2.5: Euclidean distances of 5."""
    return fit(CROSS, Outliers(columns=["x", "y"], method="mahalanobis", threshold=2.5, action=action, **fields))


@pytest.fixture(scope="module")
def cloud() -> pl.DataFrame:
    """Three columns in one direction more than in others, far from zero, of 500 rows."""
    random = np.random.default_rng(1)
    rows = random.standard_normal((500, 3)) @ random.standard_normal((3, 3)) * [1.0, 1e3, 1e-3] + [1e6, 5.0, 0.0]
    return pl.DataFrame({"id": np.arange(500), **{name: rows[:, i] for i, name in enumerate("abc")}})


# Mahalanobis


def test_the_distance_is_scikit_learns(cloud):
    model = fit(cloud, Outliers(columns=["a", "b", "c"], method="mahalanobis"))
    rows = cloud.select("a", "b", "c").to_numpy()
    expected = np.sqrt(EmpiricalCovariance().fit(rows).mahalanobis(rows))
    assert distances(model, cloud) == pytest.approx(expected, rel=1e-7)


def test_the_default_threshold_keeps_999_of_1000_normal_rows(cloud):
    model = fit(cloud, Outliers(columns=["a", "b", "c"], method="mahalanobis"))
    assert model.parameters[0]["threshold"] == pytest.approx(math.sqrt(chi2.ppf(0.999, 3)), rel=1e-12)


@pytest.mark.parametrize("degrees", [1, 2, 3, 10, 101, 5000])
@pytest.mark.parametrize("probability", [0.01, 0.5, 0.999])
def test_chi_square_quantiles_are_scipys(degrees, probability):
    assert quantile(probability, degrees) == pytest.approx(chi2.ppf(probability, degrees), rel=1e-10)


def test_ridge_adds_a_share_of_each_variance():
    # Variances 4 become 5: the corner (2, 2) is at sqrt(4/5 + 4/5).
    model = fit(CROSS, Outliers(columns=["x", "y"], method="mahalanobis", ridge=0.25))
    assert distances(model, CROSS) == pytest.approx([math.sqrt(1.6)] * 4)


def test_missing_values_leave_pairs_to_learn_from():
    rows = {"id": range(6), "x": [*CROSS["x"], None, NAN], "y": [*CROSS["y"], 2.0, -2.0]}
    assert distances(fit(rows, Outliers(columns=["x", "y"], method="mahalanobis")), CROSS) == [math.sqrt(2)] * 4


def test_a_column_that_others_determine_is_named(cloud):
    rows = cloud.with_columns(d=2 * pl.col("a") - 3 * pl.col("c"), e=pl.col("b") / 7)
    with pytest.raises(DataError, match=r"far: columns: .* 'd' and 'e' can be had .* or give a ridge above 0"):
        fit(rows, Outliers(columns=["a", "b", "c", "d", "e"], method="mahalanobis", name="far"))
    model = fit(rows, Outliers(columns=["a", "b", "c", "d", "e"], method="mahalanobis", ridge=0.001))
    assert np.isfinite(distances(model, rows)).all()


@pytest.mark.parametrize("ridge", [0.0, 1.0])
@pytest.mark.parametrize("y", [[7.0] * 4, [None] * 4])
def test_a_column_without_variance_is_named(y, ridge):
    rows = pl.DataFrame({**CROSS, "y": pl.Series(y, dtype=pl.Float64)})
    with pytest.raises(DataError, match="outliers: columns: there is no variance in 'y'; leave constants out"):
        fit(rows, Outliers(columns=["x", "y"], method="mahalanobis", ridge=ridge))


def test_pairs_that_no_distribution_has_are_refused():
    # Of each pair only rows that agree, or disagree, perfectly: x = y, y = z, x = -z.
    rows = {
        "id": range(6),
        "x": [1.0, -1.0, None, None, 1.0, -1.0],
        "y": [1.0, -1.0, 1.0, -1.0, None, None],
        "z": [None, None, 1.0, -1.0, -1.0, 1.0],
    }
    with pytest.raises(DataError, match="the covariance is singular"):
        fit(rows, Outliers(columns=["x", "y", "z"], method="mahalanobis"))


def test_clip_moves_a_row_towards_the_mean_up_to_the_threshold():
    out = after(crossed("clip"), SERVED)
    assert out["x"] == pytest.approx([3.0, 1.0, None, -5.0])
    assert out["y"] == pytest.approx([4.0, 1.0, 9.0, 0.0])


def test_clipped_rows_are_at_the_threshold(cloud):
    step = Outliers(columns=["a", "b", "c"], method="mahalanobis", threshold=1.5, action="clip")
    model = fit(cloud, step)
    before, moved = distances(model, cloud), distances(model, model.transform(cloud))
    assert max(before) > 2
    assert moved == pytest.approx(np.minimum(before, 1.5), rel=1e-9)


def test_null_erases_every_value_of_the_row():
    out = after(crossed("null"), SERVED)
    assert (out["x"], out["y"]) == ([None, 1.0, None, None], [None, 1.0, 9.0, None])


def test_flag_adds_one_column_for_the_row():
    assert after(crossed("flag"), SERVED)["is_outlier"] == [True, False, False, True]
    assert after(crossed("flag", name="far"), SERVED)["far_is_outlier"] == [True, False, False, True]


@pytest.mark.parametrize("action", ["drop", "quarantine"])
def test_far_rows_go_and_rows_that_cannot_be_judged_stay(action):
    assert after(crossed(action), SERVED)["id"] == [1, 2]


def test_the_report_counts_rows():
    assert crossed("drop").steps[0].counts(crossed("drop").parameters[0]) == {}
    (counted,) = crossed("flag").steps[0].counts(crossed("flag").parameters[0])["mahalanobis"]
    frame = nw.from_native(pl.DataFrame({"__genspark_outliers_distance": [2.5, 2.6, None]}))
    assert frame.select(is_counted=counted)["is_counted"].to_list() == [False, True, None]


def test_a_rejection_is_about_the_whole_row():
    model = crossed("quarantine")
    (rejection,) = model.steps[0].rejections(model.parameters[0])
    assert (rejection.column, rejection.rule, rejection.bounds) == (None, "mahalanobis", (None, 2.5))


# K-means


def kmeans_of(cloud: pl.DataFrame, size: int) -> tuple[Any, Any, Any]:
    """scikit-learn's clustering of the rows with the smallest draws, its means and deviations."""
    step = Outliers(columns=["a", "b", "c"], method="kmeans", clusters=4, seed=3, sample_size=size)
    model = fit(cloud, step)
    ((statistic, _, state),) = model.states
    assert statistic.size == size
    rows = np.array(state["rows"])
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    return model, (mean, spread), KMeans(4, n_init=10, random_state=3).fit((rows - mean) / spread)


@pytest.mark.parametrize("size", [100, 500])
def test_rows_are_as_far_as_scikit_learns_centers(cloud, size):
    model, (mean, spread), oracle = kmeans_of(cloud, size)
    rows = (cloud.select("a", "b", "c").to_numpy() - mean) / spread
    assert distances(model, cloud) == pytest.approx(oracle.transform(rows).min(axis=1), rel=1e-9)


def test_the_threshold_is_the_quantile_of_the_samples_distances(cloud):
    model, _, _ = kmeans_of(cloud, 500)
    found = distances(model, cloud)
    assert model.parameters[0]["threshold"] == pytest.approx(np.quantile(found, 0.99))
    assert model.transform(cloud).height == 495


def test_fewer_distinct_rows_than_clusters_are_centers_all():
    # Means 1 and deviations 1 of the six rows: the standardised columns are -1 and 1.
    rows = {"id": range(6), "x": [0.0, 2.0] * 3, "y": [2.0, 0.0] * 3}
    model = fit(rows, Outliers(columns=["x", "y"], method="kmeans", action="clip"))
    assert model.parameters[0]["centers"] == [[-1.0, 1.0], [1.0, -1.0]]
    assert model.parameters[0]["threshold"] == 0.0
    out = after(model, {"id": [0, 1], "x": [5.0, 0.0], "y": [-1.0, 3.0]})
    assert (out["x"], out["y"]) == ([2.0, 0.0], [0.0, 2.0])


def test_clip_moves_a_row_towards_its_nearest_center():
    # Two clusters at (0, 0) and (100, 100), each of four rows at a distance of 1.
    rows = {
        "id": range(8),
        "x": [1.0, -1.0, 0.0, 0.0, 101.0, 99.0, 100.0, 100.0],
        "y": [0.0, 0.0, 1.0, -1.0, 100.0, 100.0, 101.0, 99.0],
    }
    model = fit(rows, Outliers(columns=["x", "y"], method="kmeans", clusters=2, action="clip"))
    out = after(model, {"id": [0, 1, 2], "x": [100.0, 3.0, None], "y": [90.0, 4.0, 9.0]})
    assert out["x"] == pytest.approx([100.0, 0.6, None])
    assert out["y"] == pytest.approx([99.0, 0.8, 9.0])


def test_an_infinite_value_is_clipped_along_its_axis():
    rows = {"id": range(4), "x": [1.0, -1.0, 0.0, 0.0], "y": [0.0, 0.0, 1.0, -1.0]}
    model = fit(rows, Outliers(columns=["x", "y"], method="kmeans", clusters=1, action="clip"))
    assert distances(model, {"x": [INF, -INF], "y": [0.5, None]}) == [INF, None]
    out = after(model, {"id": [0], "x": [-INF], "y": [0.5]})
    assert (out["x"], out["y"]) == ([pytest.approx(-1.0)], [pytest.approx(0.0, abs=1e-9)])


def test_without_scikit_learn_it_is_told_how_to_get_it(cloud, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(GensparkError, match=r"far: .* pip install 'genspark\[models\]'"):
        fit(cloud, Outliers(columns="a", method="kmeans", name="far"))


def test_rows_that_miss_a_value_are_no_part_of_a_cluster():
    rows = {"id": range(4), "x": [0.0, 2.0, 50.0, None], "y": [0.0, 2.0, None, -50.0]}
    model = fit(rows, Outliers(columns=["x", "y"], method="kmeans"))
    assert model.parameters[0]["center"] == [1.0, 1.0]


# Both


@pytest.mark.parametrize("method", ROWS)
@pytest.mark.parametrize("action", ["drop", "clip", "null", "flag"])
@pytest.mark.parametrize("rows", [[], [None, None], [NAN, NAN]])
def test_where_nothing_is_seen_nothing_is_an_outlier(method, action, rows):
    empty = {"id": range(len(rows)), **{name: pl.Series(rows, dtype=pl.Float64) for name in "xy"}}
    model = fit(empty, Outliers(columns=["x", "y"], method=method, action=action))
    out = after(model, SERVED)
    assert (out["x"], out["y"]) == (SERVED["x"], SERVED["y"])
    assert out.get("is_outlier", [False] * 4) == [False] * 4


@pytest.mark.parametrize("method", ROWS)
@pytest.mark.parametrize("action", ["drop", "clip", "null", "flag"])
def test_every_kind_of_frame_gets_the_same(cloud, method, action):
    threshold = {"threshold": 2.0} if method == "mahalanobis" else {"quantile": 0.8}
    model = fit(cloud, Outliers(columns=["a", "b", "c"], method=method, action=action, **threshold))
    expected = model.transform(cloud)
    assert not expected.equals(cloud)
    for native in (cloud.to_pandas(), cloud.to_arrow(), cloud.lazy()):
        got = model.transform(native)
        got = got.collect() if isinstance(got, pl.LazyFrame) else nw.from_native(got).to_polars()
        assert got.columns == expected.columns
        assert got.with_columns(pl.col(pl.Float64).fill_nan(None)).equals(expected)


@pytest.mark.parametrize("method", ROWS)
def test_a_kernel_travels(method):
    model = fit(CROSS, Outliers(columns=["x", "y"], method=method, action="clip"))
    (kernel,) = model.steps[0].kernels(model.parameters[0])
    again = pickle.loads(pickle.dumps(kernel))
    arrays = [pa.array([1.0, None]), pa.array([90.0, 1.0])]
    assert again(arrays).equals(kernel(arrays))


@pytest.mark.parametrize("method", ROWS)
def test_a_model_that_was_saved_judges_the_same(tmp_path, cloud, method):
    model = fit(cloud, Outliers(columns=["a", "b", "c"], method=method, action="flag"))
    model.save(str(tmp_path / "model.json"))
    again = PipelineModel.load(str(tmp_path / "model.json"))
    assert again.transform(cloud).equals(model.transform(cloud))


@pytest.mark.parametrize("method", ROWS)
def test_the_declared_columns_are_the_real_ones(cloud, method):
    schema = {"id": nw.Int64(), **dict.fromkeys("abc", nw.Float64())}
    for action in ("drop", "clip", "null", "flag"):
        step = Outliers(columns=["a", "b", "c"], method=method, action=action)
        out = fit(cloud, step).transform(cloud)
        assert dict(nw.from_native(out).collect_schema()) == make_plan([step], schema).output_schema


def test_a_clipped_row_s_extremes_are_scanned():
    step = Outliers(columns=["x", "y"], method="mahalanobis", action="clip")
    assert step.learner().rewrite(Extremes(("x",))) is None


def test_the_flag_of_a_row_is_taken_away_by_the_inverse():
    model = crossed("flag")
    assert model.inverse_transform(pl.DataFrame({"x": [1.0], "is_outlier": [False]})).columns == ["x"]
    assert model.losses() == []


def test_the_flag_of_a_row_takes_no_columns_place():
    step = Outliers(columns="x", method="kmeans", action="flag")
    with pytest.raises(SchemaError, match="'is_outlier' is already a column; rename or drop it before"):
        make_plan([step], {"x": nw.Float64(), "is_outlier": nw.Boolean()})


def test_rows_need_one_scan(cloud):
    for method, statistic in (("mahalanobis", Covariance(("a", "b", "c"))), ("kmeans", None)):
        plan = make_plan([Outliers(columns=["a", "b", "c"], method=method)], {c: nw.Float64() for c in "abc"})
        assert len(plan.scans) == 1
        assert statistic is None or plan.scans[0].requests[0].statistic == statistic


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "kmeans", "threshold": 2.0}, "threshold: is for method zscore or .* method is 'kmeans'"),
        ({"method": "mahalanobis", "by": "g"}, "by: is for method zscore or iqr or mad"),
        ({"method": "zscore", "ridge": 0.1}, "ridge: is for method mahalanobis"),
        ({"method": "mahalanobis", "clusters": 3}, "clusters: is for method kmeans"),
        ({"method": "mahalanobis", "quantile": 0.9}, "quantile: is for method kmeans"),
        ({"method": "iqr", "sample_size": 9}, "sample_size: is for method kmeans"),
        ({"method": "iqr", "seed": 9}, "seed: is for method kmeans"),
        ({"method": "kmeans", "rank_error": 0.1}, "rank_error: is for method iqr or mad"),
        ({"method": "kmeans", "quantile": 1.0}, "quantile"),
        ({"method": "kmeans", "clusters": 0}, "clusters"),
        ({"method": "mahalanobis", "ridge": -1.0}, "ridge"),
    ],
)
def test_fields_of_another_method_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        Outliers(columns="x", **fields)


# Vectors

# Norms 5, 5, 5, 13: mean 7 and deviation sqrt(12).
VECTORS = [[3.0, 4.0], [0.0, 5.0], [4.0, 3.0], [5.0, 12.0]]
LISTS = pl.List(pl.Float64)
TOLD = [[3.0, 4.0], [5.0, 12.0], [0.3, 0.4], [0.0, 0.0], None, [9.0, None], [INF, 1.0], [NAN, 50.0]]


def of_vectors(action: str, values: Any = VECTORS, dtype: Any = LISTS) -> PipelineModel:
    rows = {"id": range(len(values)), "v": pl.Series(values, dtype=LISTS).cast(dtype)}
    return fit(rows, Outliers(columns="v", method="norm", threshold=1.0, action=action))


def served(model: PipelineModel) -> dict[str, list[Any]]:
    return after(model, {"id": range(len(TOLD)), "v": pl.Series(TOLD, dtype=LISTS)})


def test_vectors_are_judged_by_their_norm():
    flags = served(of_vectors("flag"))["v_is_outlier"]
    assert flags == [False, True, True, True, False, False, True, False]
    assert of_vectors("flag").parameters[0]["bounds"]["v"] == pytest.approx([7 - 12**0.5, 7 + 12**0.5])


def test_clip_brings_a_vector_to_the_nearer_norm():
    low, high = 7 - 12**0.5, 7 + 12**0.5
    out = served(of_vectors("clip"))["v"]
    assert out[:4] == [
        [3.0, 4.0],
        pytest.approx([5 / 13 * high, 12 / 13 * high]),
        pytest.approx([0.6 * low, 0.8 * low]),
        [0.0, 0.0],
    ]
    assert out[4:] == [None, [9.0, None], pytest.approx([high, 0.0], abs=1e-9), [None, 50.0]]


def test_null_and_drop_take_far_vectors_out():
    # NaN is what was read; null as ever.
    assert served(of_vectors("null"))["v"][:7] == [[3.0, 4.0], None, None, None, None, [9.0, None], None]
    assert served(of_vectors("drop"))["id"] == [0, 4, 5, 7]


@pytest.mark.parametrize(
    ("dtype", "clipped"),
    [
        (pl.List(pl.Float32), pl.List(pl.Float32)),
        (pl.List(pl.Int16), pl.List(pl.Float64)),
        (pl.Array(pl.Float64, 2), pl.List(pl.Float64)),
    ],
)
def test_clipped_vectors_are_lists_as_declared(dtype, clipped):
    for values in (VECTORS, VECTORS[:1], [None]):
        model = of_vectors("clip", values, dtype)
        frame = pl.DataFrame({"id": [0], "v": pl.Series([[30, 40]]).cast(dtype)})
        out = model.transform(frame)
        declared = make_plan(model.steps, dict(nw.from_native(frame).collect_schema())).output_schema
        assert out.schema["v"] == clipped
        assert declared["v"] == nw.from_native(out).collect_schema()["v"]


@pytest.mark.parametrize("values", [[], [None, None], [[3.0, 4.0]] * 3, [[0.6, 0.8], [0.8, 0.6], [1 / 3, 8**0.5 / 3]]])
def test_vectors_of_one_length_have_no_outlier(values):
    assert served(of_vectors("flag", values))["v_is_outlier"] == [False] * len(TOLD)


def test_norms_are_of_vectors():
    with pytest.raises(SchemaError, match="'x' is Float64, and this step needs arrays of numbers, or images"):
        make_plan([Outliers(columns="x", method="norm")], {"x": nw.Float64()})
    with pytest.raises(SchemaError, match=r"'v' is List\(Float64\), and this step needs numbers"):
        make_plan([Outliers(columns="v")], {"v": nw.List(nw.Float64())})


# In a job


def run(tmp_path: Path, rows: pl.DataFrame, steps: str, engine: str = "polars") -> Any:
    rows.write_parquet(tmp_path / "rows.parquet")
    return job.run(
        JobConfig.from_text(
            f"name: far\nengine: {engine}\nkey: [id]\nsource: {{path: {tmp_path}/rows.parquet, format: parquet}}\n"
            f"steps: {steps}\nsink: {{path: {tmp_path}/table}}\n"
        )
    )


@pytest.mark.parametrize("engine", ["polars", "spark", "spark-polars"])
@pytest.mark.parametrize(
    ("fields", "threshold"),
    [("method: mahalanobis, threshold: 3", 3.0), ("method: kmeans, clusters: 1, quantile: 0.95", None)],
)
def test_a_row_is_quarantined_for_one_reason(request, tmp_path, engine, fields, threshold):
    if engine != "polars":
        request.getfixturevalue("interpreted")
    rows = pl.DataFrame({"id": range(21), "x": [0.0, 1.0] * 10 + [50.0], "y": [0.0, 0.0, 1.0, 1.0] * 5 + [50.0]})
    report = run(tmp_path, rows, f"[outliers: {{columns: [x, y], {fields}, action: quarantine}}]", engine)
    assert (report.rows_read, report.rows_written, report.rows_quarantined) == (21, 20, 1)
    (row,) = pl.read_delta(report.quarantine).rows(named=True)
    assert (row["id"], row["x"], row["y"]) == (20, 50.0, 50.0)
    (reason,) = row["_reasons"]
    rule = fields.split()[1].strip(",")
    assert (reason["step"], reason["column"], reason["rule"]) == ("outliers", None, rule)
    assert reason["value"] > reason["threshold"]
    assert threshold is None or reason["threshold"] == threshold
    assert report.to_json()["counts"] == [{"step": "outliers", "what": rule, "values": 1}]


def test_every_column_and_every_vector_that_is_far_is_a_reason(tmp_path):
    far = [1.0] * 20 + [90.0]
    rows = pl.DataFrame({"id": range(21), "x": far, "y": [-v for v in far], "v": [[v, 0.0] for v in far]})
    steps = "[outliers: {columns: [x, y], action: quarantine}]"
    (row,) = pl.read_delta(run(tmp_path, rows, steps).quarantine).rows(named=True)
    assert [(reason["column"], reason["value"]) for reason in row["_reasons"]] == [("x", 90.0), ("y", -90.0)]
    (tmp_path / "norms").mkdir()
    steps = "[outliers: {columns: v, method: norm, action: quarantine}]"
    (row,) = pl.read_delta(run(tmp_path / "norms", rows, steps).quarantine).rows(named=True)
    assert [(reason["column"], reason["rule"], reason["value"]) for reason in row["_reasons"]] == [("v", "norm", 90.0)]


def test_the_first_of_two_steps_that_a_row_breaks_is_told(tmp_path):
    near, high = [0.0, 1.0] * 10, [0.0, 0.0, 1.0, 1.0] * 5
    rows = pl.DataFrame({"id": range(22), "x": [*near, 50.0, 9.0], "y": [*high, 50.0, 9.0]})
    steps = (
        "[outliers: {name: far, columns: [x, y], method: mahalanobis, threshold: 3, action: quarantine}, "
        "outliers: {name: high, columns: y, method: iqr, action: quarantine}]"
    )
    found = pl.read_delta(run(tmp_path, rows, steps).quarantine).sort("id").rows(named=True)
    steps_of_row = {row["id"]: [reason["step"] for reason in row["_reasons"]] for row in found}
    assert steps_of_row == {20: ["far"], 21: ["high"]}


def test_the_covariance_of_scaled_columns_needs_no_scan_of_its_own():
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {"a": random.normal(1e3, 5.0, 200), "b": random.normal(0.0, 2.0, 200), "c": random.random(200)}
    )
    judged = Outliers(["a", "b", "c"], method="mahalanobis", action="flag", threshold=2.0)
    pipeline = Pipeline([Scale(["a", "b"], method="minmax"), judged])
    assert [scan.level for scan in pipeline.plan(frame).scans] == [0]
    assert "no scan for outliers of a: scaled: an affine map of the state" in pipeline.explain(frame)
    together = pipeline.fit(frame)
    scaled = Pipeline([Scale(["a", "b"], method="minmax")]).fit(frame).transform(frame)
    alone = Pipeline([judged]).fit(scaled)
    assert together.transform(frame)["is_outlier"].to_list() == alone.transform(scaled)["is_outlier"].to_list()
    assert any(together.transform(frame)["is_outlier"])
