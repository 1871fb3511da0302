"""A first look at data, and the job that is drafted: what it says is so, and it runs unchanged."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from genspark import job
from genspark.cli import main
from genspark.config import JobConfig
from genspark.drafting import Answers, Column, answers, draft, look, page, proposed
from genspark.drafting.advice import steps_for
from genspark.errors import SourceError
from genspark.storage import access

DATA = ("load_iris", "load_diabetes", "load_wine", "load_breast_cancer", "load_linnerud")


@pytest.fixture
def odd(tmp_path: Path) -> str:
    """A csv with a key, a tail, gaps, names, a constant, and a blank in a name."""
    chance = np.random.default_rng(0)
    rows = 2000
    frame = pl.DataFrame(
        {
            "user id": range(rows),
            "amount": chance.lognormal(0.0, 1.5, rows),
            "age": [None if at % 10 == 0 else float(value) for at, value in enumerate(chance.normal(40, 5, rows))],
            "city": chance.choice(["Bern", "Basel", "Zug"], rows, p=[0.6, 0.3, 0.1]),
            "one": ["x"] * rows,
            "gone": [None] * (rows - 1) + [1.0],
        }
    )
    frame.write_csv(tmp_path / "odd.csv", separator=";")
    return str(tmp_path / "odd.csv")


def test_a_look_tells_what_is_there(odd: str) -> None:
    seen = look([odd])
    assert (seen.source.format, dict(seen.source.options)) == ("csv", {"header": True, "sep": ";"})
    assert (seen.rows, seen.sampled) == (2000, 2000)
    columns: dict[str, Column] = {column.name: column for column in seen.columns}
    assert columns["user id"].is_unique
    frame = pl.read_csv(odd, separator=";")
    amount = frame["amount"].to_numpy()
    assert columns["amount"].quantiles == pytest.approx(np.quantile(amount, [0.05, 0.25, 0.5, 0.75, 0.95]).tolist())
    assert columns["amount"].mean == pytest.approx(amount.mean())
    assert columns["amount"].skew == pytest.approx(frame["amount"].skew())
    assert columns["age"].missing == 0.1
    told = dict(columns["city"].top)
    assert told["Bern"] == pytest.approx((frame["city"] == "Bern").mean())


def test_each_choice_follows_from_a_figure_and_says_so(odd: str) -> None:
    text = draft(look([odd]), Answers(target="out/odd"))
    config = JobConfig.from_text(text)
    kinds = [step.kind for step in config.steps]
    assert kinds == [
        "drop",
        "drop",
        "rename",
        "validate",
        "expect",
        "split",
        "impute",
        "transform",
        "scale",
        "encode",
    ]
    assert config.key == ("user id",)
    assert "# mostly missing: gone 100%" in text
    assert "# one value alone: one category" in text
    assert "skewed, so the mean does; missing: age 10.0%" in text
    assert "name: mean_often" in text
    assert re.search(r"so a power that is learnt; skew before and(\n  #)? after: amount", text)
    assert "# no rule for outliers where none lies so far out: amount" in text


@pytest.mark.parametrize("name", DATA)
def test_a_draft_of_known_data_runs_unchanged(tmp_path: Path, name: str) -> None:
    datasets: Any = pytest.importorskip("sklearn.datasets")
    frame = getattr(datasets, name)(as_frame=True).frame
    frame.to_csv(tmp_path / "data.csv", index=False)
    text = draft(look([str(tmp_path / "data.csv")]), Answers(target=str(tmp_path / "table")))
    report = job.run(JobConfig.from_text(text))
    assert report.rows_written == len(frame)


def test_a_person_tells_what_data_cannot(odd: str, tmp_path: Path) -> None:
    seen, told = look([odd]), []
    given = {
        "tell rows apart": ["usr id", "user id, city"],
        "label": ["amount, age", "amount"],
        "personal": ["city, age"],
    }

    def ask(question: str, default: str) -> str:
        for part, replies in given.items():
            if part in question:
                return replies.pop(0)
        return default

    known = answers(seen, proposed(seen, str(tmp_path / "table")), ask, told.append)
    assert known == Answers(("user id", "city"), "amount", ("city", "age"), str(tmp_path / "table"))
    assert told == ["'usr id' is not a column; did you mean 'user id'?", "one column at most"]
    text = draft(seen, known)
    # The key stays, though it is personal; the label is neither clipped nor scaled.
    assert "# personal data: age as you said" in text
    assert "- drop: {name: personal, columns: [age]}" in text
    assert "# personal data that stays in clear, as key or label: city as you said" in text
    config = JobConfig.from_text(text)
    assert config.key == ("user id", "city")
    report = job.run(config)
    assert report.rows_written == 2000
    table = pl.read_delta(str(tmp_path / "table")).sort("user_id")
    assert table["amount"].to_list() == pl.read_csv(odd, separator=";")["amount"].to_list()
    assert "age" not in table.columns


def test_a_column_is_left_out_once(tmp_path: Path) -> None:
    rows = pl.DataFrame({"id": range(40), "x": [1.5, 2.5] * 20, "mail": [None] * 30 + ["a@b.example"] * 10})
    rows.write_parquet(tmp_path / "rows.parquet")
    known = Answers(personal=("mail",), target=str(tmp_path / "table"))
    steps = list(steps_for(look([str(tmp_path / "rows.parquet")]), ["id"], known))
    assert [step.fields for step in steps if step.kind in ("drop", "pii")] == [{"columns": ["mail"]}]


def test_the_questions_on_a_terminal(odd: str, tmp_path: Path) -> None:
    """A pseudo-terminal, as a person has it: Enter four times, and - for no key."""
    conf, table = tmp_path / "job.yaml", str(tmp_path / "table")
    told = typed(["init", odd, "-o", str(conf), "--target", table], "-\namount\n\n\n")
    assert "Which columns tell rows apart" in told
    config = JobConfig.from_yaml(str(conf))
    assert (config.key, config.sink.path) == ((), table)
    assert typed(["init", odd, "-o", str(tmp_path / "other.yaml"), "--yes"], "").count("Which") == 0
    # Ctrl-D at the first question.
    told = typed(["init", odd, "-o", str(tmp_path / "none.yaml"), "-q"], "\x04", code=2)
    assert "the input ended before all questions were answered, and nothing is written" in " ".join(told.split())
    assert not (tmp_path / "none.yaml").exists()


def typed(arguments: list[str], text: str, code: int = 0) -> str:
    """What the command line prints on a terminal of its own where a text is typed, until it ends with a code."""
    master, slave = os.openpty()
    command = [sys.executable, "-m", "genspark.cli", *arguments]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, close_fds=True) as process:
        os.close(slave)
        os.write(master, text.encode())
        told = b""
        with contextlib.suppress(OSError):  # The end of a terminal that nobody holds any more.
            while piece := os.read(master, 1 << 16):
                told += piece
        os.close(master)
    assert process.returncode == code, told.decode()
    return told.decode()


def test_the_page_of_a_profile_needs_nothing_else(odd: str) -> None:
    text = page(look([odd]))
    assert text.count("<article") == 6
    assert "10.00% missing" in text
    assert not re.search(r"(?:src|href)=.(?!data:|#)", text)


def test_the_page_counts_the_columns_of_the_rows_themselves(tmp_path: Path) -> None:
    rows = pl.DataFrame({"_row_id": ["a"], **{f"c{at}": [[at]] for at in range(101)}})
    rows.write_parquet(tmp_path / "rows.parquet")
    assert "The first 100 of 101 columns are shown." in page(look([str(tmp_path / "rows.parquet")]))


def test_the_commands(odd: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf, table = tmp_path / "job.yaml", str(tmp_path / "table")
    assert main(["init", odd, "-o", str(conf), "--target", table, "-q"]) == 0
    assert main(["run", str(conf), "-q"]) == 0
    assert main(["init", odd, "-o", str(conf), "-q"]) == 2
    assert "is there already; name another file, or give --force" in capsys.readouterr().err
    assert main(["profile", odd, "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 2000
    assert main(["profile", odd, "--html", str(tmp_path / "page.html"), "-q"]) == 0
    assert "open it in a browser" in capsys.readouterr().out
    # A table may be looked at too, and its rules be taken over.
    assert main(["profile", table, "--rules", "-q"]) == 0
    assert "  - validate:" in capsys.readouterr().out


def test_the_source_of_a_job_is_reached_as_the_job_says(odd: str, tmp_path: Path) -> None:
    text = draft(look([odd]), Answers(target=str(tmp_path / "table")))
    (tmp_path / "job.yaml").write_text(f"{text}storage: {{s3: {{region: elsewhere}}}}\n")
    with access.replaced(access.Access()):
        assert main(["profile", str(tmp_path / "job.yaml"), "--json", "-q"]) == 0
        assert access.given().s3.region == "elsewhere"


def test_a_draft_has_the_storage_of_the_job_that_it_is_drafted_from(
    odd: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_SECRET", "nobody's business")
    storage = (
        "storage:\n  s3: {region: '${REGION:-elsewhere}', access_key: 'not for all', secret_key: '${THE_SECRET}'}\n"
        "  hdfs: {settings: {dfs.replication: '2'}}\n"
    )
    (tmp_path / "job.yaml").write_text(draft(look([odd]), Answers(target=str(tmp_path / "table"))) + storage)
    with access.replaced(access.Access()):
        assert main(["init", str(tmp_path / "job.yaml"), "-o", str(tmp_path / "drafted.yaml"), "-q"]) == 0
    text = (tmp_path / "drafted.yaml").read_text()
    assert not re.search("nobody|not for all", text)
    assert "where a secret stood there is a variable now" in text
    reached = JobConfig.from_text(text, env={"THE_SECRET": "one", "S3_ACCESS_KEY": "two"}).storage
    assert (reached.s3.region, reached.s3.access_key, reached.s3.secret_key) == ("elsewhere", "two", "one")
    assert reached.hdfs.settings == {"dfs.replication": "2"}


def test_rules_are_suggested_of_what_holds_and_the_data_keeps_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Passengers as Titanic's, with a ticket, a day, a note, and times that rise."""
    at = range(200)
    begin = dt.datetime(2024, 1, 1)
    rows = pl.DataFrame(
        {
            "id": at,
            "seen": [begin + dt.timedelta(minutes=3 * n) for n in at],
            "age": [None if n % 5 == 0 else 20.5 + n % 37 for n in at],
            "ticket": [f"PC {1000 + 7 * n}" for n in at],
            "zip": [f"{n * 311 % 100000:05}" for n in at],
            "day": [f"2024-01-{n % 28 + 1:02}" for n in at],
            "town": [["Cork", "Cherbourg", "Southampton"][n % 3] for n in at],
            "note": [f"passenger {'very ' * (n % 50)}tired, no {n}?!" * (1 + n % 2) for n in at],
        }
    )
    rows.write_parquet(tmp_path / "rows.parquet")
    assert main(["profile", f"{tmp_path}/rows.parquet", "--rules", "-q"]) == 0
    said = capsys.readouterr().out
    for line in (
        '{columns: ticket, matches: "^[A-Z]{2} [0-9]{4}$", level: warn}',
        '{columns: zip, matches: "^[0-9]{5}$", level: warn}',
        "{columns: day, type: date, level: warn}",
        "{columns: town, one_of: [",
        "{columns: note, length: [",
        "{columns: id, monotone: {along: seen}, level: warn}",
        "{columns: age, null_share: [0, 0.2], level: warn}",
        "{columns: [id, ticket, zip, note], unique: true}",
        "# missing: age 20.00%",
        "# matches: ticket 200 values, zip 200 values",
    ):
        assert line in said
    head = f"name: own\nengine: polars\nsource: {{path: {tmp_path}/rows.parquet, format: parquet}}\n"
    report = job.run(JobConfig.from_text(f"{head}steps:\n{said}sink: {{path: {tmp_path}/out}}\n"))
    assert (report.rows_written, report.findings) == (200, [])
    assert {count.values for count in report.counts} == {0}


def test_what_cannot_be_looked_at_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is nothing at"):
        look([str(tmp_path / "absent.csv")])
    (tmp_path / "data.xyz").write_text("1")
    with pytest.raises(SourceError, match="the name tells no format"):
        look([str(tmp_path / "data.xyz")])
    (tmp_path / "empty.csv").write_text("a,b\n")
    with pytest.raises(SourceError, match="there are no rows to look at"):
        look([str(tmp_path / "empty.csv")])
