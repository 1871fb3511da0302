"""A catalogue as a folder of pages that work offline: one to search in, and one for each table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genspark.catalog.entry import Entry
from genspark.catalog.listing import Listing
from genspark.catalog.wording import number, score_text, size, steps_about_privacy, trouble
from genspark.errors import GensparkError
from genspark.pages import render
from genspark.storage.sizes import counted
from genspark.version import VERSION

TABLES = "tables"
"""The folder, inside the site's, of the pages of tables."""


def write_site(found: Listing, folder: str) -> int:
    """Write the pages to a folder, which is made where it is absent, and return how many there are.

    Pages of tables that were there before are removed. Raises GensparkError where the folder cannot be written, holds
    something else, or Jinja2 is missing.
    """
    root, names = Path(folder), _file_names([one.name for one in found.tables])
    tables = [_table(one, names) for one in found.tables]
    head = {"root": found.root, "version": VERSION, "made": found.made.strftime("%Y-%m-%d %H:%M UTC")}
    pages = {root / "index.html": render("catalog.html", **head, tables=tables, notes=found.notes)}
    for one in tables:
        pages[root / TABLES / one["file"]] = render("catalog_table.html", **head, table=one)
    _refuse_others(root)
    try:
        (root / TABLES).mkdir(parents=True, exist_ok=True)
        for old in (root / TABLES).glob("*.html"):
            old.unlink()
        for path, text in pages.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GensparkError(f"--site: {folder} cannot be written ({error.strerror}); name another folder") from None
    return len(pages)


def _refuse_others(root: Path) -> None:
    """Raise GensparkError for a folder of something else, whose pages are not to be removed."""
    index = root / "index.html"
    is_ours = index.is_file() and '<meta name="generator" content="genspark catalog' in index.read_text("utf-8")
    if not is_ours and (root.is_file() or (root.is_dir() and any(root.iterdir()))):
        raise GensparkError(f"--site: {root} holds something else than a catalogue; name a new folder")


def _file_names(names: Sequence[str]) -> dict[str, str]:
    """The file of each table's page: its name with what a URL cannot hold replaced, and a number where two are one."""
    files: dict[str, str] = {}
    for name in names:
        base = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "table"
        file, count = f"{base}.html", 1
        # Disks of Windows and macOS know no capitals.
        while file.lower() in {other.lower() for other in files.values()}:
            count += 1
            file = f"{base}-{count}.html"
        files[name] = file
    return files


def _table(one: Entry, names: Mapping[str, str]) -> dict[str, Any]:
    about = steps_about_privacy(one)
    return {
        "name": one.name,
        "file": names[one.name],
        "path": one.path,
        "description": one.description or "",
        "error": one.error or "",
        "trouble": trouble(one),
        "updated": one.modified.isoformat(timespec="seconds") if one.modified else "",
        "day": one.modified.strftime("%Y-%m-%d %H:%M UTC") if one.modified else "",
        "facts": {label: value for label, value in _facts(one).items() if value},
        "rows": number(one.rows),
        "size": size(one.bytes),
        "bytes": one.bytes or 0,
        "columns": [
            {"name": c.name, "type": c.type, "done": c.done, "privacy": "; ".join(c.privacy)} for c in one.columns
        ],
        "privacy": about,
        "keywords": list(one.keywords),
        "scores": [_score(score) for score in one.scores],
        "versions": [{**vars(each), "made": each.made.strftime("%Y-%m-%d %H:%M UTC")} for each in one.versions],
        "sources": list(one.sources),
        "made_from": [{"name": name, "file": names.get(name)} for name in one.made_from],
        "feeds": [{"name": name, "file": names.get(name)} for name in one.feeds],
        "steps": list(one.steps),
        "notes": list(one.notes),
        "format": one.format or "",
        "search": _searched(one),
    }


def _facts(one: Entry) -> dict[str, str]:
    run = one.last_run
    told = f"{run['outcome']}, begun {run['started']:%Y-%m-%d %H:%M UTC}; {counted(run['runs'], 'run')}" if run else ""
    return {
        "Owner": one.owner or "",
        "Licence": ", ".join(one.license),
        "Page": one.url or "",
        "Path": one.path,
        "Format": one.format or "",
        "Version": number(one.version),
        "Updated": one.modified.strftime("%Y-%m-%d %H:%M UTC") if one.modified else "",
        "Rows": number(one.rows),
        "Rows in quarantine": number(one.quarantined),
        "Files": number(one.files),
        "Size": size(one.bytes),
        "Partitioned by": ", ".join(one.partition_by),
        "Last run": told,
        "Model": one.model or "",
    }


def _score(score: Mapping[str, Any]) -> dict[str, Any]:
    interval = "" if score["low"] is None else f"{score['low']:.4g} to {score['high']:.4g}"
    return {
        **score,
        "short": score_text(dict(score)),
        "value": f"{score['value']:.6g}",
        "interval": interval,
        "n": number(score["n"]),
        "when": score["started"].strftime("%Y-%m-%d %H:%M"),
    }


def _searched(one: Entry) -> str:
    """The words that a search looks through, in lower case; columns are looked through apart, to be shown."""
    parts = [one.name, one.description, one.owner, *one.keywords, *one.sources, *steps_about_privacy(one)]
    return " ".join(part for part in parts if part).lower()
