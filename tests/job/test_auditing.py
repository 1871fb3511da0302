"""A job's audit of groups that its steps take out, rename or change."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.cli import main
from genspark.errors import SchemaError
from genspark.job import ledger

SEX = ["f"] * 80 + ["m"] * 40 + [None] * 40
ROWS = pl.DataFrame({"sex": SEX, "v": [9] * 80 + [1] * 70 + [9] * 10})
TAKES_OUT = "validate: {rules: [{columns: v, between: [0, 5]}]}"


def run(folder: Path, more: str, *steps: str, sink: str = "delta") -> Any:
    ROWS.write_parquet(folder / "a.parquet")
    listed = "".join(f"  - {step}\n" for step in steps)
    text = f"""
name: audited
engine: polars
source: {{path: {folder}/a.parquet, format: parquet}}
steps:
{listed}
sink: {{path: {folder}/out, mode: overwrite, format: {sink}}}
audit: {{{more}}}
"""
    return job.run(JobConfig.from_text(text))


def by_group(bias: Any) -> dict[str, tuple[int, int | None, float | None]]:
    return {one["group"]: (one["rows"], one["quarantined"], one["quarantined_share"]) for one in bias["groups"]}


@pytest.mark.parametrize("sink", ["delta", "parquet"])
def test_groups_that_cleaning_took_out_are_told(tmp_path: Path, sink: str, capsys: pytest.CaptureFixture[str]) -> None:
    report = run(tmp_path, "groups: sex, reference: {f: 0.5, mm: 0.5}", TAKES_OUT, sink=sink)
    found = {"f": (0, 80, 1.0), "m": (40, 0, 0.0), "(missing)": (30, 10, 0.25), "mm": (0, 0, None)}
    assert by_group(report.bias) == found
    gone = next(one for one in report.bias["groups"] if one["group"] == "f")
    # scipy.stats.binomtest(0, 70).proportion_ci(method="wilson")
    assert (gone["share"], gone["share_interval"]) == (0.0, [0.0, pytest.approx(0.0520236, abs=1e-6)])
    lines = [value for label, value in report.lines() if label == "bias"]
    assert "sex f: 0.0% of the rows, of which 50.0% should be, 100.0% of its rows quarantined" in lines
    assert any("no row is of the group 'mm'; did you mean 'm'?" in line for line in lines)
    assert main(["audit", f"{tmp_path}/out", "--groups", "sex", "--reference", "mm=0.5"]) == 0
    said = capsys.readouterr().out
    assert "--reference: no row is of the group 'mm'; did you mean 'm'?" in said
    assert "f: validate v between 0 to 5" in said


def test_a_table_without_rows_tells_who_went(tmp_path: Path) -> None:
    report = run(tmp_path, "groups: sex", "validate: {rules: [{columns: v, between: [20, 30]}]}")
    assert by_group(report.bias) == {"f": (0, 80, 1.0), "m": (0, 40, 1.0), "(missing)": (0, 40, 1.0)}


def test_quarantined_rows_are_of_the_group_that_they_would_have_been(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    renamed = run(tmp_path, "groups: gender", TAKES_OUT, "rename: {columns: {sex: gender}}")
    assert by_group(renamed.bias)["f"] == (0, 80, 1.0)
    filled = run(tmp_path, "groups: sex", TAKES_OUT, "impute: {columns: sex, strategy: constant, value: x}")
    assert by_group(filled.bias) == {"m": (40, None, None), "x": (30, None, None)}
    why = "of which groups the quarantined rows are cannot be told: the step impute makes 'sex'"
    assert any(why in value for label, value in filled.lines() if label == "bias")
    assert main(["audit", f"{tmp_path}/out", "--groups", "sex"]) == 0
    assert why in capsys.readouterr().out
    page = tmp_path / "page.html"
    assert main(["report", f"{tmp_path}/out", "-o", str(page)]) == 0
    assert "the step impute makes" in page.read_text()


def test_an_outcome_that_cannot_be_counted_is_told_before_work_or_among_the_findings(tmp_path: Path) -> None:
    for more, said in (
        ("groups: v, label: sex", "audit.positive: say which outcome is counted; 'sex', the label, is text"),
        ("groups: sex, label: v, positive: m", "audit.positive: 'm' is no value of 'v', the label, which is Int64"),
    ):
        with pytest.raises(SchemaError, match=re.escape(said)):
            run(tmp_path, more, TAKES_OUT)
    assert not (tmp_path / "out").exists()
    report = run(tmp_path, "groups: v, label: sex, positive: Forth", TAKES_OUT)
    why = "audit: the groups of the table are not told (audit.positive: 'Forth' is no outcome; there are m)"
    assert (report.bias, report.findings) == (None, [why])
    assert ("found", why) in report.lines()
    assert json.loads(ledger.read(f"{tmp_path}/out_runs")["findings"][0]) == {"found": [why]}
    page = tmp_path / "page.html"
    assert main(["report", f"{tmp_path}/out", "-o", str(page)]) == 0
    assert "is no outcome; there are m" in page.read_text()


def test_records_that_could_not_be_read_are_of_no_group(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("g,v\na,1\na,2\nb,x\nb,3\n")
    text = f"""
name: audited
engine: polars
source: {{path: {tmp_path}/a.csv, format: csv, options: {{header: true}}, schema: 'g string, v int'}}
sink: {{path: {tmp_path}/out}}
audit: {{groups: g, floor: 1}}
"""
    report = job.run(JobConfig.from_text(text))
    assert report.rows_quarantined == 1
    assert by_group(report.bias) == {"a": (2, 0, 0.0), "b": (1, 0, 0.0)}
    assert report.bias["notes"] == ["quarantined rows or files that could not be read, and are of no group: 1"]
