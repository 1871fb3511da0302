"""Jobs whose fit is private: what each spends, and that nothing begins beyond the budget."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.cli import main
from genspark.errors import ConfigError, PlanError
from genspark.sinks.epsilon import SUFFIX

pytest.importorskip("opendp")
ENGINES = ["polars", *(pytest.param(name, marks=pytest.mark.exhaustive) for name in ("spark", "spark-polars"))]


def config(folder: Path, engine: str = "polars", epsilon: float = 1, more: str = "") -> JobConfig:
    return JobConfig.from_text(
        f"name: ages\nengine: {engine}\nsource: {{path: '{folder}/in.parquet', format: parquet}}\n"
        "steps:\n- impute: {columns: age}\n- scale: {columns: age}\n"
        f"sink: {{path: '{folder}/out', mode: overwrite}}\n{more}"
        f"privacy: {{epsilon: {epsilon}, budget: 2.5, bounds: {{age: [0, 100]}}}}\n"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pl.DataFrame({"id": range(1000), "age": [*range(50)] * 19 + [None] * 50}).write_parquet(tmp_path / "in.parquet")
    return tmp_path


def spent(folder: Path) -> list[float]:
    return pl.read_delta(f"{folder}/out{SUFFIX}")["epsilon"].to_list()


@pytest.mark.parametrize("engine", ENGINES)
def test_each_fit_spends_once_and_none_goes_over_the_budget(
    engine: str, start: Callable[[str], str], folder: Path
) -> None:
    start(engine)
    report = job.run(config(folder, engine))
    assert report.rows_written == 1000
    model = json.loads((folder / "out" / "_genspark" / "model.json").read_text())
    assert (model["privacy"]["epsilon"], model["privacy"]["statistics"]) == (1.0, 1)
    assert model["parameters"][0]["values"]["age"] == pytest.approx(24.5, abs=8)
    # Made already: nothing is learnt anew.
    job.run(config(folder, engine))
    job.run(config(folder, engine), force=True)
    assert spent(folder) == [1, 1]
    before = sorted(path.name for path in (folder / "out").rglob("*"))
    with pytest.raises(ConfigError, match=r"privacy.epsilon: 1 is more than the 0.5 that is left of the budget of 2.5"):
        job.run(config(folder, engine), force=True)
    assert sorted(path.name for path in (folder / "out").rglob("*")) == before
    assert spent(folder) == [1, 1]
    assert main(["release", f"{folder}/out", "count", "--epsilon", "0.5", "-q"]) == 0


def test_what_keeps_exact_statistics_is_refused_beside_it(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config(folder, epsilon=1, more="drift: {}\nrefit: update\n")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["drift", "refit"]
    with pytest.raises(ConfigError, match="privacy.*epsilon: 3 is more than the budget of 2.5"):
        config(folder, epsilon=3)
    with pytest.raises(PlanError, match="privacy: the exact statistics of each file would be kept"):
        job.fit_update(config(folder))
    assert not Path(f"{folder}/out{SUFFIX}").exists()


def test_a_fit_without_a_table_spends_from_the_table_that_it_is_for(folder: Path) -> None:
    model = job.fit(config(folder))
    assert model.parameters[0]["values"]["age"] == pytest.approx(24.5, abs=8)
    assert spent(folder) == [1]
    assert not (folder / "out" / "_delta_log").exists()


def test_a_fit_without_a_table_needs_no_budget(folder: Path) -> None:
    exact = config(folder).model_copy(update={"privacy": None})
    assert job.fit(exact).parameters[0]["values"]["age"] == pytest.approx(24.5)
    assert not Path(f"{folder}/out{SUFFIX}").exists()
