"""What the page of a table tells of how far it is to be trusted."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.cards.responsible import CHANGING
from genspark.report.making import report
from genspark.report.trust import SECTIONS
from genspark.steps import Step

CONF = Path(__file__).resolve().parents[2] / "conf"
NOT_ABOUT_TRUST = {
    "augment", "bucketize", "cast", "chunk", "drop", "encode", "impute", "rename", "scale", "select", "split",
    "tokenize", "transform",
}  # fmt: skip
"""Kinds of step that make features of rows as they come, and judge none of them."""


def test_every_kind_of_step_is_in_a_section_or_not_about_trust() -> None:
    told = [kind for kinds in SECTIONS.values() for kind in kinds]
    registered = {kind for kind, step in Step.registry.items() if step.__module__.startswith("genspark.")}
    assert sorted(registered) == sorted([*told, *NOT_ABOUT_TRUST])
    # All of them but expect, which changes nothing, are what the card says was done to the rows.
    assert {*SECTIONS["quality"], *SECTIONS["duplicates"], *SECTIONS["weights"]} - {"expect"} <= set(CHANGING)


def test_the_page_has_drift_from_the_first_run_on_and_texts_with_what_they_lost(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    texts = ["One sentence that is long enough to stay.", "x", "Another one that stays."]
    pl.DataFrame({"id": range(3), "t": texts}).write_parquet(tmp_path / "a.parquet")
    config = JobConfig.from_text(
        f"""
name: texts
engine: polars
key: [id]
source: {{path: {tmp_path}/*.parquet, format: parquet}}
steps:
  - normalize: {{columns: t}}
  - quality: {{columns: t, rules: gopher, action: warn}}
sink: {{path: {tmp_path}/out, mode: overwrite}}
drift: {{warn: 0.1}}
"""
    )
    job.run(config)
    report(f"{tmp_path}/out", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    assert "There was no run before to hold these rows against" in page
    assert all(f'<th scope="row">{label}</th>' in page for label in ("normalize", "quality"))
    pl.DataFrame({"id": range(3), "t": ["This is not what was there."] * 3}).write_parquet(tmp_path / "a.parquet")
    job.run(config)
    report(f"{tmp_path}/out", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    assert "There was no run before" not in page
    assert '<td class="number">100.00%</td><td class="other">another distribution</td>' in page


@pytest.mark.parametrize(("name", "rows"), [("titanic", 888), ("taxis", 6317)])
def test_the_checked_jobs_of_real_data_show_every_part(name: str, rows: int, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    env = {name.upper(): str(data / f"{name}.csv"), "OUT": str(tmp_path)}
    done = job.run(JobConfig.from_yaml(str(CONF / f"{name}_checked.yaml"), sets=["engine=polars"], env=env))
    assert done.rows_written == rows
    report(done.table, str(tmp_path / "page.html"))
    sections = re.findall(r'<h2 id="(\w+)"', (tmp_path / "page.html").read_text())
    assert {"quality", "moved", "duplicates", "bias", "privacy"} <= set(sections)
