"""One Spark session for all tests, and frames of the same rows on every backend."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from genspark.pipeline import Pipeline
from genspark.steps import Step

REPOSITORY = Path(__file__).resolve().parents[1]
ON_CONNECT = os.environ.get("GENSPARK_TEST_SESSION") == "connect"
SESSION_FIXTURES = {"spark", "frames", "fitted", "after", "interpreted", "engine"}
WITHOUT_SPARK = {"polars", "polars-lazy", "pandas", "pyarrow"}
"""Engines and backends that no session takes part in."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On Connect: the tests that a session takes part in, but for those that look into the JVM of a classic one."""
    if ON_CONNECT:
        items[:] = [item for item in items if _uses_session(item) and not item.get_closest_marker("classic")]


def _uses_session(item: Any) -> bool:
    parameters = getattr(getattr(item, "callspec", None), "params", {}).values()
    elsewhere = [value for value in parameters if isinstance(value, str) and value in WITHOUT_SPARK]
    return bool(SESSION_FIXTURES & set(item.fixturenames)) and not elsewhere


@pytest.fixture(scope="session")
def spark() -> Any:
    """The one session. Connect and classic sessions exclude each other in a process, so Connect has its own."""
    from genspark.session import get_spark, stop

    # Spark's workers find the steps that tests define.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY / "tests"), os.environ.get("PYTHONPATH", "")])
    where = {"remote": "local[2]"} if ON_CONNECT else {"master": "local[2]"}
    session = get_spark("genspark-tests", quick=True, **where)
    yield session
    stop(session)


@pytest.fixture(scope="session")
def data() -> Path:
    """Real data, which is not part of the repository."""
    folder = Path(os.environ.get("GENSPARK_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set GENSPARK_DATA to the folder that holds taxis.csv")
    return folder


@pytest.fixture(scope="module")
def interpreted(spark: Any) -> Iterator[None]:
    """For modules of many queries over a few rows: compiling each takes far longer than running it."""
    settings = {
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.adaptive.enabled": "false",
    }
    before = {name: spark.conf.get(name) for name in settings}
    for name, value in settings.items():
        spark.conf.set(name, value)
    yield
    for name, value in before.items():
        spark.conf.set(name, value)


class Frames:
    """Frames of one Arrow table on each backend, and back. Spark starts only when it is asked for."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request

    def of(self, backend: str, table: pa.Table) -> Any:
        if backend == "spark":
            spark = self._request.getfixturevalue("spark")
            if len(table):
                return spark.createDataFrame(table)
            # Connect makes no frame of an empty table.
            one_row = pa.table({field.name: pa.nulls(1, field.type) for field in table.schema})
            return spark.createDataFrame(one_row).limit(0)
        if backend.startswith("polars"):
            import polars as pl

            return pl.from_arrow(table) if backend == "polars" else pl.from_arrow(table).lazy()
        return table.to_pandas() if backend == "pandas" else table

    @staticmethod
    def table(native: Any) -> pa.Table:
        """The rows of a frame of any backend; pandas alone cannot tell NaN from null, which it calls null."""
        if isinstance(native, pa.Table):
            return native
        kind = type(native).__module__.partition(".")[0]
        if kind == "pyspark":
            return native.toArrow()
        if kind == "polars":
            native = native.lazy().collect()
        return native.to_arrow() if kind == "polars" else pa.Table.from_pandas(native, preserve_index=False)


@pytest.fixture(scope="session")
def frames(request: pytest.FixtureRequest) -> Frames:
    return Frames(request)


@pytest.fixture(scope="session")
def fitted(frames: Frames) -> Callable[..., Any]:
    """`fitted(table or columns, *steps)`: the model of these steps, fitted on Spark."""

    def fit(rows: Any, *steps: Step, **options: Any) -> Any:
        return Pipeline(steps, **options).fit(frames.of("spark", as_table(rows)))

    return fit


@pytest.fixture(scope="session")
def after(frames: Frames, fitted: Callable[..., Any]) -> Callable[..., dict[str, list[Any]]]:
    """`after(columns, *steps)`: the columns that come out of steps fitted on and applied by Spark."""

    def apply(rows: Any, *steps: Step, **options: Any) -> dict[str, list[Any]]:
        model = fitted(rows, *steps, **options)
        return frames.table(model.transform(frames.of("spark", as_table(rows)))).to_pydict()

    return apply


def as_table(rows: pa.Table | dict[str, Sequence[Any]]) -> pa.Table:
    return rows if isinstance(rows, pa.Table) else pa.table(rows)
