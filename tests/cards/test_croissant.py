"""The Croissant document beside a table, as mlcroissant reads it, and the Markdown that is made from it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from small_job import card_of, config, run

from genspark import JobConfig, job
from genspark.cards.croissant import CONFORMS_TO, RAI, figures
from genspark.cards.records import type_of
from genspark.cli import main
from genspark.storage.files import write_text


def dataset_of(document: dict[str, Any] | Path) -> Any:
    """The dataset that mlcroissant makes of a document; it is imported here, for that takes a second in every run."""
    import mlcroissant

    return mlcroissant.Dataset(document)


def checked(document: dict[str, Any]) -> Any:
    """The dataset that mlcroissant makes of the document, which it has nothing to say against."""
    dataset = dataset_of(document)
    issues = dataset.metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())
    return dataset


def test_mlcroissant_accepts_the_card_as_version_1_1(table: Path) -> None:
    document = card_of(table)
    assert document["conformsTo"] == [CONFORMS_TO, RAI]
    assert dataset_of(document).metadata.ctx.conforms_to.value == CONFORMS_TO
    checked(document)


@pytest.mark.parametrize("form", ["delta", "parquet"])
def test_mlcroissant_reads_the_rows_of_this_version_alone(tmp_path: Path, form: str) -> None:
    run(config(tmp_path, form))
    run(config(tmp_path, form))
    table = tmp_path / form
    shutil.copy(table / "_genspark/croissant.json", table)
    records = list(dataset_of(table / "croissant.json").records("rows"))
    read = sorted((int(r["rows/id"]), float(r["rows/amount"]), r["rows/split"].decode()) for r in records)
    rows = (
        pl.read_delta(str(table))
        if form == "delta"
        else pl.read_parquet(table / "split=*/*.parquet", hive_partitioning=True)
    )
    assert read == sorted(rows.select("id", "amount", "split").rows())


def test_a_column_tells_what_was_done_to_it(table: Path) -> None:
    rows = next(one for one in card_of(table)["recordSet"] if one["@id"] == "rows")
    told = {field["name"]: (field["dataType"], field["description"]) for field in rows["field"]}
    assert told["g"] == ("sc:Text", "As it was read.")
    assert told["split"] == ("sc:Text", "Drawn by the hash of id. 1. split fractions=train 0.8, test 0.2.")
    kind, amount = told["amount"]
    assert kind == "cr:Float64"
    assert amount.startswith("Made from v. 1. impute strategy=median indicator=True; values 29.25. 2. outliers ")
    assert "rows were taken out by it. 3. rename v to amount. 4. scale; maps [" in amount


def test_splits_rows_and_digest_are_those_of_the_table(table: Path) -> None:
    document, rows = card_of(table), pl.read_delta(str(table))
    parts = {part["parts_of_split/name"]: part for part in document["recordSet"][0]["data"]}
    counts = dict(rows.group_by("split").len().rows())
    assert {name: part["parts_of_split/rows"] for name, part in parts.items()} == counts
    assert parts["train"]["parts_of_split/url"] == "cr:TrainingSplit"
    told = figures(document)
    assert (told["rows"], told["rows read"], told["rows quarantined"]) == (len(rows), 40, 40 - len(rows))
    log = document["distribution"][0]
    assert log["sha256"] == hashlib.sha256((table / log["name"]).read_bytes()).hexdigest()
    (_, source) = document["prov:wasDerivedFrom"]
    shard = table.parent / "a.csv"
    assert (source["prov:label"], source["contentSize"]) == (f"file://{shard}", f"{shard.stat().st_size} B")


def test_what_was_found_is_told_in_the_vocabulary_of_responsible_use(tmp_path: Path) -> None:
    more = """
  collection: By hand.
  use_cases: [To try cards.]
  biases: [Of two letters alone.]
audit: {groups: g, floor: 1}
drift: {warn: 0.1}
"""
    run(config(tmp_path, more=more))
    shard = tmp_path / "a.csv"
    shard.write_text(shard.read_text() + "".join(f"{i},x,{i * 9}\n" for i in range(40, 80)))
    report, _ = run(config(tmp_path, more=more))
    document = card_of(tmp_path / "delta")
    told = checked(document).metadata
    assert told.data_collection == "By hand."
    assert told.data_use_cases == ["To try cards."]
    assert told.data_biases[0] == "Of two letters alone."
    assert any(line.startswith("g x: ") and "of the rows" in line for line in told.data_biases)
    assert any(line.startswith("Drift: 'v' ") for line in told.data_limitations)
    assert told.data_imputation_protocol.startswith('impute: {"columns": ["v"]')
    assert told.data_imputation_protocol.endswith("(filled 6)")
    assert f"(zscore {report.rows_quarantined})" in document["rai:dataManipulationProtocol"]


def test_any_name_of_a_column_is_an_id(tmp_path: Path) -> None:
    pl.DataFrame({"a/ü%": [[1.0, 2.0]], "token": ["x"]}).write_parquet(tmp_path / "a.parquet")
    sink = f"sink: {{path: {tmp_path}/out, format: parquet}}"
    run(JobConfig.from_text(f"name: odd\nsource: {{path: {tmp_path}/a.parquet, format: parquet}}\n{sink}"))
    document = card_of(tmp_path / "out")
    checked({**document, "license": "x", "citeAs": "x", "datePublished": "2026-01-01"})
    vector = next(field for field in document["recordSet"][0]["field"] if "isArray" in field)
    assert (vector["@id"], vector["isArray"], vector["arrayShape"]) == ("rows/a%2F%C3%BC%25", True, "-1")


def test_a_card_that_cannot_be_written_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: str, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("genspark.job.publishing.write_text", full)
    report, notes = run(config(tmp_path))
    assert report.rows_written == len(pl.read_delta(str(tmp_path / "delta")))
    assert (
        "the table is written, but not its card _genspark/croissant.json ([Errno 28] No space left on device)" in notes
    )
    assert not (tmp_path / "delta/_genspark/croissant.json").exists()


def test_the_card_is_markdown_with_front_matter(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", str(table)]) == 0
    card = capsys.readouterr().out
    _, head, body = card.split("---\n", 2)
    assert yaml.safe_load(head) == {
        "pretty_name": "small",
        "license": "cc-by-4.0",
        "tags": ["tiny", "genspark"],
        "size_categories": ["n<1K"],
    }
    sections = [line for line in body.splitlines() if line.startswith("## ")]
    assert sections == [
        "## Columns",
        "## Splits",
        "## How it was made",
        "## How to load it",
        "## Limits",
        "## Citation",
    ]
    code = body.split("```python\n")[1].partition("```")[0]
    found: dict[str, Any] = {}
    exec(code, found)
    assert len(found["rows"].collect()) == len(pl.read_delta(str(table)))


def test_a_card_says_that_the_table_went_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(config(tmp_path))
    before = json.dumps(card_of(tmp_path / "delta"))
    job.run(config(tmp_path, mode="append"), force=True)
    write_text(str(tmp_path / "delta/_genspark/croissant.json"), before)
    assert main(["card", str(tmp_path / "delta")]) == 0
    assert "The table has version 1 now: what follows is of version 0." in capsys.readouterr().out


def test_no_card_is_told_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", str(tmp_path)]) == 2
    assert "there is no card here (_genspark/croissant.json); correct the path" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("UInt8",), {"dataType": "cr:UInt8"}),
        (("Int32", "int"), {"dataType": "cr:Int32"}),
        (("List(Float32)", "array<float>"), {"dataType": "cr:Float32", "isArray": True, "arrayShape": "-1"}),
        (("Array(Int64, shape=(3,))",), {"dataType": "cr:Int64", "isArray": True, "arrayShape": "3"}),
        (
            ("List(List(String))", "array<array<string>>"),
            {"dataType": "sc:Text", "isArray": True, "arrayShape": "-1,-1"},
        ),
        (("Datetime(time_unit='us', time_zone='UTC')", "timestamp"), {"dataType": "sc:DateTime"}),
        (("Struct({'a': Int64})", "struct<a:bigint>", "Binary"), {"dataType": "sc:Text"}),
    ],
)
def test_types_have_croissants_names(names: tuple[str, ...], told: dict[str, Any]) -> None:
    assert [type_of(name, is_image=False) for name in names] == [told] * len(names)
