"""docs/tutorial.md is run as it is written: its files under the names it gives them, its commands in their order."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from genspark.cli import main

pytest.importorskip("sklearn")
pytest.importorskip("jinja2")

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def follow(page: str, run: str) -> None:
    """Save and run what the page shows, from its first block to its last, in this folder."""
    told = 0
    for block in BLOCK.finditer(page):
        language, text = block.groups()
        if language in ("python", "yaml"):
            name = re.findall(r"`(\w+\.(?:py|yaml))`", page[told : block.start()])[-1]
            Path(name).write_text(text, encoding="utf-8")
        elif language == "sh" and run == "a shell":
            paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
            subprocess.run(["bash", "-euc", text], env={**os.environ, "PATH": paths}, check=True)
        elif language == "sh":
            for line in text.splitlines():
                here(shlex.split(line))
        told = block.end()


def here(words: list[str]) -> None:
    """Run a command, in this process where it is Python's: ten starts of it take longer than the rest."""
    if words[0] == "genspark":
        assert main(words[1:]) == 0, words
    elif words[0] == "python":
        runpy.run_path(words[1], run_name="__main__")
    else:
        subprocess.run(words, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("run", ["this process", pytest.param("a shell", marks=pytest.mark.exhaustive)])
def test_it_runs_as_it_is_written(
    run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    follow(page, run)
    printed = capfd.readouterr().out
    shown = [line for language, text in BLOCK.findall(page) if language == "text" for line in text.splitlines()]
    figures = [re.split(r"\s*│\s*", line)[1:4] for line in shown if line.startswith("│")]
    lines = [re.split(r"\s*[│┃]\s*", line)[1:4] for line in printed.splitlines()]
    assert [figure for figure in figures if figure not in lines] == []
    assert pl.read_parquet("generated.parquet").height == 2000
    assert (tmp_path / "report.html").stat().st_size > 0
