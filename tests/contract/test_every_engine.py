"""The engines are one: every step and every statistic gives on Polars, alone and in Spark's tasks, what Spark gives.

Every case runs in tasks that are pickled and run in this process, one of each kind in tasks of Spark's own.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import in_process
import narwhals as nw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cases import cases_of, statistics_of, tables, with_groups
from deltalake import DeltaTable

import genspark
from genspark.engines import SparkEngine
from genspark.engines.polars.engine import PolarsEngine
from genspark.pipeline import Pipeline, PipelineModel
from genspark.statistics import Quantiles, Statistic
from genspark.steps import Step

REGISTRY = {kind: step for kind, step in Step.registry.items() if step.__module__.startswith("genspark.")}
CASES = [
    pytest.param(kind, case, id=f"{kind}-{number}") for kind in REGISTRY for number, case in enumerate(cases_of(kind))
]
QUARANTINING = [
    case for case in CASES if "quarantine" in (case.values[1].fields.get(name) for name in ("action", "invalid"))
]
TABLES = tables()
REQUESTS = [request for kind in Statistic.registry for request in statistics_of(kind)]
ALL = [*REQUESTS, *(with_groups(request) for request in REQUESTS)]
every_case = pytest.mark.parametrize(("kind", "case"), CASES)
every_table = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.connect] if name == "usual" else []) for name in TABLES]
)
pytestmark = pytest.mark.usefixtures("interpreted")


SESSIONS: dict[str, Any] = {"polars": None, "tasks": in_process.Session()}
in_sparks_tasks = pytest.param("spark-polars", marks=[pytest.mark.exhaustive("kind"), pytest.mark.connect("kind")])


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    """The usual table as Parquet shards of unequal size, so that states must be merged."""
    folder = tmp_path_factory.mktemp("engines") / "shards"
    folder.mkdir()
    table = TABLES["usual"]
    for number, (start, rows) in enumerate([(0, 9), (9, 1), (10, 14)]):
        pq.write_table(table.slice(start, rows), folder / f"{number}.parquet")
    return folder


@pytest.fixture(scope="module")
def job(shards, spark, tmp_path_factory) -> Any:
    """`job(engine, kind, case)`: the folder that a job of this step alone wrote, and its report.

    Engine `tasks` is `spark-polars` with its tasks in this process.
    """
    done: dict[tuple[str, str], Any] = {}

    def run(engine: str, kind: str, case: Any) -> Any:
        asked = json.dumps([engine, kind, case.fields])
        if asked not in done:
            out = tmp_path_factory.mktemp("out")
            config = genspark.JobConfig.model_validate(
                {
                    "name": "contract",
                    "engine": "spark-polars" if engine == "tasks" else engine,
                    "source": {"path": str(shards), "format": "parquet", "split_size": 1},
                    "key": ["id"],
                    "steps": [{kind: case.fields}],
                    "sink": {"path": str(out / "table")},
                }
            )
            report = genspark.run(config, spark=SESSIONS.get(engine, spark))
            assert report.engine == config.engine
            done[asked] = (out, report)
        return done[asked]

    return run


@pytest.fixture(scope="module")
def reference(spark, shards) -> Any:
    """`reference(kind, case)`: the model that Spark fits, and the rows that it makes, in the order of their keys."""
    frame = spark.read.parquet(str(shards))

    @functools.cache
    def fit(kind: str, fields: str) -> tuple[PipelineModel, pa.Table]:
        step = genspark.JobConfig.model_validate(
            {
                "name": "x",
                "source": {"path": "x", "format": "csv"},
                "steps": [{kind: json.loads(fields)}],
                "sink": {"path": "x"},
            }
        ).steps[0]
        model = Pipeline([step], key=["id"]).fit(frame)
        return model, model.transform(frame).toArrow()

    return lambda kind, case: fit(kind, json.dumps(case.fields))


def in_order(table: pa.Table) -> dict[str, list[Any]]:
    ordered = table.sort_by("id") if "id" in table.column_names else table

    def told(value: Any) -> Any:
        return "NaN" if isinstance(value, float) and value != value else value

    columns = {name: [told(value) for value in ordered[name].to_pylist()] for name in ordered.column_names}
    return columns if "id" in columns else {name: sorted(values, key=str) for name, values in columns.items()}


def close(value: Any, rel: float = 1e-9) -> Any:
    """The value, with the floats in it to `rel`."""
    if isinstance(value, float):
        return pytest.approx(value, rel=rel, abs=1e-12)
    if isinstance(value, dict):
        return {name: close(item, rel) for name, item in value.items()}
    return [close(item, rel) for item in value] if isinstance(value, list | tuple) else value


def read(path: Path) -> pa.Table:
    table = DeltaTable(str(path))
    return pa.table(table.to_pyarrow_dataset().to_table(use_threads=False))


@every_case
@pytest.mark.parametrize("engine", [*SESSIONS, in_sparks_tasks])
def test_a_job_gives_the_rows_that_spark_gives(engine, kind, case, job, reference):
    out, report = job(engine, kind, case)
    model, expected = reference(kind, case)
    got = read(out / "table").drop_columns(["_row_id", "_source_file"])
    # A table has its scalars first.
    assert sorted(got.column_names) == sorted(expected.column_names)
    got = got.select(expected.column_names)
    plain = [str(field.type).replace("large_", "") for field in got.schema]
    assert plain == [str(field.type).replace("large_", "") for field in expected.schema]
    # Where a power's likelihood is flat, its maximum feels the order in which sums were merged.
    rel = 1e-7 if kind == "transform" else 1e-9
    assert in_order(got) == close(in_order(expected), rel)
    fitted = PipelineModel.load(report.model)
    assert [dict(p) for p in fitted.parameters] == close([dict(p) for p in model.parameters], rel)
    assert fitted.input_schema == model.input_schema
    assert report.rows_read == 24
    assert report.rows_written == len(expected)


@pytest.mark.parametrize(("kind", "case"), QUARANTINING)
@pytest.mark.parametrize("engine", ["tasks", in_sparks_tasks])
def test_quarantined_rows_have_the_same_reasons(engine, kind, case, job):
    """As on Polars alone; against Spark, the real-data tests hold them."""
    (alone, expected), (out, report) = job("polars", kind, case), job(engine, kind, case)
    assert report.rows_quarantined == expected.rows_quarantined
    if not report.rows_quarantined:
        assert not (alone / "table_quarantine").exists()
        assert not (out / "table_quarantine").exists()
        return
    both = [read(folder / "table_quarantine").drop(["_run_id"]) for folder in (alone, out)]
    assert in_order(both[1]) == close(in_order(both[0]))
    assert both[1].num_rows == report.rows_quarantined
    assert all(reasons for reasons in both[1]["_reasons"].to_pylist())


@every_table
def test_every_statistic_has_the_state_that_spark_finds(name, frames):
    spark, polars = frames.of("spark", TABLES[name]), frames.of("polars", TABLES[name]).lazy()
    for requests in (REQUESTS, ALL[len(REQUESTS) :]):
        expected = SparkEngine().scan(nw.from_native(spark), requests)
        got = PolarsEngine().scan(nw.from_native(polars), requests)
        assert list(got) == list(requests)
        for request in requests:
            assert comparable(request, got[request]) == close(comparable(request, expected[request])), request


def comparable(statistic: Statistic, state: Any) -> Any:
    if statistic.by:
        plain = type(statistic)(**{**vars(statistic), "by": ()})
        return [[group["by"], comparable(plain, group["state"])] for group in state["groups"]]
    shown = dict(state)
    if isinstance(statistic, Quantiles):
        shown["sketch"] = statistic.read(state, (0.0, 0.1, 0.25, 0.5, 0.9, 1.0))
    return shown
