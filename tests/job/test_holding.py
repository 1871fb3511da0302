"""A job that holds its rows against others before it writes, and audits groups after."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.cli import main
from genspark.errors import ConfigError, DataError, ModelError, SchemaError
from genspark.job import ledger
from genspark.report.origin import Origin
from genspark.report.trust import trust_of

ROWS = 400


def write(folder: Path, shift: float, name: str = "a") -> None:
    values = pl.int_range(ROWS, eager=True)
    frame = pl.DataFrame({"id": values, "v": values * 0.01 + shift, "g": ["x", "y"] * 200, "y": [1, 0, 0, 0] * 100})
    frame.write_parquet(folder / f"{name}.parquet")


def config(
    folder: Path, drift: str, more: str = "", mode: str = "overwrite", steps: str = "scale: {columns: v}"
) -> JobConfig:
    return JobConfig.from_text(
        f"""
name: held
engine: polars
key: [id]
source: {{path: "{folder}/*.parquet", format: parquet}}
steps:
  - {steps}
sink: {{path: {folder}/out, mode: {mode}}}
drift: {{{drift}}}
{more}
"""
    )


def test_a_run_is_held_against_the_one_before_and_ends_before_it_writes(tmp_path: Path) -> None:
    write(tmp_path, 0.0)
    first = job.run(config(tmp_path, "stop: 0.25"))
    assert (first.drift, first.passes["fit"]) == (None, 1)
    write(tmp_path, 0.4)
    # Tenths of the rows moved by one: their shares were .1 each.
    warned = job.run(config(tmp_path, "warn: 0.001, columns: v"))
    assert warned.drift is not None
    assert [(one["column"], one["ks"]) for one in warned.drift["columns"]] == [("v", pytest.approx(0.1))]
    assert (warned.scans, warned.passes["fit"], warned.passes.get("drift")) == (1, 1, None)
    kept = json.loads(ledger.read(f"{tmp_path}/out_runs")["findings"][0])
    assert kept["drift"] == json.loads(json.dumps(warned.drift))
    assert any("'v'" in value for label, value in warned.lines() if label == "drift")
    write(tmp_path, 9.0)
    model = (tmp_path / "out/_genspark/model.json").read_text()
    with pytest.raises(
        DataError, match=r"drift.stop: held against model, 'v' \(\d.*raise `stop`, if.*nothing was written"
    ):
        job.run(config(tmp_path, "stop: 0.25"))
    assert (tmp_path / "out/_genspark/model.json").read_text() == model
    assert pl.read_delta(str(tmp_path / "out"), version=warned.table_version).height == ROWS
    runs = ledger.read(f"{tmp_path}/out_runs")
    assert runs["outcome"].to_list() == ["failed", "written", "written"]
    # What stopped the run is there in figures, too.
    moved = {one["column"]: one["judged"] for one in json.loads(runs["findings"][0])["drift"]["columns"]}
    assert moved == {"v": "other"}


def test_rows_that_nothing_is_learnt_from_take_one_scan(tmp_path: Path) -> None:
    write(tmp_path, 0.0)
    job.run(config(tmp_path, "stop: 1.0", mode="append"))
    write(tmp_path, 9.0, "b")
    with pytest.raises(DataError, match="drift.stop: held against model, 'v'"):
        job.run(config(tmp_path, "stop: 1.0", mode="append"))
    write(tmp_path, 0.0, "b")
    grown = job.run(config(tmp_path, "stop: 1.0", mode="append"))
    assert (grown.scans, grown.passes["drift"], grown.rows_written) == (0, 1, ROWS)
    assert grown.drift is not None
    assert {one["judged"] for one in grown.drift["columns"]} == {"like"}


def test_rows_are_held_against_a_table_or_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old").mkdir()
    write(tmp_path / "old", 0.0)
    write(tmp_path, 0.0)
    job.run(config(tmp_path / "old", "warn: 0.1"))
    pl.read_parquet(tmp_path / "a.parquet").write_delta(str(tmp_path / "plain"))
    for against in ("old/out", "old/out/_genspark/model.json", "plain"):
        told = job.run(config(tmp_path, f"against: {tmp_path}/{against}, stop: 0.25"), force=True).drift
        assert told is not None
        assert {one["column"]: one["stability"] for one in told["columns"]} == dict.fromkeys(["id", "v", "g", "y"], 0.0)
    assert main(["drift", f"{tmp_path}/out", "--against", f"{tmp_path}/old/out", "--states", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["column"]: one["judged"] for one in told["columns"]} == dict.fromkeys(["id", "v", "g", "y"], "like")
    assert main(["drift", f"{tmp_path}/plain", "--against", f"{tmp_path}/old/out/_genspark/model.json"]) == 0
    assert "version" in capsys.readouterr().out


def test_a_run_that_lost_values_or_columns_says_so_and_ends(tmp_path: Path) -> None:
    write(tmp_path, 0.0)
    job.run(config(tmp_path, "stop: 0.25"))
    shutil.copy(tmp_path / "out/_genspark/model.json", tmp_path / "whole.json")
    whole = pl.read_parquet(tmp_path / "a.parquet")
    whole.with_columns(v=pl.lit(None, dtype=pl.Float64)).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(
        DataError, match=r"'v': no value is left to compare: all are missing: look at .* name other `columns`, if"
    ):
        job.run(config(tmp_path, "stop: 0.25"))
    whole.clear().write_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"'id', 'v', 'g', 'y': no value is left to compare: there are no rows"):
        job.run(config(tmp_path, "stop: 0.25"))
    whole.drop("g").with_columns(z=1).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"added since: 'z'; removed since: 'g': .*set `schema` to warn, if"):
        job.run(config(tmp_path, "schema: stop, columns: v"))
    told = job.run(config(tmp_path, "schema: ignore"))
    assert not [value for label, value in told.lines() if label == "drift"]
    whole.with_columns(g=pl.lit("z")).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"'g' \(1.000\) moved beyond the share of unknown values of 0.5"):
        job.run(config(tmp_path, f"against: {tmp_path}/whole.json, stop: {{unknown: 0.5}}"))


def test_a_run_that_fails_tells_what_it_had_found(tmp_path: Path) -> None:
    write(tmp_path, 0.0)
    rules = "[{columns: v, mean: [5, 6], level: warn}, {columns: y, mean: [5, 6]}]"
    with pytest.raises(DataError, match="mean of 'y'"):
        job.run(config(tmp_path, "warn: 0.1", steps=f"expect: {{rules: {rules}}}"))
    (found,) = json.loads(ledger.read(f"{tmp_path}/out_runs")["findings"][0])["found"]
    assert found.startswith("expect: mean of 'v' is ")


def test_mistakes_are_told_before_work(tmp_path: Path) -> None:
    write(tmp_path, 0.0)
    with pytest.raises(ModelError, match="there is no model here"):
        job.run(config(tmp_path, f"against: {tmp_path}/absent.json"))
    with pytest.raises(SchemaError, match=r"drift.columns: 'w' is not a column"):
        job.run(config(tmp_path, "columns: w"))
    with pytest.raises(ConfigError, match=r"drift.stop: 0.05 is below warn, 0.1"):
        config(tmp_path, "stop: 0.05")
    with pytest.raises(SchemaError, match=r"audit.groups: 'h' is not a column of the table"):
        job.run(config(tmp_path, "warn: 0.1", "audit: {groups: h}"))
    with pytest.raises(SchemaError, match=r"audit.groups: 'v' is Float64"):
        job.run(config(tmp_path, "warn: 0.1", "audit: {groups: v}"))
    assert not (tmp_path / "out").exists()


def test_how_persons_hide_is_measured_without_a_step_for_it(tmp_path: Path) -> None:
    write(tmp_path, 0.0)
    report = job.run(config(tmp_path, "warn: 0.1", "card: {}\naudit: {quasi: [g, g], sensitive: y}"))
    # x has the labels 1 and 0 in turn, y has 0 alone: classes of 200 rows, one of a single label.
    assert report.privacy is not None
    assert (report.passes["audit"], report.bias, report.rows_dropped) == (1, None, 0)
    assert {name: report.privacy[name] for name in ("k", "l", "t", "unique")} == {
        "k": 200,
        "l": 1,
        "t": 0.25,
        "unique": 0,
    }
    (line,) = [value for label, value in report.lines() if label == "privacy"]
    assert line.startswith("rows share what others may know (g) in 2 classes: k 200, l 1 and t 0.250 of y;")
    assert json.loads(ledger.read(f"{tmp_path}/out_runs")["findings"][0])["privacy"] == report.privacy
    sections = trust_of(f"{tmp_path}/out", Origin.of(f"{tmp_path}/out"))["sections"]
    assert sections["privacy"]["found"] == [line]
    card = json.loads((tmp_path / "out/_genspark/croissant.json").read_text())
    assert card["rai:personalSensitiveInformation"] == [line]
    with pytest.raises(SchemaError, match=r"audit.quasi: 'h' is not a column of the table"):
        job.run(config(tmp_path, "warn: 0.1", "audit: {quasi: h}"), force=True)
    with pytest.raises(ConfigError, match=r"audit.sensitive: is measured within classes"):
        config(tmp_path, "warn: 0.1", "audit: {groups: g, sensitive: y}")


def test_groups_of_what_was_written_are_told_from_one_scan(tmp_path: Path) -> None:
    write(tmp_path, 0.0)
    report: Any = job.run(config(tmp_path, "warn: 0.1", "audit: {groups: g, label: y, reference: {x: 0.4}}"))
    # x has the labels 1 and 0 in turn, y has 0 alone.
    assert report.passes["audit"] == 1
    assert report.bias["fairness"] == {"demographic_parity_difference": 0.5, "demographic_parity_ratio": 0.0}
    lines = [value for label, value in report.lines() if label == "bias"]
    assert lines[0] == "g x: 50.0% of the rows, of which 40.0% should be, y 50.0%"
    assert json.loads(ledger.read(f"{tmp_path}/out_runs")["findings"][0])["bias"]["fairness"] == report.bias["fairness"]
