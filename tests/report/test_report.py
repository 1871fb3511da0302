"""The page: whole, offline, safe from what tables hold, and true to them."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from genspark import cli, evaluate, job
from genspark.config import JobConfig
from genspark.errors import DataError, GensparkError, SourceError
from genspark.pages import _templates
from genspark.pipeline import Pipeline
from genspark.report import making, report
from genspark.report.steps import followed
from genspark.steps import Impute, Outliers, Scale
from genspark.tables.runs import runs_of

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Tags must close in order; what is kept are elements with their attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def png(shade: int) -> bytes:
    written = io.BytesIO()
    Image.new("L", (300, 200), shade).save(written, "PNG")
    return written.getvalue()


def rows(count: int, shift: float = 0.0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "amount": [None if i % 10 == 0 else i + shift for i in range(count)],
            "<b>kind": ["a$b", "</script><script>alert(1)</script>", "c"] * (count // 3),
            "text": [f"Text {i} & <i>more</i>" for i in range(count)],
            "image": [png(i % 256) if i else b"no image" for i in range(count)],
            "vector": [[1.0, 2.0]] * count,
        }
    )


@pytest.fixture
def tables(tmp_path: Path) -> tuple[str, str]:
    for name, shift in (("one", 0.0), ("two", 100.0)):
        rows(60, shift).write_delta(tmp_path / name)
    return str(tmp_path / "one"), str(tmp_path / "two")


def test_a_report_of_two_tables(tables: tuple[str, str], tmp_path: Path) -> None:
    output = tmp_path / "r.html"
    score = evaluate.ks_distance(rows(60), rows(60, 100.0), column="amount")
    size = report(tables[0], str(output), against=tables[1], scores=[score])
    text = output.read_text()
    page = Page(text)
    assert size == len(text.encode()) < making.MOST_BYTES
    # Offline: nothing is fetched, and nothing runs.
    assert all(
        not (value or "").startswith(("http", "//", "file"))
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "data", "action")
    )
    assert not [tag for tag, _ in page.elements if tag in ("script", "b", "i", "link", "iframe")]
    assert "</script><script>alert(1)</script>" in page.text
    # Text alternatives for every picture, and links to sections that are there.
    pictures = [attributes for tag, attributes in page.elements if tag == "img"]
    assert len(pictures) == 46, "24 of each, of which one of each is no image"
    assert all(attributes["alt"] for attributes in pictures)
    drawn = [attributes for _, attributes in page.elements if attributes.get("role") == "img"]
    assert len(drawn) == len([tag for tag, _ in page.elements if tag == "svg"]) == 3
    assert all(attributes["aria-label"] for attributes in drawn)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert {link[1:] for link in links if link} <= set(ids)
    assert re.search(r"ks distance\s*1?", page.text)
    assert re.search(r"amount\s*1\.000", page.text), "no bin is shared"
    assert "1 values are no images" in page.text
    assert not re.findall(r"#0[1-4]0[1-4]0[1-4]", text), "every ink is the page's"


def test_images_are_ranked_and_shown_with_their_neighbours(tmp_path: Path) -> None:
    def table(name: str, features: list[list[float]]) -> str:
        count = len(features)
        told = {"i": [png(i) for i in range(count)], "score": [float(i) for i in range(count)], "f": features}
        pl.DataFrame(told).write_delta(tmp_path / name)
        return str(tmp_path / name)

    one = table("one", [[0.0, 0.0], [10.0, 0.0]])
    two = table("two", [[9.0, 0.0], [0.0, 3.0], [0.0, 4.0]])
    output = str(tmp_path / "r.html")
    report(one, output, against=two, by="score", features="f")
    alts = [attributes["alt"] or "" for tag, attributes in Page(Path(output).read_text()).elements if tag == "img"]
    ranked = [alt.rpartition(", ")[2] for alt in alts if "score" in alt]
    assert ranked == ["score 1", "score 0", "score 0", "score 1"]
    apart = [alt.rpartition(", ")[2] for alt in alts if "distance" in alt]
    assert apart == ["distance 3", "distance 4", "distance 9", "distance 1", "distance 10.44", "distance 10.77"]
    for options, message in (
        ({"by": "scor"}, "one has no column 'scor'; did you mean 'score'"),
        ({"by": "f"}, "images are ranked by numbers"),
        ({"features": "f"}, "neighbours are of another table"),
    ):
        with pytest.raises(DataError, match=message):
            report(one, output, **options)


def test_the_newest_scores_of_a_ledger_are_shown(tables: tuple[str, str], tmp_path: Path) -> None:
    rows = [
        (dt.datetime(2026, 1, day, tzinfo=dt.UTC), "ks_distance", "{}", value, 0.1, 0.2, 50, told, ["too few"])
        for day, value, told in (
            (2, 0.125, '{"column": "x"}'),
            (1, 0.98765, '{"column": "x"}'),
            (1, 0.5, '{"column": "y"}'),
        )
    ]
    names = ["started", "metric", "slice", "value", "low", "high", "n", "signature", "warnings"]
    pl.DataFrame(rows, schema=names, orient="row").write_delta(tmp_path / "scores")
    report(tables[0], str(tmp_path / "r.html"), ledger=str(tmp_path / "scores"))
    words = re.sub(r"\s+", " ", Page((tmp_path / "r.html").read_text()).text)
    assert "ks distance0.1250.1 to 0.250column x, of 2026-01-02 00:00too few" in words
    assert "column y" in words
    assert "0.98765" not in words
    with pytest.raises(SourceError, match="this is no ledger of scores"):
        report(tables[0], str(tmp_path / "r.html"), ledger=tables[1])


def test_a_report_tells_of_the_run(tmp_path: Path) -> None:
    source, table = tmp_path / "s.parquet", tmp_path / "t"
    pl.DataFrame({"k": range(200), "x": [*map(float, range(199)), 1e9]}).write_parquet(source)
    steps = [
        {"split": {"fractions": {"train": 0.8, "test": 0.2}, "seed": 1}},
        {"outliers": {"columns": ["x"], "method": "zscore", "threshold": 4.0, "action": "quarantine"}},
        {"scale": {"columns": ["x"], "method": "standard"}},
    ]
    told = {"source": {"path": str(source), "format": "parquet"}, "key": ["k"], "steps": steps}
    config = {**told, "name": "j", "engine": "polars", "sink": {"path": str(table), "mode": "overwrite"}}
    job.run(JobConfig.from_text(json.dumps(config)))
    report(str(table), str(tmp_path / "r.html"))
    page = Page((tmp_path / "r.html").read_text())
    words = re.sub(r"\s+", " ", page.text)
    assert "1 row was rejected" in words
    assert "2. outliers left 199 rows" in words
    assert "The first 200 rows of the source" in words
    assert re.search(r"outliers ?x ?zscore", words)
    assert "then scale; maps" in words
    assert re.search(r"split ?Rows ?Share ?(train|test)", words)
    assert {"as read", "2. outliers", "3. scale"} <= set(re.findall(r"as read|2\. outliers|3\. scale", words))
    source.unlink()
    report(str(table), str(tmp_path / "r.html"))
    assert "The steps cannot be shown:" in (tmp_path / "r.html").read_text()


def test_the_run_of_a_table_without_a_log_is_the_newest_that_wrote_it(tmp_path: Path) -> None:
    pl.DataFrame({"x": [1.0, 2.0]}).write_parquet(tmp_path / "s.parquet")
    told = {"name": "j", "engine": "polars", "source": {"path": str(tmp_path / "s.parquet"), "format": "parquet"}}
    sink = {"path": str(tmp_path / "t"), "format": "parquet", "mode": "overwrite"}
    config = JobConfig.from_text(json.dumps({**told, "sink": sink}))
    job.run(config)
    newest = job.run(config, force=True)
    broken = {"steps": [{"validate": {"rules": [{"columns": "x", "between": [0, 1], "level": "error"}]}}]}
    with pytest.raises(DataError):
        job.run(JobConfig.from_text(json.dumps({**told, **broken, "sink": sink})))
    runs = runs_of(config.sink.path)
    assert (len(runs.ledger), runs.entries) == (3, {})
    assert runs.newest == newest.run_id


def test_steps_are_followed_to_what_the_model_makes() -> None:
    frame = pl.DataFrame({"x": [1.0, None, 3.0, 500.0, *[2.0] * 60], "y": [0.0] * 64})
    steps = [Impute(columns=["x"], strategy="mean"), Outliers(columns=["x"], action="drop"), Scale(columns=["x"])]
    model = Pipeline(steps).fit(frame)
    found = followed(model, frame)
    assert [one.column for one in found.columns] == ["x"]
    stages = dict(found.columns[0].stages)
    assert [label for label, _ in found.columns[0].stages] == ["as read", "1. impute", "2. outliers", "3. scale"]
    assert (stages["as read"].missing, stages["1. impute"].missing) == (1, 0)
    after = model.transform(frame)
    assert found.left == [("2. outliers", after.height)]
    assert stages["3. scale"].mean == pytest.approx(after["x"].mean(), abs=1e-12)
    assert stages["3. scale"].greatest == after["x"].max()


def test_a_report_holds_as_many_images_as_fit(
    tables: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "r.html"
    whole = report(tables[0], str(output))
    monkeypatch.setattr(making, "MOST_BYTES", whole - 1)
    assert report(tables[0], str(output)) < whole
    shown = [tag for tag, _ in Page(output.read_text()).elements if tag == "img"]
    assert len(shown) == 11
    monkeypatch.setattr(making, "MOST_BYTES", 1000)
    with pytest.raises(DataError, match="report on fewer columns"):
        report(tables[0], str(output))


def test_what_cannot_be_reported_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="there is no Delta table"):
        report(str(tmp_path / "none"), str(tmp_path / "r.html"))
    rows(3).clear().write_delta(tmp_path / "empty")
    with pytest.raises(SourceError, match="has no rows"):
        report(str(tmp_path / "empty"), str(tmp_path / "r.html"))
    rows(3).write_delta(tmp_path / "t")
    for package, message in (("matplotlib", "draws with matplotlib"), ("jinja2", "made with Jinja2")):
        _templates.cache_clear()
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with pytest.raises(GensparkError, match=message):
                report(str(tmp_path / "t"), str(tmp_path / "r.html"))


def test_the_command(tables: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = str(tmp_path / "r.html")
    asked = ["report", tables[0], "--against", tables[1], "-o", output, "--json", "--log", "json"]
    assert cli.main(asked) == 0
    printed, progress = capsys.readouterr()
    assert json.loads(progress.splitlines()[-1])["rows"] == 120
    told: dict[str, Any] = json.loads(printed)
    assert told == {"report": output, "bytes": Path(output).stat().st_size}
