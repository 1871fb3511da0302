"""Kernels and rounds: what a step may ask of an engine beyond expressions and one scan."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import Any, ClassVar

import narwhals as nw
import pyarrow as pa
import pytest
from pydantic.dataclasses import dataclass

from genspark.columns.expressions import HIDDEN
from genspark.columns.kernels import Kernel, column, matrix, numbers
from genspark.engines import engine_for
from genspark.engines.spark.errors import spark_errors
from genspark.errors import DataError
from genspark.pipeline import Pipeline
from genspark.statistics import Moments, State, Statistic
from genspark.steps import Impute, Scale
from genspark.steps.base import STEP_CONFIG, ColumnStep
from genspark.steps.learner import Learner, Parameters

HYPOTENUSE = f"{HIDDEN}hypotenuse"
BACKENDS = ["spark", "polars", "polars-lazy", "pandas", "pyarrow"]
ROWS = pa.table({"a": [3.0, 5.0, None], "b": pa.array([4, 12, 1], pa.int32()), "s": ["x", None, "z"]})


@plain_dataclass(frozen=True)
class Hypotenuse:
    """The length of a vector of two columns, and the text beside it."""

    unit: float

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        a, b = matrix(arrays[:2]).T
        return [column((a * a + b * b) ** 0.5 / self.unit), arrays[2]]


def kernel(unit: float = 1.0) -> Kernel:
    return Kernel(("a", "b", "s"), {HYPOTENUSE: pa.float64(), f"{HIDDEN}text": pa.string()}, Hypotenuse(unit))


@pytest.mark.connect("backend")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_kernel_adds_its_columns_on_every_backend(backend, frames):
    engine, frame = engine_for(frames.of(backend, ROWS))
    made = frames.table(nw.to_native(engine.with_kernels(frame, [kernel()])))
    assert made.column_names == ["a", "b", "s", HYPOTENUSE, f"{HIDDEN}text"]
    assert [value and round(value, 9) for value in made[HYPOTENUSE].to_pylist()[:2]] == [5.0, 13.0]
    last = made[HYPOTENUSE].to_pylist()[2]
    assert last is None or math.isnan(last)  # pandas has one of them for both
    assert made[f"{HIDDEN}text"].to_pylist() == ["x", None, "z"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_kernel_takes_no_rows(backend, frames):
    engine, frame = engine_for(frames.of(backend, ROWS.slice(0, 0)))
    made = frames.table(nw.to_native(engine.with_kernels(frame, [kernel()])))
    assert made.num_rows == 0
    assert HYPOTENUSE in made.column_names


@pytest.mark.parametrize("backend", ["spark", "polars"])
def test_the_next_kernel_may_read_what_the_one_before_gave(backend, frames):
    engine, frame = engine_for(frames.of(backend, ROWS))
    again = Kernel((HYPOTENUSE, "a", "s"), {f"{HIDDEN}again": pa.float64(), f"{HIDDEN}b": pa.string()}, Hypotenuse(5))
    made = frames.table(nw.to_native(engine.with_kernels(frame, [kernel(), again])))
    assert made[f"{HIDDEN}again"][0].as_py() == pytest.approx(34**0.5 / 5)


@pytest.mark.classic
def test_spark_calls_a_kernel_once_a_batch(frames):
    engine, frame = engine_for(frames.of("spark", ROWS))
    plan = nw.to_native(engine.with_kernels(frame, [kernel()]))._jdf.queryExecution().executedPlan().toString()
    assert plan.count("pythonUDF0") - plan.count("AS __genspark_kernel") == 1
    assert plan.count("ArrowEvalPython") == 1


@pytest.mark.parametrize("backend", ["spark", "polars", "pandas"])
def test_an_error_of_ours_in_a_kernel_comes_out_in_one_line(backend, frames):
    frame = frames.of(backend, pa.table({"v": [[1.0, 2.0], [3.0]]}))
    engine, wrapped = engine_for(frame)
    kernel = Kernel(("v",), {f"{HIDDEN}v": pa.float64()}, refuse)
    with pytest.raises(DataError, match="^column 'v': its vectors differ in length$"):
        collected(frames, engine, wrapped, kernel)


@spark_errors()
def collected(frames: Any, engine: Any, frame: Any, kernel: Kernel) -> Any:
    return frames.table(engine.run(frame, lambda e, f: e.with_kernels(f, [kernel]), {}))


def refuse(arrays: Sequence[pa.Array]) -> list[pa.Array]:
    raise DataError("column 'v': its vectors differ in length")


def test_numbers_are_float64_and_null_is_nan():
    assert numbers(pa.array([1, None], pa.int8())).tolist()[0] == 1.0
    assert math.isnan(numbers(pa.array([1, None], pa.int8()))[1])
    assert numbers(pa.array([True, False])).tolist() == [1.0, 0.0]


# --- rounds -------------------------------------------------------------------------------------------------


@dataclass(config=STEP_CONFIG)
class Trim(ColumnStep):
    """A toy that learns means, and then learns the same means again."""

    wanted: int = 2
    kind: ClassVar[str] = ""

    def learner(self) -> Learner:
        return Means(self.columns, self.wanted)


@plain_dataclass(frozen=True)
class Means(Learner):
    columns: tuple[str, ...]
    wanted: int

    @property
    def rounds(self) -> int:
        return 3

    def statistics(self) -> Sequence[Statistic]:
        return [Moments((c,)) for c in self.columns]

    def parameters(self, states: Mapping[Statistic, State], schema: Any) -> Parameters:
        return {"means": [states[s]["mean"] for s in self.statistics()], "seen": 1}

    def refinement(self, parameters: Parameters) -> Sequence[Statistic]:
        return self.statistics() if parameters["seen"] < self.wanted else ()

    def refined(self, parameters: Parameters, states: Mapping[Statistic, State]) -> Parameters:
        return {"means": [states[s]["mean"] for s in self.statistics()], "seen": parameters["seen"] + 1}


@pytest.mark.parametrize("wanted", [1, 2, 4])
def test_a_round_is_a_scan_and_rounds_that_are_not_needed_are_not_made(wanted):
    frame = pa.table({"x": [1.0, None, 5.0]})
    told: list[int] = []
    model = Pipeline([Trim("x", wanted=wanted)]).fit(frame, on_scan=lambda number, of: told.append(of))
    assert model.parameters[0] == {"means": [3.0], "seen": wanted}
    assert len(told) == wanted


def test_a_round_sees_the_input_of_its_step():
    frame = pa.table({"x": [1.0, None, 5.0]})
    steps = [Impute("x", strategy="constant", value=9.0), Trim("x"), Scale("x", method="minmax")]
    model = Pipeline(steps).fit(frame)
    assert model.parameters[1] == {"means": [5.0], "seen": 2}
    assert model.parameters[2] == {"maps": {"x": [1.0, 8.0, 0.0]}}


def test_what_follows_waits_for_the_rounds_and_explain_tells_them():
    plan = Pipeline([Trim("x"), Scale("x")]).plan(pa.table({"x": [1.0]}))
    assert [scan.level for scan in plan.scans] == [0, 1, 2, 3, 4]
    assert [scan.refines for scan in plan.scans] == [None, 0, 0, 0, None]
    assert plan.stage_by_stage == 5
    assert "round 2 of 3, if needed" in plan.explain()
