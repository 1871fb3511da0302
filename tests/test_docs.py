"""The documents keep to the code: their jobs parse, their links lead somewhere, their commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from genspark.cli import main
from genspark.cli.app import app
from genspark.config import Evaluation, JobConfig, json_schema
from genspark.steps import Step

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path, language: str) -> list[str]:
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [text for tongue, text in found if tongue == language]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def shown(page: Path) -> str:
    """What a reader may type into a shell: shell blocks, and code between the words."""
    return "\n".join([*blocks(page, "sh"), *re.findall(r"`([^`\n]+)`", prose(page))])


YAML = [(page, text) for page in PAGES for text in blocks(page, "yaml")]
JOBS = [(page, text) for page, text in YAML if re.search(r"^name:", text, re.MULTILINE)]


@pytest.mark.parametrize(("page", "text"), JOBS, ids=lambda value: value.stem if isinstance(value, Path) else "")
def test_a_job_is_a_job(page: Path, text: str) -> None:
    kind = JobConfig if re.search(r"^sink:", text, re.MULTILINE) else Evaluation
    kind.from_text(text, where=page.name, env=dict.fromkeys(re.findall(r"\$\{(\w+)", text), "x"))


SECTIONS = JobConfig.model_fields.keys()
PARTS = [
    (page, text)
    for page, text in YAML
    if (page, text) not in JOBS and isinstance(said := yaml.safe_load(text), dict) and said.keys() & SECTIONS
]


@pytest.mark.parametrize(("page", "text"), PARTS, ids=lambda value: value.stem if isinstance(value, Path) else "")
def test_a_part_of_a_job_is_one(page: Path, text: str) -> None:
    around = {"name": "x", "source": {"path": "in", "format": "csv"}, "sink": {"path": "out"}}
    JobConfig.from_text(yaml.safe_dump({**around, **yaml.safe_load(text)}, sort_keys=False), where=page.name, env={})


def test_each_yaml_block_is_held_to_something() -> None:
    # Blocks of other programs' files are held by tests of their own, in tests/clusters and tests/schedulers.
    others = [(page, text) for page, text in YAML if (page, text) not in [*JOBS, *PARTS] and yaml.safe_load(text)]
    assert {page.name for page, _ in others} <= {"clusters.md", "orchestration.md"}


def test_jobs_are_shown() -> None:
    assert {page.name for page, _ in JOBS} >= {"README.md", "configuration.md"}


@every_page
def test_no_blank_is_left_to_fill_in(page: Path) -> None:
    assert re.findall(r"@[A-Z]+@|TODO|FIXME", page.read_text(encoding="utf-8")) == []


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    relative = [link for link in links if "://" not in link]
    assert [link for link in relative if not target(page, link)] == []


def target(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    there = page.parent / path if path else page
    return there.exists() and (not anchor or anchor in anchors(there))


def anchors(page: Path) -> set[str]:
    """The headings as GitHub names them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@every_page
def test_python_compiles(page: Path) -> None:
    # The blocks of architecture.md are contracts, with signatures side by side.
    for text in blocks(page, "python") if page.name != "architecture.md" else ():
        compile(text, page.name, "exec")


@every_page
def test_no_absent_command_is_named(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = set(re.findall(r"(?:^|[\s|;])genspark ([a-z]+)", shown(page)))
    assert {command for command in named if not is_command(command)} == set()


def is_command(name: str) -> bool:
    return main([name, "--help"]) == 0


@every_page
def test_commands_take_what_they_are_given(page: Path) -> None:
    for words in commands(page):
        parse(get_command(app), words)


def commands(page: Path) -> Iterator[list[str]]:
    """What shell blocks give to genspark, word by word."""
    for text in blocks(page, "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if "genspark" in words:
                given = words[words.index("genspark") + 1 :]
                ends = [at for at, word in enumerate(given) if word in {"|", "&&", ";", ">", "&"}]
                yield given[: min(ends, default=len(given))]


def parse(command: Any, words: list[str], parent: Any = None) -> None:
    """Read the words as the command would, up to where it would run. Raises what is wrong with them."""
    with command.make_context("genspark", list(words), parent=parent) as context:
        if hasattr(command, "resolve_command"):
            _, below, rest = command.resolve_command(context, [*context._protected_args, *context.args])
            parse(below, rest, context)


def test_a_command_that_cannot_be_is_found_out() -> None:
    for words in (["run"], ["run", "conf/taxis.yaml", "--no-such"], ["rum", "conf/taxis.yaml"]):
        with pytest.raises(Exception, match="(?i)missing|no such"):
            parse(get_command(app), words)


INSTALLED = re.compile(r"pip install[^\n`]*\s'?genspark(?![\w/-])(\[?)")
"""An installation of genspark by its name."""


@every_page
def test_genspark_is_installed_from_no_index(page: Path) -> None:
    # It is on none. Between the words an extra is added by name, to a genspark that is there; a block stands alone.
    text = page.read_text(encoding="utf-8")
    assert [extra for extra in INSTALLED.findall(text) if not extra] == []
    assert [shown for _, shown in FENCE.findall(text) if INSTALLED.search(shown)] == []


def test_an_installation_by_name_is_found_out() -> None:
    assert INSTALLED.findall("pip install -c x genspark\npip install 'genspark[all]' dist/genspark-0.1.0.whl") == [
        "",
        "[",
    ]
    assert not INSTALLED.search("pip install ./dist/genspark-0.1.0-py3-none-any.whl[all]")


@every_page
def test_no_absent_make_target_is_named(page: Path) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"(?:^|\s)make ([a-z]+)", shown(page))) <= set(targets)


def test_every_key_of_the_yaml_is_told() -> None:
    told = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    schema = json_schema()
    keys = {key for section in [schema, *schema["$defs"].values()] for key in section.get("properties", {})}
    assert {key for key in keys if f"`{key}`" not in told} == set()


def test_the_variables_told_are_those_that_are_read() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in source_files())
    told = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\bGENSPARK_[A-Z_]+[A-Z]\b", code)) == set(re.findall(r"\bGENSPARK_[A-Z_]+[A-Z]\b", told))


def source_files() -> list[Path]:
    return [*ROOT.glob("genspark/**/*.py"), *ROOT.glob("genspark/**/*.properties"), ROOT / "tests" / "conftest.py"]


def test_the_page_of_steps_is_made_from_the_classes() -> None:
    pytest.importorskip("sklearn")
    made = subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "docs" / "make_steps.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr


def test_every_step_has_its_part_of_the_page() -> None:
    page = (ROOT / "docs" / "steps.md").read_text(encoding="utf-8")
    kinds = [kind for kind, step in Step.registry.items() if step.__module__.startswith("genspark.")]
    assert [kind for kind in kinds if f"\n## {kind}\n" not in page] == []
