"""What genspark promises of steps, held against every class in the registry."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import replace
from typing import Any

import narwhals as nw
import pyarrow as pa
import pytest
from cases import Case, cases_of, tables, uncovered_of
from pydantic import TypeAdapter, ValidationError

from genspark.engines.spark.errors import spark_errors
from genspark.errors import ConfigError, GensparkError
from genspark.pipeline import Pipeline, PipelineModel
from genspark.pipeline.planner import make_plan
from genspark.session import is_connect
from genspark.statistics import Quantiles, Statistic
from genspark.steps import Step
from genspark.steps.base import from_json

ON_CONNECT = os.environ.get("GENSPARK_TEST_SESSION") == "connect"
TABLES = tables()
EDGES = [name for name in TABLES if name != "usual"]
# States at every edge are the same on every engine: test_every_engine holds that. So a session has but to show what is
# its own, that a frame can be empty and how it computes with infinities; on Connect that is the first alone.
FITTED_AT = [("spark", "no rows")] if ON_CONNECT else [("spark", "no rows"), ("spark", "infinities")]
FITTED_AT += [] if ON_CONNECT else [("polars", edge) for edge in EDGES]
REGISTRY = {kind: step for kind, step in Step.registry.items() if step.__module__.startswith("genspark.")}
CASES = [
    pytest.param(kind, case, id=f"{kind}-{number}") for kind in REGISTRY for number, case in enumerate(cases_of(kind))
]
# What these prove of the arithmetic they prove once; jobs cannot be counted on Connect.
classic_only = pytest.mark.classic
every_case = pytest.mark.parametrize(("kind", "case"), CASES)
on_connect_a_case_of_each_kind = pytest.mark.connect("kind")


INVERSE_REL = {"transform": 1e-6}
"""Powers far below 0 bring numbers far from 0 so near to each other that digits are lost on the way back."""


def make(kind: str, case: Case) -> Step:
    return TypeAdapter(REGISTRY[kind]).validate_python(case.fields)


def schema_of(table: pa.Table) -> dict[str, Any]:
    return dict(nw.from_native(table).collect_schema())


def pipeline(step: Step) -> Pipeline:
    return Pipeline([step], key=["id"])


@pytest.fixture(scope="module")
def frame_of(frames, interpreted) -> Any:
    """`frame_of("usual")`: that table on Spark, made once."""
    made: dict[str, Any] = {}

    def frame(name: str) -> Any:
        if name not in made:
            made[name] = frames.of("spark", TABLES[name])
        return made[name]

    return frame


@pytest.fixture(scope="module")
def model_of(frame_of) -> Any:
    """`model_of(kind, case)`: the step fitted on the usual table on Spark, once."""
    fitted: dict[str, PipelineModel] = {}

    def model(kind: str, case: Case) -> PipelineModel:
        step = make(kind, case)
        if str(step) not in fitted:
            fitted[str(step)] = pipeline(step).fit(frame_of("usual"))
        return fitted[str(step)]

    return model


@pytest.fixture(scope="module")
def out_of(frames, frame_of, model_of) -> Any:
    """`out_of(kind, case)`: what Spark makes of the usual table, and what the inverse makes of that on Spark."""
    made: dict[str, tuple[pa.Table, pa.Table]] = {}

    def out(kind: str, case: Case) -> tuple[pa.Table, pa.Table]:
        model = model_of(kind, case)
        asked = str(make(kind, case))
        if asked not in made:
            transformed = model.transform(frame_of("usual"))
            made[asked] = frames.table(transformed), frames.table(model.inverse_transform(transformed))
        return made[asked]

    return out


@pytest.fixture(scope="module")
def rows_of(frames) -> Any:
    """`rows_of(native frame)`: column -> values in the order of `id`, NaN told as the text 'NaN'."""

    def rows(native: Any, *, has_nan: bool = True) -> dict[str, list[Any]]:
        table = frames.table(native)
        if "id" in table.column_names:
            table = table.sort_by("id")

        def told(value: Any) -> Any:
            if isinstance(value, list):
                return [told(item) for item in value]
            is_nan = isinstance(value, float) and value != value
            return value if not is_nan else "NaN" if has_nan else None

        found = {name: [told(value) for value in table[name].to_pylist()] for name in table.column_names}
        if "id" in found:
            return found
        # Without their key, rows have no order but that of what they hold.
        ordered = sorted(zip(*found.values(), strict=True), key=str)
        return dict(zip(found, map(list, zip(*ordered, strict=True)), strict=True)) if ordered else found

    return rows


def assert_same(got: dict[str, list[Any]], expected: dict[str, list[Any]], rel: float = 1e-9) -> None:
    assert list(got) == list(expected)
    for name, values in expected.items():
        assert len(got[name]) == len(values), name
        for mine, theirs in zip(got[name], values, strict=True):
            assert mine == close(theirs, rel), name


def close(value: Any, rel: float) -> Any:
    if isinstance(value, list):
        return [close(item, rel) for item in value]
    if isinstance(value, dict):
        return {name: close(item, rel) for name, item in value.items()}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return pytest.approx(value, rel=rel, abs=rel) if is_number else value


# --- declared -----------------------------------------------------------------------------------------------


@pytest.mark.connect
def test_the_session_is_of_the_kind_asked_for(spark):
    assert is_connect(spark) == ON_CONNECT


@pytest.mark.parametrize("kind", REGISTRY)
def test_every_choice_that_a_step_offers_is_in_a_case(kind):
    assert any(kind == param.values[0] for param in CASES), f"{kind}: give its fields `examples` that can be tried"
    assert uncovered_of(kind) == [], "no arguments were found for these: give the fields they need `examples`"


@classic_only
@every_case
def test_a_step_survives_json(kind, case):
    step = make(kind, case)
    again = from_json(json.loads(json.dumps(step.to_json())))
    assert again == step
    assert again.to_json() == step.to_json()
    assert list(step.to_json()) == [kind]


@classic_only
@every_case
def test_a_bound_step_survives_json(kind, case):
    bound = make(kind, case).bind(schema_of(TABLES["usual"]))
    assert from_json(json.loads(json.dumps(bound.to_json()))) == bound


@classic_only
@every_case
def test_binding_twice_is_binding_once(kind, case):
    schema = schema_of(TABLES["usual"])
    bound = make(kind, case).bind(schema)
    assert bound.bind(schema) == bound


@classic_only
@every_case
def test_an_unknown_field_is_refused(kind, case):
    with pytest.raises(ValidationError):
        TypeAdapter(REGISTRY[kind]).validate_python({**case.fields, "no_such_field": 1})
    with pytest.raises(ConfigError, match="no_such_field: not a key here"):
        REGISTRY[kind](**case.fields, no_such_field=1)


@classic_only
@every_case
def test_a_step_is_frozen(kind, case):
    step = make(kind, case)
    with pytest.raises(AttributeError):
        step.name = "other"


@classic_only
@every_case
def test_what_it_learns_from_is_what_it_reads(kind, case):
    bound = make(kind, case).bind(schema_of(TABLES["usual"]))
    learner = bound.learner()
    assert learner == bound.learner(), "a learner is a value: equal fields, equal learners"
    if learner is not None:
        asked = {column for statistic in learner.statistics() for column in (*statistic.columns, *statistic.by)}
        assert asked <= bound.reads() | {draw.column for draw in (*bound.draws(), *learner.draws())}
    assert bound.reads() <= set(TABLES["usual"].column_names)


@classic_only
@pytest.mark.exhaustive("kind")
@every_case
def test_building_a_step_starts_no_job(kind, case, spark, frame_of, model_of):
    model, df = model_of(kind, case), frame_of("usual").repartition(2)
    group, context = str(uuid.uuid4()), spark.sparkContext
    context.setJobGroup(group, "what must not run")
    try:
        pipeline(make(kind, case)).explain(df)
        model.inverse_transform(model.transform(df))
        assert list(context.statusTracker().getJobIdsForGroup(group)) == []
    finally:
        context.setJobGroup("", "")


# --- done ---------------------------------------------------------------------------------------------------


@every_case
def test_the_declared_schema_is_the_real_one(kind, case, frames, frame_of, model_of):
    model = model_of(kind, case)
    for backend in ("spark", "polars", "pyarrow", "pandas"):
        df = frame_of("usual") if backend == "spark" else frames.of(backend, TABLES["usual"])
        # pandas has objects for lists and dates; their types are those of the table.
        before = schema_of(TABLES["usual"]) if backend == "pandas" else dict(nw.from_native(df).collect_schema())
        declared = dict(make_plan(model.steps, before).output_schema)
        real = dict(nw.from_native(model.transform(df)).collect_schema())
        assert list(real) == list(declared), backend
        for name, dtype in declared.items():
            # pandas has no null among its integers and booleans: there they are floats and objects.
            is_widened = backend == "pandas" and str(real[name]) in ("Float64", "Object")
            assert real[name] == dtype or (is_widened and not dtype.is_float()), f"{name} on {backend}"


@on_connect_a_case_of_each_kind
@every_case
def test_backends_in_memory_give_what_spark_gives(kind, case, frames, model_of, out_of, rows_of):
    model, (out, _) = model_of(kind, case), out_of(kind, case)
    for backend in ("polars", "pyarrow", "pandas"):
        got = model.transform(frames.of(backend, TABLES["usual"]))
        has_nan = backend != "pandas"  # to which NaN and null are one
        assert_same(rows_of(got, has_nan=has_nan), rows_of(out, has_nan=has_nan), rel=1e-12)


@classic_only
@pytest.mark.exhaustive("kind")
@every_case
def test_partitions_and_the_order_of_rows_do_not_matter(kind, case, frame_of, out_of, rows_of):
    shuffled = frame_of("usual").repartition(3, "x", "b")
    other = pipeline(make(kind, case)).fit(shuffled)
    assert_same(rows_of(other.transform(shuffled)), rows_of(out_of(kind, case)[0]), rel=1e-12)


@pytest.mark.connect("backend")
@every_case
@pytest.mark.parametrize(("backend", "edge"), FITTED_AT)
def test_a_table_at_the_edge_does_not_fail(kind, case, backend, edge, request, frames, rows_of):
    on_spark = request.getfixturevalue("frame_of") if backend == "spark" else None
    df, step = on_spark(edge) if on_spark else frames.of(backend, TABLES[edge]), make(kind, case)
    try:
        with spark_errors():
            model = pipeline(step).fit(df)
            out = rows_of(model.transform(df))
    except Exception as error:
        if edge in case.refuses if case.refuses is not None else isinstance(error, GensparkError):
            return
        raise
    assert edge not in (case.refuses or ()), f"{kind} was to refuse {edge!r} and took it"
    declared = make_plan([step], nw.from_native(df).collect_schema()).output_schema
    assert list(out) == list(declared)
    assert all(len(values) <= len(TABLES[edge]) for values in out.values())
    json.dumps(model.to_json(), allow_nan=False)
    assert_same(rows_of(model.transform(frames.of("polars", TABLES[edge]))), out)
    again = PipelineModel.from_json(json.loads(json.dumps(model.to_json())))
    assert_same(rows_of(again.transform(frames.of("pyarrow", TABLES[edge]))), out)


@classic_only
@every_case
@pytest.mark.parametrize("edge", ["usual", *EDGES])
def test_a_fitted_step_takes_new_data_of_any_kind(kind, case, edge, frames, model_of, rows_of):
    """A step that was fitted on usual rows is served rows that are not."""
    if edge in (case.refuses or ()):
        pytest.skip("its docstring says that it stops there")
    model = model_of(kind, case)
    try:
        got = rows_of(model.transform(frames.of("polars", TABLES[edge])))
    except GensparkError:
        if case.refuses is None:
            pytest.skip("it stops there, by an error of ours")
        raise
    assert_same(rows_of(model.transform(frames.of("pyarrow", TABLES[edge]))), got)


@classic_only
@every_case
def test_columns_that_it_does_not_write_are_unchanged(kind, case, model_of, out_of, rows_of):
    model = model_of(kind, case)
    (step,) = model.steps
    before, after = rows_of(TABLES["usual"]), rows_of(out_of(kind, case)[0])
    if step.filters and "id" in after:
        kept = [before["id"].index(value) for value in after["id"]]
        before = {name: [values[i] for i in kept] for name, values in before.items()}
    for name in after.keys() - step.writes():
        # In the columns a step reads NaN has become null, whichever it writes.
        expected = [None if v == "NaN" else v for v in before[name]] if name in step.reads() else before[name]
        assert after[name] == expected, name
    gone = before.keys() - after.keys()
    assert gone <= step.writes() or kind == "select"
    assert after.keys() - before.keys() <= step.writes()


@every_case
def test_it_needs_no_column_but_those_it_reads(kind, case, frames, model_of, rows_of):
    model = model_of(kind, case)
    (step,) = model.steps
    if kind == "select":
        pytest.skip("select needs what it keeps, whatever it reads")
    hashed = {column for draw in step.draws() for column in draw.over or model.key}
    needed = [c for c in TABLES["usual"].column_names if c in step.reads() | hashed | {"id"}]
    whole = rows_of(model.transform(frames.of("polars", TABLES["usual"])))
    part = rows_of(model.transform(frames.of("polars", TABLES["usual"].select(needed))))
    assert_same(part, {name: whole[name] for name in part})
    assert step.writes() - set(TABLES["usual"].column_names) <= part.keys()


@every_case
def test_the_inverse_gives_back_all_but_the_losses(kind, case, model_of, out_of, rows_of):
    model = model_of(kind, case)
    (step,) = model.steps
    lost = {name for name in TABLES["usual"].column_names if any(repr(name) in loss for loss in model.losses())}
    back = rows_of(out_of(kind, case)[1], has_nan=False)
    original = rows_of(TABLES["usual"], has_nan=False)
    assert set(original) - lost <= set(back) <= set(original)
    if step.filters:
        assert lost, "a step that takes rows out says so"
        kept = [original["id"].index(value) for value in back["id"]]
        original = {name: [values[i] for i in kept] for name, values in original.items()}
    safe = [name for name in original if name not in lost]
    rel = INVERSE_REL.get(kind, 1e-9)
    assert_same({name: back[name] for name in safe}, {name: original[name] for name in safe}, rel)


@classic_only
@every_case
def test_the_inverse_on_other_backends_is_spark_s(kind, case, frames, model_of, out_of, rows_of):
    model = model_of(kind, case)
    expected = rows_of(out_of(kind, case)[1], has_nan=False)
    for backend in ("polars", "pandas", "pyarrow"):
        out = model.transform(frames.of(backend, TABLES["usual"]))
        assert_same(rows_of(model.inverse_transform(out), has_nan=False), expected, INVERSE_REL.get(kind, 1e-9))


@classic_only
@every_case
def test_a_rewritten_statistic_is_the_one_that_a_scan_finds(kind, case, frame_of, model_of):
    """`rewrite` may only answer what is so: a statistic of the output, scanned, is the same."""
    from cases import statistics_of

    from genspark.engines import SparkEngine

    model = model_of(kind, case)
    (step,), (parameters,) = model.steps, model.parameters
    examples = [statistics_of(kind)[0] for kind in Statistic.registry]
    wanted = [replace(e, columns=(name,)) for name in sorted(step.writes()) for e in examples if len(e.columns) == 1]
    schema = make_plan([step], schema_of(TABLES["usual"])).output_schema
    usable = [w for w in wanted if w.column in schema and w.column in TABLES["usual"].column_names]
    learner = step.learner()
    derivations = {w: learner.rewrite(w) for w in usable if fits(w, schema[w.column])} if learner else {}
    derivations = {w: derivation for w, derivation in derivations.items() if derivation}
    if not derivations:
        pytest.skip("it rewrites nothing")
    engine = SparkEngine()
    needs = list(dict.fromkeys(need for derivation in derivations.values() for need in derivation.needs))
    before = engine.scan(nw.from_native(frame_of("usual")), needs)
    after = engine.scan(nw.from_native(model.transform(frame_of("usual"))), list(derivations))
    for statistic, derivation in derivations.items():
        derived = derivation.derive([before[need] for need in derivation.needs], parameters)
        assert_same_state(derived, after[statistic], statistic)


def fits(statistic: Any, dtype: Any) -> bool:
    return dtype.is_numeric() or statistic.kind == "frequencies"


def assert_same_state(derived: dict[str, Any], scanned: dict[str, Any], statistic: Any) -> None:
    assert derived.keys() == scanned.keys()
    if isinstance(statistic, Quantiles):
        p = (0.0, 0.25, 0.5, 0.9, 1.0)
        assert statistic.read(derived, p) == pytest.approx(statistic.read(scanned, p), rel=1e-9)
        derived, scanned = ({**s, "sketch": 0, "center": 0, "scale": 0, "offset": 0} for s in (derived, scanned))
    for name, value in scanned.items():
        assert derived[name] == close(value, 1e-9), name
