"""`genspark release`: noise of the size that epsilon asks for, and a budget that is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from genspark.cli import main
from genspark.errors import ConfigError
from genspark.sinks import epsilon as ledger
from genspark.statistics.noise import opendp
from genspark.tables import releasing
from genspark.tables.footers import silent
from genspark.tables.releasing import release
from genspark.tables.snapshot import read_snapshot

pytest.importorskip("opendp")
AGE = {"age": (0.0, 100.0)}


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = str(tmp_path / "table")
    ages = [*(float(i % 80) for i in range(400)), None, 1e9]
    pl.DataFrame({"age": ages, "name": ["x"] * 402}).write_delta(path)
    return path


def test_noise_is_laplaces_for_the_clamped_values(table: str) -> None:
    # Without missing values, and 1e9 clamped to 100: 401 values of sum 400 x 39.5 + 100.
    dp, values = opendp(), releasing._values(read_snapshot(table), "age", silent)
    sums = [releasing._sum(dp, values, 1.0, AGE["age"], 10)["value"] for _ in range(60)]
    # Sensitivity 100 by epsilon 1: the mean distance of Laplace's noise is its scale, 100.
    assert np.abs(np.array(sums) - 15_900).mean() == pytest.approx(100, rel=0.7)
    assert release(table, "count", 50.0, bounds={}, budget=1000)["value"] == 402
    told = release(table, "mean:age", 100.0, bounds=AGE)
    assert told["value"] == pytest.approx(15_900 / 401, abs=1)
    histogram = release(table, "histogram:age", 50.0, bounds=AGE, bins=5)
    assert histogram["edges"] == [0, 20, 40, 60, 80, 100]
    assert histogram["counts"] == [100, 100, 100, 100, 1]


def test_a_query_over_budget_is_refused_and_nothing_is_spent(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="--budget: say at the first release"):
        release(table, "count", 0.1, bounds={})
    command = ["release", table, "count", "--epsilon", "0.4", "-q"]
    assert main([*command, "--budget", "1"]) == 0
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "added or removed" in out
    assert "0.2 left" in out
    assert main(command) == 2
    assert "0.4 is more than the 0.2 that is left of the budget of 1; nothing was" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="has a budget of 1, which stays"):
        release(table, "count", 0.1, bounds={}, budget=5)
    assert release(table, "count", 0.2, bounds={})["left"] == 0
    spent = pl.read_delta(f"{table}{ledger.SUFFIX}")
    assert spent["epsilon"].sum() == pytest.approx(1)


def test_mistakes_spend_nothing(table: str) -> None:
    for query, epsilon, what in (
        ("median:age", 0.1, "--query: must be count, or one of sum, mean, histogram with a column"),
        ("mean:aeg", 0.1, "'aeg' is not a column of .*; did you mean 'age'"),
        ("mean:name", 0.1, "'name' is .*, and numbers are needed"),
        ("count", 0.0, "--epsilon: must be a number above 0"),
    ):
        with pytest.raises(ConfigError, match=what):
            release(table, query, epsilon, bounds=AGE, budget=1)
    with pytest.raises(ConfigError, match="--bounds: say between what age lies"):
        release(table, "mean:age", 0.1, bounds={}, budget=1)
    assert not Path(f"{table}{ledger.SUFFIX}").exists()
