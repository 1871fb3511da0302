"""What a run counts of its rules: each by its column and its level, on every engine, wherever it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.cards.reading import CROISSANT
from genspark.cli import main
from genspark.job import ledger
from genspark.job.report import Count

RULES = """
      rules:
        - {columns: a, not_null: true, level: warn}
        - {columns: b, not_null: true}
        - {columns: b, between: [0, 5], level: drop}
        - {columns: b, between: [2, 9], level: warn}
"""


@pytest.mark.parametrize("engine", ["polars", "spark", "tasks"])
def test_rules_are_counted_apart(
    tmp_path: Path, start: Callable[[str], str], engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pl.DataFrame({"a": [None, None, 1, 1, 1], "b": [3, 1, None, 7, 4], "c": [1.0, None, 2.0, 3.0, 4.0]})
    rows.write_parquet(tmp_path / "a.parquet")
    text = f"""
name: counted
engine: {start(engine)}
source: {{path: {tmp_path}/a.parquet, format: parquet}}
steps:
  - validate:{RULES}
  - impute: {{columns: c}}
sink: {{path: {tmp_path}/out}}
"""
    report = job.run(JobConfig.from_text(text))
    assert list(report.counts) == [
        Count("validate", "not null", 2, "a", "warn"),
        Count("validate", "between 2 to 9", 1, "b", "warn"),
        Count("validate", "not null", 1, "b", "quarantine"),
        Count("validate", "between 0 to 5", 1, "b", "drop"),
        Count("impute", "filled", 1),
    ]
    assert ("validate: a: not null (warn)", "2 values") in report.lines()
    told = json.loads(ledger.read(f"{tmp_path}/out_runs")["counts"][0])
    assert told == report.to_json()["counts"]
    assert told[0] == {"step": "validate", "what": "not null", "values": 2, "column": "a", "level": "warn"}
    # As earlier runs have it.
    assert told[-1] == {"step": "impute", "what": "filled", "values": 1}
    card = json.loads((tmp_path / "out" / CROISSANT).read_text())
    assert "b: not null (quarantine) 1" in card["rai:dataManipulationProtocol"]
    page = tmp_path / "page.html"
    assert main(["report", f"{tmp_path}/out", "-o", str(page)]) == 0
    capsys.readouterr()
    assert '<td>a: not null</td><td>warn</td><td class="number">2</td>' in page.read_text()
