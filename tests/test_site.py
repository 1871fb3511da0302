"""The site holds every page, and shows them without a network."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import genspark

ROOT = Path(__file__).resolve().parents[1]
NAVIGATION = tomllib.loads((ROOT / "docs" / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
LINKED = re.compile(r'(?:href|src)="([^"]+)"')
LOADED = re.compile(r'<(?:script|img|iframe)[^>]+src="?(?:https?:)?//|<link[^>]+rel="?(?:stylesheet|preconnect)[^>]+//')


def made_of() -> dict[str, bytes]:
    """What docs/make_site.py lays together for zensical."""
    spec = importlib.util.spec_from_file_location("make_site", ROOT / "docs" / "make_site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


def listed(entry: Any) -> Iterator[str]:
    """The pages below an entry of the navigation."""
    if isinstance(entry, str):
        yield entry
    for below in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
        yield from listed(below)


def test_the_navigation_holds_every_page() -> None:
    pages = {path for path in made_of() if path.endswith(".md")}
    # Code that a page links to is reached from there.
    code = {
        path
        for path in pages
        if any((ROOT / path).with_suffix(end).exists() for end in (".py", ".yaml", ".yml", ".json"))
    }
    lacking = pages - code - set(listed(NAVIGATION))
    assert lacking == set(), f"docs/zensical.toml: give each of these a line in `nav`: {sorted(lacking)}"
    gone = set(listed(NAVIGATION)) - pages
    assert gone == set(), f"docs/zensical.toml: `nav` has lines for pages that are not there: {sorted(gone)}"


def test_each_room_has_a_page_with_its_public_names() -> None:
    pages = made_of()
    for room in ("genspark", *genspark._ROOMS):
        module = genspark if room == "genspark" else getattr(genspark, room)
        named = set(re.findall(r"^::: genspark(?:\.\w+)*\.(\w+)$", pages[f"api/{room}.md"].decode(), re.MULTILINE))
        assert named >= {name for name in getattr(module, "__all__", ()) if not name.startswith("_")}


@pytest.mark.slow
@pytest.mark.exhaustive
def test_it_is_made_and_needs_no_network(tmp_path: Path) -> None:
    made = subprocess.run(
        ["make", "docs", f"SITE={tmp_path / 'site'}", f"PYTHON={sys.executable}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    pages = {page: page.read_text(encoding="utf-8") for page in (tmp_path / "site").rglob("*.html")}
    assert [page.name for page, text in pages.items() if LOADED.search(text)] == []
    broken = [
        (page.name, link)
        for page, text in pages.items()
        if page.name != "404.html"
        for link in LINKED.findall(text)
        if (path := link.partition("#")[0].partition("?")[0]) and ":" not in path and not (page.parent / path).exists()
    ]
    assert broken == []
    assert "RunReport" in (tmp_path / "site" / "search.js").read_text(encoding="utf-8")
    assert "strategy: " in re.sub("<[^>]*>", "", (tmp_path / "site" / "api" / "steps.html").read_text(encoding="utf-8"))
