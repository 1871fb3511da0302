"""`genspark privacy`: the measures of a table, which hold after the step anonymize has made it so."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from genspark.cli import main
from genspark.errors import ConfigError
from genspark.tables.anonymity import Wanted, measure
from genspark.tables.hiding import hidden_by

ROWS = pl.DataFrame(
    {
        "town": ["a", "a", "a", "b", "b", "b", "c", None, None],
        "age": [30.5, 30.5, 30.5, 40.0, 40.0, 40.0, 50.0, 30.5, 30.5],
        "pay": [3, 4, 5, 6, 8, 11, 7, 9, 10],
        "ill": ["x", "x", "x", "x", "y", "z", "y", None, "x"],
    }
)


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = str(tmp_path / "table")
    ROWS.write_delta(path, delta_write_options={"partition_by": ["town"], "target_file_size": 1})
    return path


def test_classes_are_counted_over_files_and_partitions_and_null_is_a_value(table: str) -> None:
    told = measure(table, Wanted(("town", "age"), "ill", k=3))
    assert (told["rows"], told["classes"], told["k"], told["unique"], told["at_risk"]) == (9, 4, 1, 1, 3)
    # "a" has one illness; of the classes alone "c" is the farthest from all: x 5, y 2, z 1, null 1 of 9.
    assert (told["l"], told["distance"]) == (1, "equal")
    assert told["t"] == pytest.approx(1 - 2 / 9)
    assert told["unmet"] == ["k is 1, and should be 3 or more"]
    # Numbers are ordered: the salaries of the paper on t-closeness, and its 0.375.
    of_pay = measure(table, Wanted(("town", "age"), "pay"))
    assert (of_pay["distance"], of_pay["l"]) == ("ordered", 1)
    assert of_pay["t"] == pytest.approx(0.375)


def test_it_fails_where_it_is_too_little_and_tells_no_value(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    goal = ["--quasi", "town,age", "--sensitive", "ill", "--k", "2", "--t", "0.9"]
    assert main(["privacy", table, *goal]) == 1
    out, error = capsys.readouterr()
    assert "k = 1: the smallest class" in out
    assert "k is 1, and should be 2 or more; the step anonymize makes it so" in error
    assert "30.5" not in out + error
    assert main(["privacy", table, "--quasi", "age,age", "--k", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unmet"] == []
    with pytest.raises(ConfigError, match="'aeg' is not a column of .*; did you mean 'age'"):
        measure(table, Wanted(("aeg",)))
    with pytest.raises(ConfigError, match="--sensitive: l and t are about its values"):
        measure(table, Wanted(("age",), l=2))


def test_a_job_makes_it_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = pl.DataFrame({"age": [i % 37 for i in range(200)], "town": [f"t{i % 7}" for i in range(200)]})
    rows = rows.with_columns(ill=pl.Series([f"i{i % 3}" for i in range(200)]))
    rows.write_parquet(tmp_path / "rows.parquet")
    job = (
        f"name: people\nengine: polars\nsource: {{path: '{tmp_path}/rows.parquet', format: parquet}}\n"
        "steps:\n- anonymize: {columns: {age: {bins: [5, 10, 20]}, town: {}}, k: 8, sensitive: ill, l: 3, t: 0.3}\n"
        f"sink: {{path: '{tmp_path}/out', lineage: false}}\n"
    )
    (tmp_path / "job.yaml").write_text(job, encoding="utf-8")
    assert main(["run", str(tmp_path / "job.yaml"), "-q"]) == 0
    assert "rows suppressed" in capsys.readouterr().out
    goal = ["--quasi", "age,town", "--sensitive", "ill", "--k", "8", "--l", "3", "--t", "0.3"]
    assert main(["privacy", str(tmp_path / "out"), *goal]) == 0
    counts = Counter(pl.read_delta(str(tmp_path / "out")).select("age", "town").iter_rows())
    assert min(counts.values()) >= 8
    # The model beside the table keeps no count of the rows as they were.
    model = json.loads((tmp_path / "out" / "_genspark" / "model.json").read_text(encoding="utf-8"))
    assert model["states"] == []
    assert main(["fit", str(tmp_path / "job.yaml"), "--update", "-q"]) == 2
    assert "what it learns from tells of single rows and is kept for no file" in capsys.readouterr().err


def test_samples_of_a_quarantine_do_not_show_what_steps_hide(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pl.DataFrame({"who": ["ada@example.org", "b"], "v": [900.0, 1.0]}).write_parquet(tmp_path / "rows.parquet")
    job = (
        f"name: people\nengine: polars\nsource: {{path: '{tmp_path}/rows.parquet', format: parquet}}\nsteps:\n"
        "- rename: {columns: {who: mail}}\n- validate: {rules: [{columns: v, between: [0, 9]}]}\n"
        f"- pii: {{columns: mail}}\nsink: {{path: '{tmp_path}/out'}}\n"
    )
    (tmp_path / "job.yaml").write_text(job, encoding="utf-8")
    assert main(["run", str(tmp_path / "job.yaml"), "-q"]) == 0
    for more in ([], ["--json"]):
        assert main(["quarantine", str(tmp_path / "out"), "-q", *more]) == 0
    out = capsys.readouterr().out
    assert "900" in out
    assert '"who": "***"' in out
    assert "ada@" not in out


def test_neither_report_nor_profile_shows_a_value_of_a_column_that_a_step_hides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mails = [f"{name}@example.org" for name in ("ada", "bob")] * 20
    rows = pl.DataFrame({"mail": mails, "note": [f"write to {mail}" for mail in mails], "v": range(40)})
    rows.write_parquet(tmp_path / "rows.parquet")
    job = (
        f"name: people\nengine: polars\nsource: {{path: '{tmp_path}/rows.parquet', format: parquet}}\nsteps:\n"
        f"- impute: {{columns: mail, strategy: mode}}\n- pii: {{columns: '*', action: flag}}\n"
        f"sink: {{path: '{tmp_path}/out'}}\n"
    )
    path = str(tmp_path / "job.yaml")
    Path(path).write_text(job, encoding="utf-8")
    assert main(["run", path, "-q"]) == 0
    assert main(["report", str(tmp_path / "out"), "-q", "-o", str(tmp_path / "report.html")]) == 0
    assert main(["inspect", str(tmp_path / "out" / "_genspark" / "model.json")]) == 0
    told = capsys.readouterr().out
    assert "pii: the model has in clear what impute learnt before of" in told
    for more in ([], ["--json"], ["--rules"], ["--html", str(tmp_path / "profile.html")]):
        assert main(["profile", path, "-q", *more]) == 0
    told += capsys.readouterr().out
    # A pattern of columns takes texts alone.
    assert "columns: v" in told
    pages = [(tmp_path / name).read_text(encoding="utf-8") for name in ("report.html", "profile.html")]
    cards = [
        file.read_text(encoding="utf-8")
        for file in (tmp_path / "out" / "_genspark").glob("*.*")
        if file.stem != "model"
    ]
    assert len(cards) >= 1
    assert "<td>***</td>" in pages[0]
    for text in (told, *pages, *cards):
        assert "@example" not in text


def test_a_column_is_hidden_through_every_name_that_it_had() -> None:
    steps = [
        {"rename": {"columns": {"mail": "m1"}}},
        {"rename": {"columns": {"m1": "m2"}}},
        {"pseudonymize": {"columns": "m2"}},
    ]
    assert hidden_by([{"steps": steps}]).masked({"mail": "ada@example.org", "n": 1}) == {"mail": "***", "n": 1}
