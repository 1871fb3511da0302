"""`genspark drift`, against SciPy's distances and published formulas."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.spatial.distance import jensenshannon

from genspark import JobConfig, job
from genspark.cli import main
from genspark.pipeline import Pipeline
from genspark.pipeline.limits import Limits
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
    assert "'shifted' (1.063) moved beyond the stability index of 0.25" in capsys.readouterr().err
    assert main(["drift", new, "--against", old, "--columns", "same", "--schema", "stop"]) != 0
    assert "added since: 'added'; removed since: 'gone'; 'kind' was" in capsys.readouterr().err
    assert main(["drift", new, "--against", old, "--stop", "missing=0.05,unknown=0.3"]) != 0
    assert "'shifted' (0.100) moved beyond the change of the missing share of 0.05:" in capsys.readouterr().err
    assert main(["drift", new, "--against", old, "--stop", "k=0.05,ks=-1"]) == 2
    told = capsys.readouterr().err
    assert "--stop: 'k' is no measure; did you mean 'ks'?" in told
    assert "--stop: must be a number from 0 on; got -1" in told
    assert main(["drift", new, "--against", old, "--stop", "0.05"]) == 2
    assert "--stop: 0.05 is below --warn, 0.1; it would fail without a warning" in capsys.readouterr().err
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


def test_a_column_that_lost_its_values_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {"x": pl.Series([1.0, None, 3.0]), "name": pl.Series(["a", "b", "b"])}
    for name, frame in (("old", rows), ("new", {"x": pl.Series([None] * 3, dtype=pl.Float64), "name": rows["name"]})):
        pl.DataFrame(frame).write_delta(str(tmp_path / name))
    (one, _) = drift(str(tmp_path / "new"), str(tmp_path / "old"))["columns"]
    assert (one["column"], one["stability"], one["judged"]) == ("x", None, "other")
    assert one["lost"] == "no value is left to compare: all are missing"
    assert main(["drift", f"{tmp_path}/new", "--against", f"{tmp_path}/old", "--stop", "0.25"]) == 1
    assert "'x': no value is left to compare: all are missing" in capsys.readouterr().err


@pytest.mark.parametrize("bounds", ["ks", "jensen_shannon", "missing", "unknown"])
def test_each_measure_may_have_bounds(bounds: str, tables: tuple[str, str]) -> None:
    of = "name" if bounds == "unknown" else "shifted"
    for word, limits in (
        ("like", Limits({bounds: 0.9, "stability": 9.0})),
        ("moved", Limits({bounds: 0.05, "stability": 9.0})),
    ):
        (one,) = drift(*tables, (of,), limits)["columns"]
        assert one["judged"] == word
    (one,) = drift(*tables, (of,), Limits({"stability": 9.0}, {bounds: 0.05}))["columns"]
    assert one["judged"] == "other"


def test_states_tell_columns_that_were_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a table that a job wrote: its columns are held against those of the other table, or that the model makes."""
    rows = pl.DataFrame({"id": range(50), "v": [0.5 * n for n in range(50)], "w": [1, 2] * 25})
    for name, frame in (("old", rows), ("new", rows.drop("w").with_columns(u=1))):
        frame.write_parquet(tmp_path / f"{name}.parquet")
        job.run(
            JobConfig.from_text(
                f"{{name: {name}, engine: polars, key: [id], steps: [{{scale: {{columns: v}}}}], drift: {{warn: 0.1}}, "
                f"source: {{path: {tmp_path}/{name}.parquet, format: parquet}}, "
                f"sink: {{path: {tmp_path}/{name}, mode: overwrite}}}}"
            )
        )
    # A model of another job, of whose columns it keeps nothing: each is named, with the reason.
    Pipeline([Scale(columns=["x"])]).fit(pl.DataFrame({"x": [1.0]})).save(f"{tmp_path}/other.json")
    assert main(["drift", f"{tmp_path}/new", "--against", f"{tmp_path}/other.json", "--columns", "id", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["columns"] == []
    for against in ("old", "old/_genspark/model.json"):
        assert main(["drift", f"{tmp_path}/new", "--against", f"{tmp_path}/{against}", "--states", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)["schema"]
        assert told == {"added": ["u"], "removed": ["w"], "changed": {}}


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
