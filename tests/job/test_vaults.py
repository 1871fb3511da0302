"""Vaults: what pseudonyms stand for is kept once, apart, and can be brought back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import deltalake
import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.cli import main
from genspark.errors import ConfigError, SinkError, TargetError
from genspark.sinks import vault

ENGINES = ["polars", *(pytest.param(name, marks=pytest.mark.exhaustive) for name in ("spark", "spark-polars"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    write(tmp_path, "a", ["Ada", "bob", None, "eve"], [1.0, 2.0, 3.0, 99.0])
    return tmp_path


def write(folder: Path, name: str, users: list[str | None], values: list[float]) -> None:
    rows = pl.DataFrame({"user": users, "friend": users[::-1], "v": values})
    rows.write_parquet(folder / "in" / f"{name}.parquet")


def config(folder: Path, engine: str = "polars", keep: str = "vault", more: str = "") -> JobConfig:
    # Names are lowered before: the vault keeps what the step saw, of rows that reach it.
    return JobConfig.from_text(
        f"name: people\nengine: {engine}\nsource: {{path: '{folder}/in', format: parquet}}\n"
        "steps:\n- filter: {where: v < 50}\n- rename: {columns: {user: person}}\n"
        f"- pseudonymize: {{columns: [person, friend], vault: '{folder}/{keep}'}}\n"
        f"sink: {{path: '{folder}/out', mode: append, lineage: false}}\n{more}"
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_vault_is_a_set_whatever_runs_and_it_brings_originals_back(
    engine: str, start: Callable[[str], str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(engine)
    report = job.run(config(folder, engine))
    assert (report.rows_written, report.passes["vault"]) == (3, 1)
    # "eve" is a friend of a row that stays.
    assert kept(folder) == ["Ada", "bob", "eve"]
    job.run(config(folder, engine), force=True)
    write(folder, "b", ["bob", "zoe"], [1.0, 2.0])
    job.run(config(folder, engine))
    assert kept(folder) == ["Ada", "bob", "eve", "zoe"]
    table, output = str(folder / "out"), str(folder / "revealed.parquet")
    told = ["reveal", table, "--vault", str(folder / "vault"), "--columns", "person,friend", "-o", output, "--json"]
    assert main(told) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {
        "table": table,
        "output": output,
        "rows": 8,
        "unknown": 0,
    }
    revealed = pl.read_parquet(output).sort("v", "person", nulls_last=True)
    assert revealed["person"].to_list() == ["Ada", "Ada", "bob", "bob", "bob", "zoe", None, None]
    # No model, log or list beside the vault has a name of the rows.
    texts = [path.read_text(encoding="utf-8") for path in (folder / "out").rglob("*.json")]
    assert len(texts) > 2
    assert not any("Ada" in text or "zoe" in text for text in texts)


def test_a_run_that_fails_and_is_made_again_adds_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = vault.add

    def killed(*arguments: object) -> int:
        whole(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(vault, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        job.run(config(folder))
    monkeypatch.undo()
    assert job.run(config(folder)).rows_written == 3
    assert kept(folder) == ["Ada", "bob", "eve"]
    # Another came first: what it added is found, and nothing is there twice.
    entries = vault.read(str(folder / "vault")).select(vault.ENTRY.names())
    more = pl.DataFrame([("p", "new", "", "k")], schema=vault.ENTRY, orient="row")
    assert vault.add(str(folder / "vault"), pl.concat([entries, more, more]), {}) == 1
    assert vault.add(str(folder / "vault"), more, {}) == 0
    with pytest.raises(SinkError, match="1 pseudonyms would stand for two values"):
        vault.add(str(folder / "vault"), more.with_columns(original=pl.lit("other")), {})


def test_a_vault_stays_out_of_tables_and_logs(folder: Path) -> None:
    for keep in ("out", "out/vault", "out_quarantine/vault"):
        with pytest.raises(
            ConfigError, match="is in the folder of (sink|quarantine).path; keep it where nobody trains"
        ):
            job.run(config(folder, keep=keep))
    job.run(config(folder))
    log = (folder / "vault" / "_delta_log" / f"{0:020}.json").read_text(encoding="utf-8")
    assert "Ada" not in log
    deltalake.write_deltalake(str(folder / "other"), pl.DataFrame({"x": [1]}))
    with pytest.raises(TargetError, match="is a table, but not a vault"):
        vault.read(str(folder / "other"))
    with pytest.raises(TargetError, match="there is no vault at"):
        vault.read(str(folder / "none"))


def kept(folder: Path) -> list[str]:
    return sorted(vault.read(str(folder / "vault"))["original"])
