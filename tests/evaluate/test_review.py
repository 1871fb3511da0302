"""A review: a blinded and stratified sample, its sheets, and what comes back."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from genspark import cli
from genspark.errors import DataError
from genspark.evaluate import review
from genspark.evaluate.review.drawing import STRATUM, drawn


def png(shade: int) -> bytes:
    written = io.BytesIO()
    Image.new("L", (2, 2), shade).save(written, "PNG")
    return written.getvalue()


def rows(count: int, name: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "_row_id": range(7_654_000, 7_654_000 + count),
            "text": [f"=text {i} </script> of {name}" for i in range(count)],
            "picture": [png(i) for i in range(count)],
            "kind": ["rare" if i % 10 == 0 else "common" for i in range(count)],
        }
    )


def made(folder: Path, **options: Any) -> list[Any]:
    given = {"columns": ["text", "picture"], "by": "kind", "items": 21, "reviewers": ["ann", "bob", "cy"]}
    return review.make(rows(100, "a"), rows(90, "b"), str(folder), **{**given, **options})


def sheet(path: Path, verdicts: list[tuple[Any, ...]]) -> str:
    with path.open("w", newline="") as opened:
        csv.writer(opened).writerows([("item", "reviewer", "verdict", "quality"), *verdicts])
    return str(path)


def test_a_sample_is_stratified_seeded_and_blinded(tmp_path: Path) -> None:
    items = made(tmp_path / "one")
    assert sorted(item.side for item in items) == ["generated"] * 10 + ["real"] * 11
    assert sorted(item.stratum for item in items if item.side == "generated") == ["common"] * 5 + ["rare"] * 5
    assert {len(set(item.reviewers)) for item in items} == {2}
    assert made(tmp_path / "two") == items
    assert made(tmp_path / "three", seed=1) != items
    reviewers = tmp_path / "one" / "for_reviewers"
    told = [path.read_text() for path in reviewers.rglob("*") if path.suffix in (".csv", ".html", ".json", ".xml")]
    assert len(told) == 6
    assert not any(str(item.row_id) in text or str(item.sample_id) in text for item in items for text in told)
    sides = "".join(item.side[0] for item in items)
    assert sides not in ("r" * 11 + "g" * 10, "g" * 10 + "r" * 11), "mixed"


def test_what_reviewers_get_is_whole(tmp_path: Path) -> None:
    items = made(tmp_path / "r")
    folder = tmp_path / "r" / "for_reviewers"
    sheets = {who: list(csv.DictReader((folder / f"{who}.csv").open(newline=""))) for who in ("ann", "bob", "cy")}
    assert sorted(row["item"] for rows in sheets.values() for row in rows) == sorted(
        i.name for i in items for _ in "12"
    )
    first = sheets["ann"][0]
    assert first["shown: text"].startswith("'=text"), "no formula"
    assert (folder / first["shown: picture"]).read_bytes().startswith(b"\x89PNG")
    page = (folder / "review.html").read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    assert set(data["items"]) == {item.name for item in items}
    assert data["assigned"]["ann"] == [row["item"] for row in sheets["ann"]]
    assert not re.findall(r"""(?:src|href)=["']?(?:http|//)""", page), "works offline"
    tasks = json.loads((folder / "label_studio" / "tasks.json").read_text())
    assert tasks[0]["data"]["column_1"].startswith("data:image/png;base64,")
    assert '<Image name="column_1"' in (folder / "label_studio" / "config.xml").read_text()


def test_verdicts_come_back_with_their_rows(tmp_path: Path) -> None:
    items = made(tmp_path / "r", items=4, reviewers=["ann", "bob"], by=None)
    real, generated = ([item.name for item in items if item.side == side] for side in ("real", "generated"))
    by_ann = [(real[0], "ann", "real", 5), (real[1], "ann", "Real", ""), (generated[0], "ann", "real", 3)]
    ann = sheet(tmp_path / "ann.csv", [*by_ann, (generated[1], "ann", "", "")])
    results = [
        {"from_name": "verdict", "value": {"choices": ["generated"]}},
        {"from_name": "quality", "value": {"rating": 2}},
    ]
    tasks = [
        {"data": {"item": name}, "annotations": [{"completed_by": {"email": "bob"}, "result": results}]}
        for name in (real[0], generated[0], generated[1])
    ]
    (tmp_path / "bob.json").write_text(json.dumps(tasks))
    found = review.read(str(tmp_path / "r"), [ann, str(tmp_path / "bob.json")])
    assert found.scores["fooling_rate"].value == pytest.approx(1 / 3)
    assert found.scores["accuracy"].value == pytest.approx(4 / 6)
    # Two items with two verdicts each, all of which differ: observed 1, expected 2 * 2 * 2 / (4 * 3).
    assert found.scores["agreement"].value == pytest.approx(1 - 1 / (8 / 12))
    assert found.missing == 2
    table = found.verdicts.filter(pl.col("item") == generated[0]).row(0, named=True)
    assert table["taken_for_real"] == 0.5
    assert table["quality"] == 2.5
    assert table["_row_id"] == next(item.row_id for item in items if item.name == generated[0])


@pytest.mark.parametrize(
    ("verdicts", "message"),
    [
        ([("99", "ann", "real", "")], "sheet.csv, line 2: there is no item '99' in this review"),
        ([("1", "ann", "real", ""), ("1", "ann", "generated", "")], "line 3: 'ann' judged item 1 before, at .* line 2"),
        ([("1", "ann", "maybe", "")], "the verdict is 'maybe'; it is real or generated"),
        ([("1", "ann", "real", "9")], "the quality is '9', and goes from 1 to 5"),
        ([("1", "", "real", "")], "the reviewer's name is missing"),
        ([("1", "ann", "", "")], "nothing can be scored"),
    ],
)
def test_bad_sheets_are_told(tmp_path: Path, verdicts: list[tuple[Any, ...]], message: str) -> None:
    made(tmp_path / "r", items=4)
    with pytest.raises(DataError, match=message):
        review.read(str(tmp_path / "r"), [sheet(tmp_path / "sheet.csv", verdicts)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"items": 300}, "real has 100 distinct rows to draw 150 items from"),
        ({"each": 1}, "it needs two at least"),
        ({"reviewers": ["a/b", "c"]}, "leave out slashes"),
        ({"columns": ["txt"]}, "real has no column 'txt'; did you mean 'text'"),
        ({"items": 2}, "real has 2 strata of 'kind' for 1 items"),
    ],
)
def test_reviews_that_cannot_be_made(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        made(tmp_path / "r", **options)
    assert not (tmp_path / "r").exists()


def test_the_command_makes_and_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("real", "generated"):
        rows(40, name).write_delta(tmp_path / name)
    folder = str(tmp_path / "review")
    tables = [str(tmp_path / "real"), str(tmp_path / "generated")]
    assert cli.main(["review", "make", *tables, "--out", folder, "--columns", "text", "--items", "6"]) == 0
    given = [(str(i), "reviewer-1", "real", "4") for i in range(1, 7)]
    path = sheet(tmp_path / "s.csv", given)
    output = str(tmp_path / "verdicts.csv")
    capsys.readouterr()
    assert cli.main(["review", "read", folder, path, "--json", "-o", output]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["fooling_rate"] == {"value": 1.0, "interval": [1.0, 1.0], "n": 3}
    assert told["missing_verdicts"] == 6
    assert pl.read_csv(output).height == 6


def test_a_sample_is_the_same_under_any_partitioning(spark: Any) -> None:
    frame = rows(60, "a").drop("picture")
    there = spark.createDataFrame(frame.rows(), "_row_id long, text string, kind string").repartition(4)
    here, others = (drawn(each, ["text"], "kind", 10, 3, "real") for each in (frame, there))
    assert here.equals(others)
    assert here[STRATUM].to_list().count("rare") == 5
