"""The commands of README.md, docs/, conf/ and --help run: each page's in its order, in a folder of small data."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import docs_workspace
import polars as pl
import pytest
from test_docs import FENCE, ROOT, blocks, prose
from typer.main import get_command

from genspark.cli import main
from genspark.cli.app import app

for extra in ("jinja2", "matplotlib", "opendp", "PIL", "py3langid", "sklearn"):
    pytest.importorskip(extra)

SPARK = "starts a session of Spark, or asks one"
STORE = "reads or writes a store"
NOT_RUN = {
    "genspark catalog main.default --metastore": SPARK,
    "genspark run conf/taxis.yaml --set engine=spark": SPARK,
    "genspark run conf/taxis.yaml --set engine=spark --set source.path=s3://bucket/in": SPARK,
    "genspark run conf/taxis.yaml --set engine=spark-polars": SPARK,
    "genspark runs crm.people": SPARK,
    "genspark run captions.yaml": STORE,
}
"""What is not run here, a job that a page shows among it, and why."""
ELSEWHERE = {"tutorial.md": "tests/test_tutorial.py", "storage.md": "tests/storage/test_docs_blocks.py"}
"""Pages that are run as they are written by a test of their own."""
VARIABLES = {"TRIPS": "data/trips/*.csv", "GENSPARK_PSEUDONYM_KEY": "0123456789abcdef"}
PERSONS_SAY = {"erase": ["--yes"], "init": ["--yes"]}
"""What a command asks on a terminal, which the tests have none of."""


def said() -> dict[str, list[str]]:
    """What each page gives to a shell, in order: lines, and whole jobs as `genspark run NAME.yaml`."""
    pages = {path.name: path for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]}
    found = {name: [*of_page(path)] for name, path in pages.items() if name not in ELSEWHERE}
    for path in sorted(ROOT.glob("conf/*.yaml")):
        found[path.name] = re.findall(r"^#   (genspark .*?)(?:  .*)?$", path.read_text(encoding="utf-8"), re.MULTILINE)
    found["--help"] = [*examples(get_command(app))]
    return {name: lines for name, lines in found.items() if any("genspark " in line for line in lines)}


def of_page(page: Path) -> Iterator[str]:
    for language, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "sh":
            yield from text.replace("\\\n", " ").splitlines()
        elif language == "yaml" and (name := re.search(r"^name: (.*)$", text, re.MULTILINE)):
            yield f"genspark {'evaluate' if 'evaluate:' in text else 'run'} {name[1].replace(' ', '_')}.yaml"
    inline = re.findall(r"`(genspark [^`\n]+)`", prose(page))
    yield from (
        line for line in inline if re.search(r"[\w*]/|\.\w", line) and not re.search(r"\b[A-Z]+\b|\.\.\.", line)
    )


def examples(command: object) -> Iterator[str]:
    """The examples below the help of each command."""
    yield from re.findall(r"example: (.*)", getattr(command, "epilog", None) or "")
    for below in getattr(command, "commands", {}).values():
        yield from examples(below)


SAID = said()


def set_variables(patch: pytest.MonkeyPatch) -> None:
    """Set what pages take as given; what conf/ has defaults for is not to come from the environment of the tests."""
    for path in ROOT.glob("conf/*.yaml"):
        for name in re.findall(r"\$\{(\w+):-", path.read_text(encoding="utf-8")):
            patch.delenv(name, raising=False)
    for name, value in VARIABLES.items():
        patch.setenv(name, value)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        set_variables(patch)
        docs_workspace.build(folder)
    return folder


@pytest.mark.parametrize("page", SAID)
def test_the_commands_run(
    page: str, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    here = shutil.copytree(built, tmp_path / "here")
    monkeypatch.chdir(here)
    set_variables(monkeypatch)
    save_jobs(page)
    failed = []
    for line in SAID[page]:
        words = [os.path.expandvars(word) for word in shlex.split(line, comments=True)]
        if words[:1] == ["export"]:
            monkeypatch.setenv(*words[1].split("=", 1))
        elif "genspark" in words and " ".join(words[words.index("genspark") :]) not in NOT_RUN:
            capfd.readouterr()
            code = run(words[words.index("genspark") + 1 :])
            if code != 0:
                failed.append((line, code, capfd.readouterr().err[-600:]))
    assert failed == []


def save_jobs(page: str) -> None:
    """Write the whole jobs that a page shows to files of their names."""
    if page.endswith(".md"):
        for text in blocks(ROOT / ("" if page == "README.md" else "docs") / page, "yaml"):
            if name := re.search(r"^name: (.*)$", text, re.MULTILINE):
                Path(f"{name[1].replace(' ', '_')}.yaml").write_text(text, encoding="utf-8")


def run(words: list[str]) -> int:
    """Run a command as a shell would, whose output may go to a file; ids of rows are those of the table."""
    words = [*words, *PERSONS_SAY.get(words[0], [])]
    assert not [word for word in words if re.search(r"(^|=)[/~]", word)], "it would reach out of its folder"
    if words[:2] == ["review", "read"]:
        docs_workspace.judge(Path(words[2]))
    if words[0] == "trace":
        own = str(pl.read_delta(words[1])["_row_id"][0])
        words = [re.sub(r"\b42\b", own, word) for word in words]
    if ">" not in words:
        return main(words)
    at = words.index(">")
    with Path(words[at + 1]).open("w", encoding="utf-8") as out, contextlib.redirect_stdout(out):
        return main(words[:at] + words[at + 2 :])


def test_what_is_not_run_is_there() -> None:
    lines = {" ".join(shlex.split(line, comments=True)) for lines in SAID.values() for line in lines}
    assert {command for command in NOT_RUN if not any(line.endswith(command) for line in lines)} == set()
    assert all((ROOT / test).exists() and (ROOT / "docs" / page).exists() for page, test in ELSEWHERE.items())
