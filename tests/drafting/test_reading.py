"""How a first look reads sources: formats, options and types that it finds, and what it refuses."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from genspark import job
from genspark.cli import main
from genspark.config import JobConfig
from genspark.drafting import Answers, draft, look
from genspark.drafting.kinds import source_of
from genspark.drafting.narrowing import words_of
from genspark.errors import ConfigError, SourceError


def written(path: Path, content: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def lines(head: str, row: str, rows: int = 100) -> str:
    return head + "".join(row.format(i=i, j=i % 7) for i in range(rows))


def ran(path: str, folder: Path) -> Any:
    """The report of the job that is drafted for a source, run unchanged."""
    text = draft(look([path]), Answers(target=str(folder / "table")))
    return job.run(JobConfig.from_text(text, sets=("engine=polars",)))


@pytest.mark.parametrize(
    ("name", "rows"), [("cifar10", 600), ("flights-200k.arrow", 200_000), ("taxis.csv", 6433), ("titanic.csv", 891)]
)
def test_a_draft_of_each_of_the_shared_data_runs_unchanged(data: Path, tmp_path: Path, name: str, rows: int) -> None:
    assert ran(str(data / name), tmp_path).rows_written == rows


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (lines(",a\n", "{i},{j}.5\n"), {"header": True}),
        (lines("country,2019,2020\n", "c{i},{i},{j}\n"), {"header": True}),
        (lines("id,,x\n", "{i},{j},0.5\n"), {"header": True}),
        (lines("", "{i},{j}.5,abc\n"), {"header": False}),
        (lines("x,u\n", "x,v\ny,u\n"), {"header": False}),
        (lines("day;price\n", "2024-01-0{j};{i},5\n"), {"header": True, "sep": ";"}),
        (lines("id|note\n", "{i}|a, b, c\n"), {"header": True, "sep": "|"}),
        (lines("id x\n", "{i} {j}\n"), {"header": True, "sep": " "}),
        (lines("# made by hand\nid,x\n", "{i},{j}\n"), {"header": True, "comment": "#"}),
        (lines("name;größe\n", "Jürg;{i}\n").encode("latin-1"), {"header": True, "sep": ";", "encoding": "iso-8859-1"}),
    ],
)
def test_how_csv_is_written_is_told_by_its_first_lines(
    tmp_path: Path, content: str | bytes, options: dict[str, Any]
) -> None:
    assert source_of([written(tmp_path / "a.csv", content)]).source.options == options


def test_records_that_cannot_be_read_are_in_no_figure(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", lines("a,b\n1,2\n3\n", "{i},{j}\n"))
    seen = look([path])
    assert (seen.rows, seen.unread.count, seen.columns[1].missing) == (101, 1, 0.0)
    assert (
        f"1 of 102 records cannot be read, and are in no figure; a job sets them aside in its quarantine: "
        f"record 2 of {path}: '3'" in seen.told
    )
    report = ran(path, tmp_path)
    assert (report.rows_written, report.rows_quarantined) == (101, 1)


def test_records_of_several_lines_are_read_as_such(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", lines("id,text\n", '{i},"one, {j}\ntwo"\n'))
    seen = look([path])
    assert (seen.rows, seen.unread.count, seen.source.options["multiLine"]) == (100, 0, True)
    assert "records go on over line ends inside of quotes" in seen.notes
    assert ran(path, tmp_path).rows_written == 100


@pytest.mark.parametrize(
    ("head", "schema", "options", "note"),
    [
        # The few texts are three of a hundred; a digit in one of them makes codes of all.
        ("id,x\n1,a few\n2,a few\n3,word\n", "id int, x bigint", {}, "x: 97.0% are numbers; the others, such as 'a"),
        ("id,x\n1,C2\n2,C3\n3,C4\n", "id int, x string", {}, None),
        ("id,x\n1,NA\n2,NA\n", "id int, x int", {"nullValue": "NA"}, "'NA' stands among the numbers of x"),
        ("id,x\n1,nan\n2,-inf\n", "id int, x double", {"nanValue": "nan", "negativeInf": "-inf"}, "'nan' is read as"),
    ],
)  # fmt: skip
def test_columns_of_numbers_with_a_few_words_are_numbers(
    tmp_path: Path, head: str, schema: str, options: dict[str, str], note: str | None
) -> None:
    path = written(tmp_path / "a.csv", lines(head, "{i},{j}\n", 97))
    seen = look([path])
    assert seen.source.schema_ == schema
    assert seen.source.options == {"header": True, **options}
    assert [one for one in seen.notes if note and one.startswith(note)] if note else not seen.notes
    text = draft(seen)
    assert f'  schema: "{schema}"' in text
    assert ran(path, tmp_path).rows_read == seen.rows + seen.unread.count


def test_numbers_that_are_written_otherwise_stay_text(tmp_path: Path) -> None:
    seen = look([written(tmp_path / "a.csv", lines("id;price;cost\n", "{i};{j},5;$1{j}.50\n"))])
    assert seen.source.schema_ == "id int, price string, cost string"
    assert [note.partition(";")[0] for note in seen.notes] == [
        "price is left as text: its numbers are written as 0,5",
        "cost is left as text: its numbers are written as $10.50",
    ]


def test_where_later_records_do_not_fit_the_first_types_they_are_wider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genspark.drafting.reading.SAMPLE", 50)
    seen = look([written(tmp_path / "a.csv", lines("id,x\n", "{i},{j}\n", 60) + lines("", "{i},word\n", 60))])
    assert (seen.source.schema_, seen.unread.count) == ("id int, x string", 0)


def test_files_that_hold_no_data_are_left_out(tmp_path: Path) -> None:
    written(tmp_path / "in" / "README.md", "about")
    written(tmp_path / "in" / "LICENSE", "free")
    written(tmp_path / "in" / "a.csv", lines("id,x\n", "{i},{j}\n"))
    told = source_of([str(tmp_path / "in")])
    assert told.source.options == {"header": True, "pathGlobFilter": "*.csv"}
    assert told.notes == ("left out, as no csv: LICENSE, README.md",)
    assert ran(str(tmp_path / "in"), tmp_path).rows_written == 100


def test_a_column_that_no_table_holds_is_left_out(tmp_path: Path) -> None:
    rows = pl.DataFrame({"id": range(50), "at": [dt.time(n % 24) for n in range(50)], "x": [0.5, 1.5] * 25})
    rows.write_parquet(tmp_path / "a.parquet")
    seen = look([str(tmp_path / "a.parquet")])
    assert [column.name for column in seen.columns] == ["id", "x"]
    assert "left out, as no table holds their type: at (Time); write them as another" in seen.told
    assert ran(str(tmp_path / "a.parquet"), tmp_path).rows_written == 50


def test_all_of_many_columns_are_looked_at(tmp_path: Path) -> None:
    rows = pl.DataFrame({**{f"f{at}": [0.5, 1.5] * 20 for at in range(120)}, "id": range(40), "a b": range(0, 80, 2)})
    rows.write_parquet(tmp_path / "a.parquet")
    config = JobConfig.from_text(draft(look([str(tmp_path / "a.parquet")])))
    assert config.key == ("id",)
    assert "rename" in [step.kind for step in config.steps]
    scaled = next(step.columns for step in config.steps if step.kind == "scale")
    assert {"f0", "f119"} <= set(scaled)
    assert ran(str(tmp_path / "a.parquet"), tmp_path).rows_written == 40


def test_names_of_a_source_that_the_draft_would_give_itself(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", lines("user id,user_id,split\n", "{i},{j},1{j}\n"))
    text = draft(look([path]), Answers(target=str(tmp_path / "table")))
    assert "- rename: {rule: snake_case, columns: {user id: user_id_2}}" in text
    assert "fit_on: {split_2: train}" in text
    assert job.run(JobConfig.from_text(text)).rows_written == 100
    # A table of genspark's own has its parts already.
    again = draft(look([written(tmp_path / "b.csv", lines("id,Split\n", "{i}1,train\n{i}2,test\n", 50))]))
    assert "# the parts are those of the source: test 50%, train 50%" in again
    assert "fit_on: {Split: train}" in again
    assert "- split" not in again


def test_a_draft_never_writes_over_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"id": range(20)}).write_delta("out/trips")
    config = JobConfig.from_text(draft(look(["out/trips"])))
    assert config.sink.path == "out/trips_prepared"
    with pytest.raises(ConfigError, match="--target: out/trips/in lies at what is read, out/trips"):
        draft(look(["out/trips"]), Answers(target="out/trips/in"))
    with pytest.raises(ConfigError, match="sink.path: is what the source reads, and would be written over"):
        JobConfig.from_text(draft(look(["out/trips"])), sets=(f"sink.path={tmp_path}/out/trips/",))


SINGLE = gzip.compress(lines("id,x\n", "{i},{j}\n").encode())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv.gz", b"\x00garbage" * 99, "a.csv.gz cannot be read (zlib inflate failed"),
        ("a.csv.gz", SINGLE[:-20], "a.csv.gz cannot be read (Truncated compressed stream); restore the file"),
        ("a.csv.zst", SINGLE, "a.csv.zst cannot be read (ZSTD decompress failed"),
        ("a.csv.bz2", SINGLE, "a.csv.bz2 cannot be read (bz2 decompress failed"),
        ("a.csv", lines("id,x\n", "{i},{j}\n").encode("utf-16"), "is UTF-16, which is not read; convert it"),
        ("a.csv", lines("id,x\n", "{i},{j}\n").encode("utf-16-le"), "is UTF-16, which is not read; convert it"),
        ("a.csv", SINGLE, "is no text, but bytes that no encoding reads"),
        ("a.csv", lines("a,b\n", '"{i}\n'), "records of"),
        ("a.json", '[{"a": 1}, {"a": 2}]', "is one array, and JSON lines are read"),
        ("a.png", b"no picture", "not an image that can be read"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str | bytes, message: str
) -> None:
    path = written(tmp_path / name, content)
    assert main(["init", path, "-o", str(tmp_path / "job.yaml"), "-q", "--yes", "--log", "json"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["exit_code"]) == ("error", 2)
    assert message in told["message"]
    assert path in told["message"]


def test_files_of_two_formats_are_named(tmp_path: Path) -> None:
    written(tmp_path / "a.csv", "a\n1\n")
    written(tmp_path / "b.jsonl", "{}\n")
    with pytest.raises(SourceError, match=r"holds csv \(a.csv\) and json \(b.jsonl\); name the files of one format"):
        look([str(tmp_path)])


@pytest.mark.parametrize("arguments", [["init", "-o"], ["profile", "--html"]])
def test_a_place_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    command, option = arguments
    path = written(tmp_path / "a.csv", lines("id,x\n", "{i},{j}\n"))
    assert main([command, path, option, f"{path}/file", "-q"]) == 2
    assert f"{option}: {path}/file cannot be written: " in capsys.readouterr().err


def test_a_profile_says_what_its_figures_are_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = pl.DataFrame(
        {
            "at": [dt.datetime(2024, 1, 1, 12) + dt.timedelta(days=n) for n in range(50)],
            "text": [f"a text of its own, {n:03}" for n in range(50)],
        }
    )
    rows.write_parquet(tmp_path / "a.parquet")
    assert main(["profile", str(tmp_path / "a.parquet"), "-q"]) == 0
    told = capsys.readouterr().out
    assert "String, by length" in told
    assert "2024-01-01 12:00" in told


def test_of_words_that_are_as_frequent_a_draft_always_names_the_same() -> None:
    values = pl.Series("n", [*map(str, range(200)), "NA", "n/a", "-", "?"])
    assert {words_of({"n": values})[0]["nullValue"] for _ in range(20)} == {"n/a"}
