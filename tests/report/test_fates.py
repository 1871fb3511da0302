"""What each step did to each group, counted by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.cli import main
from genspark.errors import SourceError
from genspark.pipeline import Pipeline
from genspark.report.fates import fates_of, followed_by_group
from genspark.steps import Drop, Impute, Validate
from genspark.tables.audit import Asked, audit

ROWS = pl.DataFrame({"g": ["a"] * 4 + ["b"] * 5 + [None], "x": [1.0, None, None, 3.0, 1.0, None, 9.0, 9.5, 2.0, 2.0]})


def test_what_steps_did_is_counted_by_group() -> None:
    steps = [Validate(rules=[{"columns": "x", "between": [0, 5], "level": "drop"}]), Impute("x"), Drop("g")]
    told = followed_by_group(Pipeline(steps).fit(ROWS), ROWS, ["g"])
    assert (told["rows"], told["note"]) == (10, "")
    taken, filled = told["steps"]
    assert (taken["step"], taken["what"]) == ("validate", "x: between 0 to 5 (dropped)")
    assert taken["groups"] == {"b": {"count": 2, "share": 0.4}}
    assert (filled["step"], filled["what"]) == ("impute", "filled")
    assert filled["groups"] == {"a": {"count": 2, "share": 0.5}, "b": {"count": 1, "share": 0.2}}
    # The group without a value is no group of the text null.
    lacking = followed_by_group(Pipeline([Impute("g", strategy="constant", value="c")]).fit(ROWS), ROWS, ["g"])
    assert lacking["steps"][0]["groups"] == {"(missing)": {"count": 1, "share": 1.0}}
    with pytest.raises(SourceError, match="'h' is not a column of the source"):
        followed_by_group(Pipeline(steps).fit(ROWS), ROWS, ["h"])


def test_the_audit_of_a_jobs_table_tells_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ROWS.write_parquet(tmp_path / "a.parquet")
    conf = f"""
name: small
engine: polars
source: {{path: {tmp_path}/a.parquet, format: parquet}}
steps:
  - validate: {{rules: [{{columns: x, between: [0, 5]}}]}}
  - impute: {{columns: x}}
sink: {{path: {tmp_path}/out}}
"""
    job.run(JobConfig.from_text(conf))
    assert main(["audit", f"{tmp_path}/out", "--groups", "g", "--floor", "1"]) == 0
    said = capsys.readouterr().out
    assert "b: validate x between 0 to 5" in said
    assert "impute: filled, a" in said
    assert "2 (50.0%)" in said
    page = tmp_path / "page.html"
    more = "drift: {warn: 0.1}\naudit: {groups: g, floor: 1}"
    again = JobConfig.from_text(conf.replace("/out}", "/out, mode: overwrite}") + more)
    # The model of the run before has no profile yet.
    assert job.run(again).drift is None
    # Those that the first run quarantined went with its rows.
    assert sum(one["quarantined"] for one in audit(f"{tmp_path}/out", Asked(("g",)))["groups"]) == 2
    ROWS.with_columns(x=pl.lit(2.0)).write_parquet(tmp_path / "a.parquet")
    job.run(again)
    assert main(["report", f"{tmp_path}/out", "-o", str(page)]) == 0
    text = page.read_text()
    for place in ('id="quality"', 'id="moved"', 'id="bias"', "another distribution", "between 0 to 5"):
        assert place in text
    assert "built-in" not in text
    assert fates_of(f"{tmp_path}/absent", ["g"])["note"].startswith("what each step did to each group cannot be told")
