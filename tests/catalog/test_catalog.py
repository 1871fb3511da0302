"""What a catalogue finds and tells, of tables whose contents are known; and pages that need nothing from outside."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import polars as pl
import pytest

from genspark import cli, job
from genspark.catalog import Listing, listing, write_site
from genspark.catalog.entry import Column, Entry
from genspark.catalog.linking import link
from genspark.catalog.privacy import of_description
from genspark.catalog.wording import age
from genspark.config import JobConfig
from genspark.errors import GensparkError, SourceError
from genspark.evaluate.runs import ledger
from genspark.evaluate.runs.results import Results, Scored
from genspark.evaluate.score import Score

NOW = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)


def people(root: Path, name: str, **more: object) -> JobConfig:
    return JobConfig.model_validate(
        {
            "name": name,
            "engine": "polars",
            "source": {"path": str(root / "people.csv"), "format": "csv", "options": {"header": True}},
            "steps": [{"pii": {"columns": ["email"], "name": "addresses"}}, {"drop": {"columns": ["age"]}}],
            "sink": {"path": str(root / "lake" / name)},
            **more,
        }
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tables made by jobs, one of them from the other, one of another writer, one broken, and scores."""
    root = tmp_path_factory.mktemp("catalog")
    (root / "people.csv").write_text("email,age,<b>\nann@example.org,34,x\nbob@example.org,,y\n")
    card = {"description": "Who wrote <script>", "creator": ["Data team"], "keywords": ["mail"]}
    job.run(people(root, "crm/people", card=card))
    made = people(root, "marts/cities", steps=[], source={"path": str(root / "lake/crm/people"), "format": "delta"})
    job.run(made.model_copy(update={"sink": made.sink.model_copy(update={"format": "parquet"})}))
    pl.DataFrame({"n": [1, 2, 3]}).write_delta(root / "lake/other/by hand")
    (root / "lake/broken/_delta_log").mkdir(parents=True)
    (root / "lake/broken/_delta_log/00000000000000000000.json").write_text("nonsense")
    facts = {"generated": {"path": str(root / "lake/crm/people"), "version": 0}}
    for value in (3.5, 1.25):
        score = Score(value, 2, {"metric": "distance"}, sides=facts)
        results = Results("mail", f"{value}", NOW + dt.timedelta(1 / value), "polars", facts, [Scored(score, {})])
        ledger.add(str(root / "lake/scores"), results)
    return root


@pytest.fixture(scope="module")
def found(root: Path) -> Listing:
    return listing(str(root / "lake"))


def named(found: Listing) -> dict[str, Entry]:
    return {one.name: one for one in found.entries}


def test_every_table_is_found_and_told_from_its_ledgers(found: Listing) -> None:
    kinds = {name: one.kind for name, one in named(found).items()}
    assert kinds == {
        "broken": "table",
        "crm/people": "table",
        "crm/people_runs": "runs",
        "marts/cities": "table",
        "marts/cities_runs": "runs",
        "other/by hand": "table",
        "scores": "scores",
    }
    assert [one.name for one in found.tables] == ["broken", "crm/people", "marts/cities", "other/by hand"]
    assert named(found)["crm/people_runs"].beside == "crm/people"


def test_logs_and_cards_tell_of_a_table(found: Listing) -> None:
    table = named(found)["crm/people"]
    assert (table.description, table.owner, table.keywords) == ("Who wrote <script>", "Data team", ("mail",))
    assert (table.version, table.rows, table.files) == (0, 2, 1)
    assert [column.name for column in table.columns] == ["email", "<b>", "_row_id", "_source_file"]
    assert table.private == {"email": ("addresses (pii)",)}
    assert table.last_run["outcome"] == "written"
    assert (named(found)["other/by hand"].rows, named(found)["other/by hand"].columns[0].type) == (3, "int64")


def test_tables_are_linked_by_what_jobs_read(found: Listing) -> None:
    assert named(found)["marts/cities"].made_from == ("crm/people",)
    assert named(found)["crm/people"].feeds == ("marts/cities",)


def test_what_was_hidden_in_a_source_is_told_of_what_is_made_from_it() -> None:
    hidden = Column("email", "string", "1. pii action=hash.", ("pii action=hash",))
    one = Entry("one", "/one", columns=(hidden,), sources=("/two",))
    two = Entry("two", "/two", columns=(Column("e", "string", "Made from email, n. 1. rename."),), sources=("/one",))
    three = Entry("three", "/three", columns=(Column("e", "string"), Column("n", "int")), sources=("two",))
    told = {each.name: [column.privacy for column in each.columns] for each in link([one, two, three])}
    assert told["two"] == [("pii action=hash, in one",)]
    assert told["three"] == [("pii action=hash, in one",), ()]


def test_ledgers_and_quarantines_are_known_by_names_and_cards() -> None:
    table = Entry("t", "/lake/t", quarantine="/lake/rejected", rows=5)
    others = [Entry("rejected", "/lake/rejected", "quarantine", rows=2), Entry("t_runs", "/lake/t_runs", "runs")]
    told = {each.name: each for each in link([table, *others])}
    assert (told["rejected"].beside, told["t_runs"].beside, told["t"].quarantined) == ("t", "t", 2)


def test_the_newest_score_of_a_kind_is_told(found: Listing) -> None:
    assert [(one["metric"], one["value"]) for one in named(found)["crm/people"].scores] == [("distance", 1.25)]


def test_a_broken_table_is_listed_with_its_error(found: Listing) -> None:
    error = named(found)["broken"].error
    assert error is not None
    assert "Json error" in error
    assert "\n" not in error


def test_a_failed_run_is_told(root: Path, tmp_path: Path) -> None:
    config = people(root, "x", sink={"path": str(tmp_path / "x")})
    job.run(config)
    refused = {"cast": {"columns": {"email": "int32"}}}
    with pytest.raises(GensparkError, match="cast"):
        job.run(people(root, "again", steps=[refused], sink={"path": str(tmp_path / "x"), "mode": "overwrite"}))
    (table,) = listing(str(tmp_path)).tables
    assert table.last_run["outcome"] == "failed"


def test_a_root_may_be_a_table_and_must_be_there(root: Path) -> None:
    assert [one.name for one in listing(str(root / "lake/crm/people")).entries] == ["people", "people_runs"]
    with pytest.raises(SourceError, match="no/where: there is no such folder"):
        listing(str(root / "no/where"))


@pytest.mark.parametrize(
    ("beside", "name"), [("table_quarantine",) * 2, ("odd/table", "table_quarantine"), ("odd", "odd")]
)
def test_a_table_that_is_the_root_is_told_with_what_lies_beside_it(
    beside: str, name: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = {"validate": {"rules": [{"columns": "age", "not_null": True, "level": "quarantine"}]}}
    job.run(
        people(root, "x", steps=[rule], sink={"path": f"{tmp_path}/table"}, quarantine={"path": f"{tmp_path}/{beside}"})
    )
    found = listing(f"{tmp_path}/table")
    assert {one.name: (one.kind, one.beside) for one in found.entries} == {
        "table": ("table", None),
        "table_runs": ("runs", "table"),
        name: ("quarantine", "table"),
    }
    assert found.tables[0].quarantined == 1
    assert cli.main(["catalog", f"{tmp_path}/table", "-q"]) == 0
    assert "1 table, and beside them 1 of quarantine, 1 of runs" in capsys.readouterr().out


def test_a_folder_without_tables_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["catalog", str(tmp_path), "-q"]) == 0
    assert capsys.readouterr().out == f"no tables under {tmp_path}\n"


def test_what_is_too_deep_is_told(root: Path) -> None:
    shallow = listing(str(root / "lake"), depth=1)
    assert [one.name for one in shallow.tables] == ["broken"]
    assert shallow.notes[0].startswith("5 folders were not looked into")


def test_the_command_prints_a_table_and_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["catalog", str(root / "lake"), "-q"]) == 0
    told = capsys.readouterr().out
    assert "addresses" not in told
    assert "pii: email" in told
    assert "distance 1.25" in told
    assert "4 tables, and beside them 2 of runs, 1 of scores" in told
    assert cli.main(["catalog", str(root / "lake"), "-q", "--json"]) == 0
    tables = {one["name"]: one for one in json.loads(capsys.readouterr().out)["tables"]}
    assert tables["crm/people"]["privacy"] == {"email": ["addresses (pii)"]}
    assert tables["broken"]["error"]


def test_the_site_needs_nothing_from_outside(found: Listing, tmp_path: Path) -> None:
    assert write_site(found, str(tmp_path / "site")) == 5
    pages = {path.name: path.read_text() for path in (tmp_path / "site").rglob("*.html")}
    assert sorted(pages) == ["broken.html", "crm-people.html", "index.html", "marts-cities.html", "other-by-hand.html"]
    for text in pages.values():
        assert "Who wrote <script>" not in text
        assert not re.findall(r"""(?:src|href|action)=["'](?:https?:)?//""", text)
        for target in re.findall(r'(?:href|action)="([^"#]+)"', text):
            assert target.rpartition("/")[2] in pages
    assert "email\n&lt;b&gt;" in pages["index.html"]


def test_a_site_replaces_its_own_pages_and_no_others(found: Listing, tmp_path: Path) -> None:
    write_site(found, str(tmp_path / "site"))
    fewer = Listing(found.root, found.made, found.entries[:1])
    assert write_site(fewer, str(tmp_path / "site")) == 2
    assert [path.name for path in (tmp_path / "site/tables").iterdir()] == ["broken.html"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other/index.html").write_text("mine")
    with pytest.raises(GensparkError, match="holds something else"):
        write_site(found, str(tmp_path / "other"))
    assert (tmp_path / "other/index.html").read_text() == "mine"


def test_steps_about_privacy_are_read_from_what_was_done() -> None:
    text = "Made from mail. 1. pii action=hash. 2. hidden (pseudonymize) key_variable=K. 3. rename pii to x."
    assert of_description(text) == ("pii action=hash", "hidden (pseudonymize) key_variable=K")
    assert of_description("As it was read.") == ()


def test_ages_are_in_their_largest_unit() -> None:
    spans = [dt.timedelta(seconds=5), dt.timedelta(minutes=1), dt.timedelta(hours=47), dt.timedelta(days=400)]
    assert [age(NOW - span, NOW) for span in spans] == ["just now", "1 minute ago", "1 day ago", "400 days ago"]
