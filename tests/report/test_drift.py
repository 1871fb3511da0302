"""`genspark drift`, against SciPy's distances and published formulas."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.spatial.distance import jensenshannon

from genspark.cli import main
from genspark.pipeline import Pipeline
from genspark.report.drifting import drift
from genspark.statistics.distances import jensen_shannon, population_stability
from genspark.steps import Scale


@pytest.fixture
def tables(tmp_path: Path) -> tuple[str, str]:
    chance = np.random.default_rng(0)
    old = pl.DataFrame(
        {
            "same": chance.normal(size=4000),
            "shifted": chance.normal(size=4000),
            "name": chance.choice(["a", "b"], 4000),
            "gone": 1,
            "kind": chance.integers(0, 5, 4000),
        }
    )
    new = pl.DataFrame(
        {
            "same": chance.normal(size=4000),
            "shifted": [None] * 400 + chance.normal(1.0, size=3600).tolist(),
            "name": chance.choice(["a", "c"], 4000, p=[0.75, 0.25]),
            "added": 1,
            "kind": chance.integers(0, 5, 4000).astype(float),
        }
    )
    for name, frame in (("old", old), ("new", new)):
        frame.write_delta(str(tmp_path / name))
    return str(tmp_path / "new"), str(tmp_path / "old")


def test_distances_of_shares_are_the_published_ones() -> None:
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.4, 0.2])
    assert population_stability(p, q) == pytest.approx(0.0510826, abs=1e-7)
    assert jensen_shannon(p, q) == pytest.approx(0.0958432, abs=1e-7)
    assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2))
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0


def test_columns_that_moved_come_first_and_schemas_are_compared(tables: tuple[str, str]) -> None:
    told = drift(*tables)
    found = {one["column"]: one for one in told["columns"]}
    assert {name: one["judged"] for name, one in found.items()} == {
        "name": "other",
        "shifted": "other",
        "same": "like",
        "kind": "like",
    }
    # Two normal distributions one deviation apart: 2 Phi(1/2) - 1.
    assert found["shifted"]["ks"] == pytest.approx(0.3829, abs=0.03)
    assert (found["shifted"]["missing_before"], found["shifted"]["missing"]) == (0.0, 0.1)
    assert found["name"]["unknown"] == pytest.approx(0.25, abs=0.02)
    assert found["name"]["ks"] is None
    assert told["schema"]["added"] == ["added"]
    assert told["schema"]["removed"] == ["gone"]
    assert list(told["schema"]["changed"]) == ["kind"]


def test_the_command_fails_where_it_is_told_to_stop(
    tables: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    new, old = tables
    assert main(["drift", new, "--against", old]) == 0
    assert "columns removed: gone" in capsys.readouterr().out
    assert main(["drift", new, "--against", old, "--columns", "same", "--stop", "0.25", "--json"]) == 0
    assert [one["column"] for one in json.loads(capsys.readouterr().out)["columns"]] == ["same"]
    assert main(["drift", new, "--against", old, "--stop", "0.25"]) != 0
    assert "above the stability index of 0.25" in capsys.readouterr().err
    assert main(["drift", new, "--against", old, "--columns", "sme"]) == 2
    assert "did you mean 'same'" in capsys.readouterr().err


def test_the_command_tells_the_rows_that_it_has_read(
    tables: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, old = tables
    model = Pipeline([Scale(columns=["same"])], profile=("*",)).fit(pl.read_delta(old))
    model.save(str(tmp_path / "model.json"))
    # The rows of both tables; of the new one alone where a model tells of the others.
    for against, rows in ((old, 8000), (str(tmp_path / "model.json"), 4000)):
        assert main(["drift", new, "--against", against, "--log", "json"]) == 0
        events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert [(event["event"], event.get("rows")) for event in events] == [
            ("phase_started", None),
            ("phase_ended", rows),
        ]
    assert main(["drift", new, "--against", old, "-q"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--stop", "-1"], "--stop: must be a stability index above 0; got -1"),
        (["--warn", "0"], "--warn: must be a stability index above 0; got 0"),
        (["--stop", "0.05", "--warn", "0.1"], "--stop: 0.05 is below --warn, 0.1"),
    ],
)
def test_limits_are_held_to_what_a_job_holds_them_to(
    tables: tuple[str, str], capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    assert main(["drift", tables[0], "--against", tables[1], *given]) != 0
    assert said in capsys.readouterr().err


def test_a_column_that_is_named_twice_is_compared_once(
    tables: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["drift", tables[0], "--against", tables[1], "--columns", "same,same", "--json"]) == 0
    assert [one["column"] for one in json.loads(capsys.readouterr().out)["columns"]] == ["same"]
