"""The command line, its help and its exit codes; the demo and spark-submit as a user runs them."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import deltalake
import pytest
from rich.console import Console

import genspark
from genspark.cli import main
from genspark.config import json_schema
from genspark.terminal.console import print_pairs
from genspark.terminal.progress import ConsoleProgress

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ("run", "plan", "fit", "transform", "inspect", "diff", "card", "schema", "demo")


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text("id,v\n1,1.0\n2,\n3,3.0\n")
    path = tmp_path / "job.yaml"
    path.write_text(
        f"name: small\nsource: {{path: {tmp_path}/a.csv, format: csv}}\n"
        f"steps: [impute: {{columns: v}}, scale: {{columns: v}}]\nsink: {{path: {tmp_path}/table, mode: overwrite}}\n"
    )
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"example: genspark {command}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "program",
    ["import genspark", "import genspark.cli\ngenspark.cli.main(['run', '--help'])\nsys.modules.pop('pydantic', 0)"],
)
def test_help_and_the_bare_package_import_no_data_library(program: str) -> None:
    script = f"import sys\n{program}\nprint(sorted({{'numpy', 'polars', 'pyarrow', 'pydantic'}} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_public_names_come_when_they_are_asked_for() -> None:
    program = "import genspark; print(genspark.steps.Impute, genspark.job.run is genspark.run, genspark.session)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Impute" in ended.stdout
    assert "True" in ended.stdout
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = genspark.nothing


@pytest.mark.connect
def test_the_report_is_the_last_line_as_json(spark: Any, conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(conf), "--json"]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out.splitlines()[-1])
    wanted = {
        "rows_read": 3,
        "rows_written": 3,
        "rows_quarantined": 0,
        "rows_dropped": 0,
        "scans": 1,
        "engine": "spark",
        "table": str(conf.parent / "table"),
        "table_version": 0,
        "model": str(conf.parent / "table/_genspark/model.json"),
    }
    assert {name: report[name] for name in wanted} == wanted
    assert set(report["seconds"]) == {"session", "plan", "fit", "write", "total"}
    assert "fitting: scan 1 of 1 ..." in captured.err
    assert "writing the table: " in captured.err


def test_a_person_reads_a_table(spark: Any, conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "-q", str(conf)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    told = " ".join(captured.out.replace("│", " ").split())
    for part in ("rows written 3", "impute: filled 1 values", "scans to fit 1 (stage by stage: 2)"):
        assert part in told


def test_an_override_goes_before_the_file(spark: Any, conf: Path, tmp_path: Path) -> None:
    assert main(["run", "-q", str(conf), "--set", f"sink.path={tmp_path}/other"]) == 0
    assert len(deltalake.DeltaTable(str(tmp_path / "other")).file_uris()) >= 1
    assert not (tmp_path / "table").exists()


def test_progress_and_errors_as_lines_of_json(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(conf), "--log", "json", "--set", "engine=polars"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    ended = {line["phase"]: line for line in told if line["event"] == "phase_ended"}
    assert ended["fitting: scan 1 of 1"]["rows"] == ended["writing the table"]["rows"] == 3
    monkeypatch.setenv("GENSPARK_LOG", "json")
    assert main(["run", str(conf), "--set", "engine=polars", "--set", "steps[0].impute.columns=w"]) == 2
    last = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (last["event"], last["exit_code"]) == ("error", 2)
    assert "'w' is not a column" in last["message"]


@pytest.mark.parametrize(
    ("words", "what"),
    [("run", "'CONF'"), ("run x --nope", "--nope"), ("rnu", "'rnu'"), ("", "command"), ("plan none.yaml", "none.yaml")],
)
def test_a_wrong_usage_is_a_line_of_json_too(
    words: str, what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENSPARK_LOG", "json")
    assert main(words.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["exit_code"]) == ("error", 2)
    assert what in told["message"]


def test_the_option_log_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--log=json"]) == 2
    assert json.loads(capsys.readouterr().err)["message"] == "Missing argument 'CONF'."
    monkeypatch.setenv("GENSPARK_LOG", "json")
    assert main(["run", "--log", "text"]) == 2
    assert capsys.readouterr().err.startswith("Usage: genspark run")


@pytest.mark.parametrize(
    ("option", "meant"),
    [("--ovveride", "did you mean '--set'?"), ("--quite", "--quiet"), ("--zzz", "known: --set, --force")],
)
def test_a_misspelt_option_is_told_what_there_is(option: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "job.yaml", option, "--log", "json"]) == 2
    assert meant in json.loads(capsys.readouterr().err)["message"]


def test_lines_of_json_tell_the_share_that_is_done_and_the_time_left(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("genspark.terminal.progress._EVERY", 0)
    assert main(["run", str(conf), "--log", "json", "--set", "engine=polars"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    last = {line["phase"]: line for line in told if line["event"] == "progress"}
    for phase in ("fitting: scan 1 of 1", "writing the table"):
        assert (last[phase]["rows"], last[phase]["share"], last[phase]["seconds_left"]) == (3, 1, 0)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_and_options_are_completed(shell: str) -> None:
    asked = {"bash": {"COMP_WORDS": "genspark pro", "COMP_CWORD": "1"}}.get(
        shell, {"_TYPER_COMPLETE_ARGS": "genspark pro", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    )
    env = {**os.environ, **asked, "_GENSPARK_COMPLETE": f"complete_{shell}"}
    ended = subprocess.run([sys.executable, "-m", "genspark.cli"], env=env, capture_output=True, text=True)
    assert "profile" in ended.stdout
    assert "init" not in ended.stdout


def test_labels_and_values_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_pairs("job [red]", [("age [years]", "in [0, 1], of [bold]x[/y] :smile:")])
    told = capsys.readouterr().out
    assert all(text in told for text in ("job [red]", "age [years]", "in [0, 1], of [bold]x[/y] :smile:"))


def test_the_progress_on_a_terminal_heeds_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setenv("NO_COLOR", "1")
    progress = ConsoleProgress(Console(file=written, force_terminal=True, width=120))
    with progress.phase("reading"):
        progress.rows(5_000)
        progress.tasks(3, 4)
    assert re.search(r"reading .* 3/4 ", written.getvalue())
    assert re.search(r"reading: .* s, 5,000 rows, [\d,]+ a second", written.getvalue())
    # Neither a colour of the 16 nor of more.
    assert not re.search(r"\x1b\[[\d;]*(?:3[0-8]|9[0-7])m", written.getvalue())


def test_a_narrow_terminal_shows_the_share_of_the_rows_and_the_times() -> None:
    written = io.StringIO()
    progress = ConsoleProgress(Console(file=written, force_terminal=True, width=80, color_system=None))
    with progress.phase("reading the source once, for all passes"):
        progress.rows(1_234, 0.256)
    assert re.search(r"reading the source once, … .* 25%, 1,234 rows, [\d,]+/s 0:00:00 --:--", written.getvalue())


def test_plan_prints_scans_and_writes_nothing(spark: Any, conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(conf)]) == 0
    told = capsys.readouterr().out
    assert "Fit: 1 scan of the data; stage by stage it would be 2." in told
    assert "no scan for scale of v: missing values filled: a point mass merged in" in told
    assert not (conf.parent / "table").exists()


def test_fit_transform_and_inspect(spark: Any, conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "-q", str(conf)]) == 0
    assert main(["transform", "-q", str(conf)]) == 0
    capsys.readouterr()
    assert main(["inspect", str(conf.parent / "table/_genspark/model.json")]) == 0
    told = capsys.readouterr().out
    assert "1. impute columns=[v]" in told
    assert "v: 2" in told
    assert "imputed values of 'v' stay" in told


def test_schema_is_the_one_that_the_examples_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json_schema()
    stored = json.loads((ROOT / "conf" / "genspark.schema.json").read_text())
    assert stored == printed, "run: genspark schema -o conf/genspark.schema.json"
    for example in (ROOT / "conf").glob("*.yaml"):
        assert example.read_text().startswith("# yaml-language-server: $schema=genspark.schema.json\n")


def lines_of(command: list[str], where: Path, **env: str) -> tuple[int, list[str]]:
    ended = subprocess.run(
        command, cwd=where, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return ended.returncode, ended.stdout.splitlines()


@pytest.mark.slow
def test_the_demo_holds_what_it_filled_against_the_truth(tmp_path: Path) -> None:
    code, lines = lines_of([sys.executable, "-m", "genspark.cli", "demo", "--json", "-q"], tmp_path)
    assert code == 0, lines
    report = json.loads(lines[-1])
    assert (report["rows_read"], report["scans"], report["scans_stage_by_stage"]) == (1797, 2, 4)
    assert report["rows_written"] + report["rows_quarantined"] == 1797
    filled = next(count["values"] for count in report["counts"] if count["what"] == "filled")
    assert report["pixels erased"].startswith(f"{filled:,} of 115,008")
    assert report["error of filling"].startswith("RMSE 4.")
    # Nothing else is left where it ran.
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


QUICK = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.shuffle.partitions": "1",
    "spark.ui.enabled": "false",
}
"""Settings for a job of three rows, which compiling and empty tasks would make ten times as long."""


def submitted(conf: Path, *options: str) -> list[str]:
    submit = str(Path(sys.executable).with_name("spark-submit"))
    settings = [part for name, value in QUICK.items() for part in ("--conf", f"{name}={value}")]
    return [submit, "--master", "local[2]", *settings, str(ROOT / "jobs" / "preprocess.py"), str(conf), *options]


@pytest.mark.slow
def test_a_job_runs_by_plain_spark_submit(conf: Path, tmp_path: Path) -> None:
    code, lines = lines_of(submitted(conf, "--json", "-q"), tmp_path, PYSPARK_PYTHON=sys.executable)
    assert code == 0, lines
    (report,) = (json.loads(line) for line in lines if line.startswith('{"name"'))
    assert report["rows_written"] == 3
    assert len(deltalake.DeltaTable(str(tmp_path / "table")).file_uris()) >= 1


@pytest.mark.slow
@pytest.mark.exhaustive
def test_spark_submit_ends_with_the_code_of_the_mistake(conf: Path, tmp_path: Path) -> None:
    conf.write_text(conf.read_text().replace("columns: v}]", "columns: w}]"))
    code, lines = lines_of(submitted(conf, "-q"), tmp_path, PYSPARK_PYTHON=sys.executable)
    assert code == 2
    assert any("steps[1].scale.columns: 'w' is not a column" in line for line in lines)
