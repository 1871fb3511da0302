"""Secrets are planted wherever a user could have them, and searched in all that jobs write and print."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from genspark import job
from genspark.cli import main
from genspark.config import JobConfig
from genspark.errors import ConfigError, GensparkError

SECRETS = {
    "user": "us3r-pa55word",
    "s3": "wJalr/XUtn+FEMI",
    "sas": "S4s%2FSigNaTure%3D",
    "option": "0pti0n-secret",
    "environment": "fr0m-the-environment",
    "session": "c0nf-secret",
}


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in the environment, under a name that says so."""
    monkeypatch.setenv("CATALOGUE_TOKEN", SECRETS["environment"])


@pytest.fixture
def leaks(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """The names of the secrets that were printed since it was asked last, or are in any file, and where."""

    def find() -> list[str]:
        captured = capfd.readouterr()
        texts = {"printed": captured.out + captured.err}
        texts.update({str(file): file.read_bytes().decode("latin-1") for file in written(tmp_path)})
        return [
            f"{name} in {place}" for place, text in texts.items() for name, value in SECRETS.items() if value in text
        ]

    return find


def written(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        yield from (Path(root, name) for name in names if name != "job.yaml")


def job_file(folder: Path, engine: str, **changed: str) -> str:
    (folder / "a.csv").write_text("id,v\n" + "".join(f"{i},{i * 1.5}\n" for i in range(30)) + "30,900\n31\n")
    parts = {"path": f"{folder}/a.csv", "options": "{header: true}", "out": f"{folder}/out", **changed}
    text = f"""
name: small
engine: {engine}
key: [id]
source: {{path: "{parts["path"]}", format: csv, options: {parts["options"]}}}
steps:
  - split: {{fractions: {{train: 0.5, test: 0.5}}}}
  - outliers: {{columns: v, action: quarantine}}
sink: {{path: "{parts["out"]}", mode: overwrite, partition_by: [split]}}
card: {{url: "https://ann:{SECRETS["user"]}@example.org/data", description: "Ask for ${{CATALOGUE_TOKEN}}."}}
lineage: {{openlineage: "{parts.get("events", f"{folder}/events.jsonl")}"}}
"""
    file = folder / "job.yaml"
    file.write_text(text)
    return str(file)


EVENTS = f"http://ann:{SECRETS['user']}@127.0.0.1:9/api?sig={SECRETS['sas']}"


@pytest.mark.parametrize("engine", ["polars", "spark"])
def test_a_job_that_succeeds_tells_no_secret(
    tmp_path: Path, engine: str, start: Callable[[str], str], leaks: Callable[[], list[str]], request: Any
) -> None:
    start(engine)
    options = "{header: true}"
    if engine == "spark":
        # Spark's readers take any option; what reads without Spark refuses one that it does not know.
        options = f"{{header: true, password: {SECRETS['option']}, sas.token: 'sig={SECRETS['sas']}'}}"
        conf = request.getfixturevalue("spark").conf
        conf.set("fs.s3a.secret.key", SECRETS["session"])
        request.addfinalizer(lambda: conf.unset("fs.s3a.secret.key"))
    file = job_file(tmp_path, engine, options=options, events=EVENTS)
    assert main(["plan", file]) == 0
    assert main(["run", file]) == 0
    assert main(["run", file, "--json", "--set", f"lineage.openlineage={tmp_path}/events.jsonl"]) == 0
    assert main(["fit", file, "--update"]) == 0
    for model in ([], ["--json"]):
        assert main(["inspect", f"{tmp_path}/out/_genspark/model.json", *model]) == 0
        assert main(["card", f"{tmp_path}/out", *model]) == 0
    assert (tmp_path / "events.jsonl").exists()
    assert (tmp_path / "out_quarantine/_delta_log").exists()
    assert leaks() == []


FAILURES = {
    "keys in the path of a store": {"path": f"s3://AKIA:{SECRETS['s3']}@bucket.invalid/a.csv"},
    "a password in a URI": {"path": f"hdfs://ann:{SECRETS['user']}@127.0.0.1:9/a.csv"},
    "a SAS token": {"path": f"abfss://box@account.invalid/a.csv?sv=2022&sig={SECRETS['sas']}"},
    "a SAS token of a table": {"out": f"abfss://box@account.invalid/t?sv=2022&sig={SECRETS['sas']}"},
    "keys in the path of a table": {"out": f"s3://AKIA:{SECRETS['s3']}@bucket.invalid/t"},
    "an option that is not known": {"options": f"{{header: true, password: {SECRETS['option']}}}"},
    "an option of a wrong type": {"options": f"{{header: true, password: [{SECRETS['option']}]}}"},
    "a value of the environment": {"path": "/nowhere/${CATALOGUE_TOKEN}.csv"},
}


@pytest.mark.parametrize("planted_at", FAILURES)
def test_a_job_that_fails_tells_no_secret(
    tmp_path: Path, planted_at: str, leaks: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    file = job_file(tmp_path, "polars", **FAILURES[planted_at])
    for command in (["run", file], ["run", file, "--json"], ["plan", file]):
        assert main(command) != 0 or command[0] == "plan"
    assert leaks() == []


def test_a_property_that_is_a_secret_is_refused_before_work() -> None:
    text = "name: a\nsource: {path: a, format: csv}\nsink: {path: b, properties: {fs.s3a.secret.key: x}}"
    with pytest.raises(ConfigError, match=r"sink\.properties: 'fs\.s3a\.secret\.key' looks like a secret"):
        JobConfig.from_text(text)


@pytest.mark.parametrize("engine", ["polars", "spark"])
def test_no_value_of_a_column_that_a_step_hides_is_in_an_error_or_the_ledger(
    engine: str, start: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(engine)
    monkeypatch.setenv("GENSPARK_PSEUDONYM_KEY", "a key of 16 characters")
    pl.DataFrame({"who": [4711, 12], "mail": ["ada@example.org", "b"]}).write_parquet(tmp_path / "a.parquet")
    bounded = "validate: {rules: [{columns: who, between: [0, 100], level: error}]}"
    for step in (bounded, "cast: {columns: {mail: int64}}"):
        conf = (
            f"name: people\nengine: {engine}\nsource: {{path: '{tmp_path}/a.parquet', format: parquet}}\n"
            f"steps:\n- {step}\n- pseudonymize: {{columns: [who, mail]}}\nsink: {{path: '{tmp_path}/out'}}\n"
        )
        with pytest.raises(GensparkError, match=r"\*\*\*"):
            job.run(JobConfig.from_text(conf))
    errors = pl.read_delta(f"{tmp_path}/out_runs")["error"].to_list()
    assert len(errors) == 2
    assert not any("4711" in error or "ada@" in error for error in errors)
