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

# MLflow tells its makers of its use, unless it is told not to.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# A session hands its tasks the variables that were set when it began.
os.environ |= dict.fromkeys(("GENSPARK_PII_KEY", "GENSPARK_PSEUDONYM_KEY"), "a key for the tests alone")
REPOSITORY = Path(__file__).resolve().parents[1]
SESSION = os.environ.get("GENSPARK_TEST_SESSION", "")
ON_CONNECT = SESSION == "connect"
NEED_SPARK = {"spark", "interpreted"}
MAY_NEED_SPARK = {"frames", "engine", "in_tasks"}
ON_SPARK = {"spark", "spark-polars", "spark-arrow"}
WITHOUT_SPARK = {"polars", "polars-lazy", "pandas", "pyarrow", "tasks"}
"""Engines and backends that no session takes part in; see `start` for `tasks`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="also what `make test` leaves to `make test-all`")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Fit on Polars, and on Spark too where a test is about Spark's numbers, or where all is asked for."""
    if "backend_of_fit" in metafunc.fixturenames:
        markers = {marker.name for marker in metafunc.definition.iter_markers()}
        on_spark = "on_spark" in markers or metafunc.config.getoption("all")
        metafunc.parametrize("backend_of_fit", ["polars", "spark"] if on_spark else ["polars"], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the session asked for and, without `--all`, those that prove the most.

    A test that is named by its node id is always kept.
    """
    if any("::" in argument for argument in config.args):
        return
    kept = [item for item in items if _is_of_the_session(item)]
    if not config.getoption("all"):
        kept = [*_chosen(kept)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def _is_of_the_session(item: pytest.Item) -> bool:
    if not SESSION:
        return True
    if ON_CONNECT and item.get_closest_marker("classic"):
        return False
    return _uses_session(item) == (SESSION != "none")


def _uses_session(item: Any) -> bool:
    parameters = getattr(getattr(item, "callspec", None), "params", {}).values()
    given = {value for value in parameters if isinstance(value, str)}
    fixtures = set(item.fixturenames)
    names_spark = item.get_closest_marker("on_spark") is not None and "backend_of_fit" not in fixtures
    if ON_SPARK & given or NEED_SPARK & fixtures or names_spark:
        return True
    return bool(MAY_NEED_SPARK & fixtures) and not WITHOUT_SPARK & given


def _chosen(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """The tests without the marker `exhaustive` and, on Connect, with the marker `connect`.

    A marker may name parameters: of these, one case for each value is chosen, which is the first.
    """
    seen: set[tuple[str, ...]] = set()
    for item in items:
        markers = list(item.iter_markers("exhaustive"))
        if ON_CONNECT:
            own = list(item.iter_markers("connect"))
            if not own:
                continue
            markers += [marker for marker in own if marker.args]
        cases = [_case(item, marker) for marker in markers]
        if None not in cases and not seen.intersection(cases):
            yield item
        seen.update(case for case in cases if case)


def _case(item: Any, marker: pytest.Mark) -> tuple[str, ...] | None:
    """What one test is enough for; None if none is to run."""
    values = [f"{name}={item.callspec.params[name]}" for name in marker.args]
    return (marker.name, item.location[0], item.originalname, *values) if values else None


@pytest.fixture(scope="session")
def spark() -> Any:
    """The one session. Connect and classic sessions exclude each other in a process, so Connect has its own."""
    if SESSION == "none":
        pytest.fail("this test asks for a session only while it runs: name the fixture `spark` or `interpreted`")
    from genspark.session import get_spark, stop

    # Spark's workers find the steps and functions that tests define.
    folders = sorted({str(path.parent) for path in (REPOSITORY / "tests").rglob("*.py")})
    os.environ["PYTHONPATH"] = os.pathsep.join([*folders, os.environ.get("PYTHONPATH", "")])
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


@pytest.fixture
def start(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """`start(name)`: what a job calls the engine, which then is ready to work.

    `tasks` is engine `spark-polars` with its tasks in this process: they are pickled, as on their way to a worker.
    `spark-arrow` is engine `spark` with the Arrow writer.
    """

    def ready(name: str) -> str:
        if name == "tasks":
            import in_process

            monkeypatch.setattr("genspark.job.runners.spark_polars.get_spark", lambda _: in_process.Session())
            return "spark-polars"
        if name in ON_SPARK:
            request.getfixturevalue("interpreted")
        return name.removesuffix("-arrow")

    return ready


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


@pytest.fixture
def backend_of_fit(request: pytest.FixtureRequest) -> str:
    """`polars` or `spark`: see `pytest_generate_tests`."""
    if request.param == "spark":
        request.getfixturevalue("interpreted")
    return str(request.param)


@pytest.fixture
def fitted(frames: Frames, backend_of_fit: str) -> Callable[..., Any]:
    """`fitted(table or columns, *steps)`: the model of these steps."""

    def fit(rows: Any, *steps: Step, **options: Any) -> Any:
        return Pipeline(steps, **options).fit(frames.of(backend_of_fit, as_table(rows)))

    return fit


@pytest.fixture
def after(frames: Frames, fitted: Callable[..., Any], backend_of_fit: str) -> Callable[..., dict[str, list[Any]]]:
    """`after(columns, *steps)`: the columns that come out of steps where they were fitted."""

    def apply(rows: Any, *steps: Step, **options: Any) -> dict[str, list[Any]]:
        model = fitted(rows, *steps, **options)
        return frames.table(model.transform(frames.of(backend_of_fit, as_table(rows)))).to_pydict()

    return apply


def as_table(rows: pa.Table | dict[str, Sequence[Any]]) -> pa.Table:
    return rows if isinstance(rows, pa.Table) else pa.table(rows)
