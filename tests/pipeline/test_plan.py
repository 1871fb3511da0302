"""How many passes a pipeline needs: as planned, and as really made."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest

from genspark.errors import PlanError, SchemaError
from genspark.pipeline import Pipeline
from genspark.pipeline.planner import make_plan
from genspark.statistics import Extremes, Frequencies, Moments, Quantiles
from genspark.steps import Augment, Cast, Drop, Impute, Outliers, Scale, Select, Split, Transform

SCHEMA = {"a": nw.Float64(), "b": nw.Float64(), "c": nw.Int64(), "s": nw.String()}


def scans(*steps: Any) -> int:
    return len(make_plan(steps, SCHEMA).scans)


@pytest.mark.parametrize("width", [1, 20])
def test_impute_and_standardise_is_one_scan_whatever_the_number_of_columns(width):
    schema = {f"x{i}": nw.Float64() for i in range(width)}
    plan = make_plan([Impute("*"), Scale("*")], schema)
    assert len(plan.scans) == 1
    assert plan.stage_by_stage == 2
    # Mean, deviation and what was missing are one statistic a column, asked for by both steps.
    assert len(plan.scans[0].requests) == width


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([Split({"all": 1})], 0),
        ([Transform("a", "log"), Cast({"c": "string"}), Drop("b"), Select("a")], 0),
        ([Impute("a", "constant", value=0.0)], 0),
        ([Impute("a")], 1),
        ([Impute("a"), Scale("a")], 1),
        ([Impute("a", "median"), Scale("a", "minmax")], 1),
        ([Impute("c", "mode"), Impute("c", "mode", name="again")], 1),
        ([Impute("a"), Outliers("a", action="flag"), Scale("a")], 1),
        ([Transform("a", "log"), Scale("a")], 1),
        ([Transform("a", "log"), Impute("a"), Scale("a")], 1),
        ([Cast({"c": "float64"}), Scale("c")], 1),
        ([Scale("a"), Scale("a", "minmax")], 1),
        ([Scale("a"), Outliers("a", "iqr", action="flag"), Scale("a", "minmax")], 1),
        ([Scale("a"), Outliers("b"), Drop("c")], 1),
        ([Outliers("a", "iqr", action="flag"), Scale("a")], 1),
        ([Split({"all": 1}), Impute("a"), Scale("a")], 1),
        ([Select(["a", "b"]), Scale("a")], 1),
        ([Impute("a"), Outliers("a"), Scale("a")], 2),
        ([Impute("a"), Outliers("a", action="quarantine"), Scale("b")], 2),
        ([Outliers("a", action="clip"), Scale("a")], 2),
        ([Outliers("a", action="null"), Impute("a")], 2),
        ([Impute("a"), Transform("a", "log"), Scale("a")], 2),
        ([Scale("a"), Transform("a", "log1p"), Impute("a")], 2),
        ([Impute("a"), Impute("a", "median", rank_error=0)], 2),
        ([Outliers("a"), Outliers("b"), Scale("c")], 3),
        ([Transform("a", "log", invalid="drop"), Scale("b")], 1),
        ([Scale("b"), Transform("a", "log", invalid="drop"), Scale("c")], 2),
    ],
    ids=lambda value: " -> ".join(step.kind for step in value) if isinstance(value, list) else str(value),
)
def test_the_number_of_scans(steps, expected):
    assert scans(*steps) == expected


def test_a_step_on_other_columns_costs_no_scan_of_its_own():
    plan = make_plan([Impute("a"), Outliers("a", action="clip"), Scale("a"), Scale("b")], SCHEMA)
    assert len(plan.scans) == 2
    by_level = [{request.statistic.columns for request in scan.requests} for scan in plan.scans]
    assert by_level == [{("a",), ("b",)}, {("a",)}]


def test_a_statistic_is_scanned_where_it_is_first_what_it_is():
    plan = make_plan([Impute("a"), Transform("b", "log"), Scale(["a", "b"])], SCHEMA)
    (scan,) = plan.scans
    assert {(request.statistic, request.at) for request in scan.requests} == {
        (Moments(("a",)), 0),
        (Moments(("b",)), 2),
    }
    assert scan.steps == (1,)


def test_a_scan_after_a_filter_applies_the_filter_and_what_decides_it():
    plan = make_plan([Impute("a"), Scale("b"), Outliers("a"), Scale("c")], SCHEMA)
    first, second = plan.scans
    assert first.steps == ()
    assert second.steps == (0, 2)
    assert second.filters == (2,)
    assert [request.statistic for request in second.requests] == [Moments(("c",))]


@pytest.mark.parametrize(
    ("step", "statistic"),
    [
        (Impute("a"), Moments(("a",))),
        (Impute("a", "median"), Quantiles(("a",))),
        (Impute("s", "mode"), Frequencies(("s",))),
        (Outliers("a"), Moments(("a",))),
        (Outliers("a", "iqr"), Quantiles(("a",))),
        (Scale("a"), Moments(("a",))),
        (Scale("a", "minmax"), Extremes(("a",))),
    ],
)
def test_what_each_step_asks_for(step, statistic):
    assert [request.statistic for request in make_plan([step], SCHEMA).scans[0].requests] == [statistic]


# --- explain ------------------------------------------------------------------------------------------------


def test_explain_tells_levels_columns_derivations_and_why():
    steps = [Impute(["a", "b"], name="fill"), Outliers("a", name="far"), Scale(["a", "b"])]
    assert make_plan(steps, SCHEMA).explain().splitlines() == [
        "Fit: 2 scans of the data; stage by stage it would be 3.",
        "Steps: fill -> far -> scale",
        "scan 1 (level 0): the first pass, on the data as read",
        "    moments of a, b",
        "scan 2 (level 1): cannot join the level before: far takes rows out by what it learns",
        "    after applying: fill, far",
        "    moments of a, b",
        "no scan for far of a: missing values filled: a point mass merged in",
    ]


def test_explain_of_steps_that_learn_nothing():
    assert make_plan([Split({"all": 1})], SCHEMA).explain().splitlines() == [
        "Fit: no scan of the data; stage by stage it would be 0.",
        "Steps: split",
    ]


def test_explain_names_what_changes_values():
    text = make_plan([Outliers("a", action="clip", name="fence"), Impute("a")], SCHEMA).explain()
    assert "scan 2 (level 1): cannot join the level before: fence changes values as no state can follow" in text


def test_explain_shortens_long_lists():
    schema = {f"x{i}": nw.Float64() for i in range(20)}
    text = make_plan([Impute("*"), Scale("*")], schema).explain()
    assert "moments of x0, x1, x2, x3, x4, x5 and 14 more" in text
    few = "x0, x1, x2, x3, x4, x5 and 14 more"
    assert f"no scan for scale of {few}: missing values filled: a point mass merged in" in text


# --- refusals -----------------------------------------------------------------------------------------------


def test_two_steps_of_one_name_are_refused():
    with pytest.raises(PlanError, match=r"steps\[2\].scale.name: 'twin' is already the name of steps\[0\]"):
        make_plan([Impute("a", name="twin"), Impute("a"), Scale("a", name="twin")], SCHEMA)


def test_steps_without_a_name_may_repeat():
    assert scans(Scale("a"), Scale("b")) == 1


def test_every_mistake_of_every_step_is_reported_with_its_place():
    with pytest.raises(SchemaError) as refused:
        make_plan([Impute(["aa", "s"]), Scale("a"), Drop("zz"), Split({"all": 1}, column="a")], SCHEMA)
    places = [problem.partition(":")[0] for problem in refused.value.problems]
    assert places == [
        "steps[0].impute.columns",
        "steps[0].impute.columns",
        "steps[2].drop.columns",
        "steps[3].split.column",
    ]


# --- what really happens ------------------------------------------------------------------------------------

PIPELINES = {
    "impute, scale": [Impute(["x", "y"]), Scale(["x", "y"])],
    "impute, outliers, scale": [Impute(["x", "y"]), Outliers("x", threshold=1.5), Scale(["x", "y"])],
    "every statistic at once": [
        Impute("x", "median"),
        Impute("s", "mode"),
        Outliers("y", "iqr", action="flag", rank_error=0),
        Scale("y", "minmax"),
        Scale("x"),
    ],
    "three levels": [Outliers("x", "iqr"), Outliers("y"), Impute("s", "mode"), Scale(["x", "y"])],
    "nothing learnt": [Transform("x", "sqrt", invalid="null"), Split({"all": 1})],
    "fit on a part": [Split({"train": 0.5, "test": 0.5}), Impute("x"), Scale("x")],
}


@pytest.fixture(scope="module")
def counted(spark) -> Any:
    """A DataFrame whose every evaluation counts its 40 rows, and the counter."""
    random = np.random.default_rng(0)
    table = pa.table({"x": random.standard_normal(40), "y": random.random(40), "s": random.choice(["a", "b"], 40)})
    rows_seen = spark.sparkContext.accumulator(0)

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows_seen.add(batch.num_rows)
            yield batch

    return spark.createDataFrame(table).repartition(2).mapInArrow(count, "x double, y double, s string"), rows_seen


@pytest.mark.classic
@pytest.mark.parametrize("name", PIPELINES)
def test_a_fit_passes_over_the_data_as_often_as_planned(counted, name):
    df, rows_seen = counted
    pipeline = Pipeline(PIPELINES[name], fit_on={"split": "train"} if name == "fit on a part" else {})
    before, announced = rows_seen.value, []
    pipeline.fit(df, on_scan=lambda number, of: announced.append((number, of)))
    passes = (rows_seen.value - before) / 40
    planned = len(pipeline.plan(df).scans)
    assert passes == planned
    assert announced == [(number, planned) for number in range(1, planned + 1)]


@pytest.mark.classic
def test_no_job_starts_before_a_fit(spark):
    group, context = str(uuid.uuid4()), spark.sparkContext
    df = spark.range(10).selectExpr("id", "cast(id as double) as x", "string(id) as s")
    steps = [
        Split({"train": 0.5, "test": 0.5}),
        Impute("x", "median"),
        Impute("s", "mode"),
        Outliers("x", "iqr"),
        Transform("x", "log1p"),
        Scale("x"),
        Augment(image="s", horizontal_flip=0.5),
    ]
    context.setJobGroup(group, "what must not run")
    try:
        pipeline = Pipeline(steps, key=["id"], fit_on={"split": "train"})
        pipeline.plan(df).explain()
        pipeline.explain(df)
        assert context.statusTracker().getJobIdsForGroup(group) == []
        model = pipeline.fit(df)
        started = list(context.statusTracker().getJobIdsForGroup(group))
        assert started
        # Nor does the model's transform do more than describe what is to be done.
        model.inverse_transform(model.transform(df))
        assert list(context.statusTracker().getJobIdsForGroup(group)) == started
    finally:
        context.setJobGroup("", "")
