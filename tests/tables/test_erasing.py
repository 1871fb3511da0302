"""`genspark erase`: a person's rows are gone from every file, and nothing else is."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.cli import main
from genspark.errors import ConfigError, DataError, SinkError
from genspark.job import states
from genspark.sinks import vault
from genspark.sinks.marks import Mark
from genspark.steps.deduplicate import members
from genspark.tables.erasing.erasure import erase
from genspark.tables.erasing.persons import Persons
from genspark.tables.erasing.searching import search
from genspark.tables.findings import findings
from genspark.tables.inspection import inspect

ADA = "ada@example.org"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name in "ab":
        users = [*(f"{name}{i}@example.org" for i in range(50)), ADA]
        rows = {"user": users, "n": range(51), "v": [*(float(i % 7) for i in range(50)), 3.0 if name == "a" else 900.0]}
        pl.DataFrame(rows).write_parquet(tmp_path / "in" / f"{name}.parquet")
    return tmp_path


def config(folder: Path, steps: str = "", more: str = "") -> JobConfig:
    # One row of Ada's is in the table, one in the quarantine.
    return JobConfig.from_text(
        f"name: people\nengine: polars\nkey: [user, n]\nsource: {{path: '{folder}/in', format: parquet}}\n"
        "steps:\n- validate: {rules: [{columns: v, between: [0, 100]}]}\n"
        f"- scale: {{columns: v}}\n{steps}"
        f"sink: {{path: '{folder}/out', mode: append, files_per_partition: 2}}\n{more}"
    )


def left(folder: Path, *values: str) -> list[str]:
    return list(search([str(folder / "out"), str(folder / "out_quarantine")], Persons({"user": values})).left)


def test_rows_go_from_table_quarantine_log_and_statistics_and_the_rest_stays(folder: Path) -> None:
    job.run(config(folder))
    job.fit(config(folder), update=True)
    before = pl.read_delta(str(folder / "out"))
    assert len(left(folder, ADA)) > 2
    told = erase(str(folder / "out"), {"user": [ADA]})
    assert (told.rows, told.quarantined, told.left) == (1, 1, [])
    assert told.deleted == 2
    assert told.searched is not None
    assert told.searched > 5
    assert left(folder, ADA) == []
    after = pl.read_delta(str(folder / "out"))
    assert after.sort("_row_id").equals(before.filter(pl.col("user") != ADA).sort("_row_id"))
    assert pl.read_delta(str(folder / "out_quarantine")).height == 0
    # Both files of the source had rows of hers: their states cannot forget a row, and are scanned again.
    kept = states.load(config(folder).statistics_path)
    assert told.states > 0
    assert kept.rows.height == 0
    seen = inspect(str(folder / "out"), footers=None, orders=None)
    assert [found.kind for found in findings(seen) if not found.is_advice] == []
    assert all(order.is_sorted for order in seen.orders.values())
    # The table knows still who made it: the run is done, and is not done again.
    assert job.run(config(folder)).already_done


def test_messages_of_the_ledger_forget_too(folder: Path) -> None:
    strict = "- validate: {rules: [{columns: n, between: [0, 49], level: error}]}\n"
    job.run(config(folder))
    with pytest.raises(DataError, match="column 'n' has the value 50.0"):
        job.run(config(folder, steps=strict, more="refit: full\n"), force=True)
    ledger = str(folder / "out_runs")
    assert pl.read_delta(ledger)["error"].str.contains("50.0").sum() == 1
    told = erase(str(folder / "out"), {"n": ["50"], "user": [ADA]})
    assert (told.messages, told.left) == (1, [])
    errors = pl.read_delta(ledger)["error"].drop_nulls().to_list()
    assert [error.count("***") for error in errors] == [1]
    assert not any("50.0" in error for error in errors)
    # What tells of the job itself stays, and is named.
    named = f"- filter: {{where: \"user <> '{ADA}'\"}}\n"
    job.run(config(folder, steps=named, more="refit: full\n"), force=True)
    assert any("out_runs" in path for path in erase(str(folder / "out"), {"user": [ADA]}).left)


def test_an_index_of_duplicates_forgets_too(folder: Path) -> None:
    job.run(config(folder, steps="- deduplicate: {columns: [user, n]}\n"))
    (index,) = (folder / "out" / "_genspark" / "duplicates").glob("*index*")
    known = pl.read_ipc(index.read_bytes())
    ids = pl.read_delta(str(folder / "out")).filter(pl.col("user") == ADA)["_row_id"].to_list()
    assert erase(str(folder / "out"), {"user": [ADA]}).indexed == len(ids) == 1
    assert pl.read_ipc(index.read_bytes()).equals(known.filter(~pl.col("key").is_in(ids)))


def test_a_list_of_duplicates_forgets_who_is_in_neither_table_nor_quarantine(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Bo says what Ada says, and goes; Cy is there twice, of which one goes.
    people = {"user": ["ada@example.org", "bob@example.org", *["cyd@example.org"] * 2], "n": [1, 2, 3, 3]}
    pl.DataFrame({**people, "v": ["a", "a", "c", "c"]}).write_parquet(folder / "people.parquet")
    asked = JobConfig.from_text(
        f"name: people\nengine: polars\nkey: user\nsource: {{path: '{folder}/people.parquet', format: parquet}}\n"
        "steps:\n- deduplicate: {columns: v, keep: {min: n}}\n"
        f"sink: {{path: '{folder}/out', mode: append}}\n"
    )
    with monkeypatch.context() as patched:
        patched.setattr(members, "MOST_INSIDE", 0)
        job.run(asked)
    (path,) = (folder / "out" / "_genspark" / "duplicates").glob("members*")
    before = pl.read_ipc(path.read_bytes()).sort("by_place")
    assert before["by_place"].to_list() == [False, True]
    told = erase(str(folder / "out"), {"user": ["bob@example.org", "nobody"]})
    assert (told.rows, told.indexed, told.hashed) == (0, 1, [])
    assert pl.read_ipc(path.read_bytes()).equals(before[1:])
    # The place of Cy's other row stays, without the number that the hash of the key makes.
    told = erase(str(folder / "out"), {"user": ["cyd@example.org"]})
    assert (told.rows, told.indexed, told.hashed) == (1, 1, [])
    assert pl.read_ipc(path.read_bytes()).equals(before[1:].with_columns(cluster=pl.lit(0)))
    # A model that holds the list itself is told: its digest stands in the table's commits.
    model = job.run(asked, force=True).model_sha256
    assert erase(str(folder / "out"), {"user": ["bob@example.org"]}).hashed == [
        f"{folder}/out/_genspark/models/{model}.json"
    ]


def test_a_vault_leads_to_pseudonyms_and_forgets_too(folder: Path) -> None:
    steps = f"- pseudonymize: {{columns: user, vault: '{folder}/vault'}}\n"
    job.run(config(folder, steps))
    (pseudonym,) = vault.read(str(folder / "vault")).filter(pl.col("original") == ADA)["pseudonym"]
    told = erase(str(folder / "out"), {"user": [ADA]}, from_vault=str(folder / "vault"))
    assert (told.rows, told.quarantined, told.pseudonyms, told.left) == (1, 1, 1, [])
    assert pseudonym not in pl.read_delta(str(folder / "out"))["user"]
    assert vault.read(str(folder / "vault")).filter(pl.col("original") == ADA).is_empty()
    assert vault.read(str(folder / "vault")).height == 100


def test_a_vault_forgets_when_no_other_file_tells(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENSPARK_PSEUDONYM_KEY", "0123456789abcdef")
    rides = pl.DataFrame({"user": [ADA, "b", "c"], "friend": ["b", ADA, "b"]})
    rides.write_parquet(folder / "rides.parquet")
    text = (
        f"name: rides\nengine: polars\nsource: {{path: '{folder}/rides.parquet', format: parquet}}\nsteps:\n"
        f"- pseudonymize: {{columns: [user, friend], vault: '{folder}/vault'}}\n"
        f"sink: {{path: '{folder}/rides', lineage: false}}\n"
    )
    job.run(JobConfig.from_text(text))
    clear = functools.partial(erase, str(folder / "rides"), from_vault=str(folder / "vault"))
    # She is a friend of others, too: without the vault's entry nothing would find her there.
    once = clear({"user": [ADA]})
    assert (once.rows, once.pseudonyms, len(once.left)) == (1, 0, 1)
    again = clear({"user": [ADA], "friend": [ADA]})
    assert (again.rows, again.pseudonyms, again.left) == (1, 1, [])
    assert pl.read_delta(str(folder / "rides")).height == 1


def test_what_is_left_is_told_and_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # A vocabulary of users is in the model, which cannot forget a word.
    job.run(config(folder, "- encode: {columns: user}\n"))
    path = str(folder / "out")
    with pytest.raises(ConfigError, match="'usr' is not a column of .*; did you mean 'user'"):
        erase(path, {"usr": [ADA]})
    assert main(["erase", path, "--key", f"user={ADA}", "-q"]) == 2
    assert "--yes: rows are erased for good" in capsys.readouterr().err
    assert main(["erase", path, "--key", "n=50", "--dry-run", "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 1
    assert main(["erase", path, "--key", f"user={ADA}", "--yes", "-q"]) == 1
    out, error = capsys.readouterr()
    assert "files tell of them still, such as" in error
    assert ADA not in out + error


def test_it_waits_for_no_run_and_finds_numbers_in_their_column(folder: Path) -> None:
    job.run(config(folder))
    mark = Mark(str(folder / "out"), "r", "k", is_new=False, quarantine="q", is_quarantine_new=False, model="m")
    mark.put()
    with pytest.raises(SinkError, match="is at work on it; erase when it has ended"):
        erase(str(folder / "out"), {"n": ["7"]})
    mark.remove()
    told = erase(str(folder / "out"), {"n": ["7"]})
    assert (told.rows, told.quarantined) == (2, 0)
    assert 7 not in pl.read_delta(str(folder / "out"))["n"]
    assert told.left == []
