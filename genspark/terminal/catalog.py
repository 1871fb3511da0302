"""The command that lists tables, from its parsed arguments."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

from rich.table import Table

from genspark.catalog import Listing, in_metastore, listing, write_site
from genspark.catalog.entry import Entry
from genspark.catalog.wording import age, number, score_text, size, steps_about_privacy, trouble
from genspark.errors import first_line
from genspark.storage.sizes import counted
from genspark.terminal.console import print_table
from genspark.terminal.progress import shown

_MOST_SCORES = 3
_BESIDE = {"quarantine": "of quarantine", "runs": "of runs", "scores": "of scores"}


def catalog(arguments: SimpleNamespace) -> None:
    """List the tables below a root, and write them as a site where one is asked for."""
    with shown(arguments, "looking at tables") as tell:
        if arguments.metastore:
            found = in_metastore(arguments.root, ledgers=arguments.scores, tell=tell)
        else:
            found = listing(arguments.root, depth=arguments.depth, ledgers=arguments.scores, tell=tell)
    pages = write_site(found, arguments.site) if arguments.site else 0
    if arguments.json:
        print(json.dumps(found.to_json(), ensure_ascii=False))
    else:
        _print(found)
    if pages:
        print(f"{counted(pages, 'page')} in {arguments.site}: open {arguments.site}/index.html", file=sys.stderr)


def _print(found: Listing) -> None:
    if not found.entries:
        print(f"no tables under {found.root}")
        _print_notes(found)
        return
    table = Table(title=f"genspark catalog: {found.root}", title_justify="left")
    for name in ("table", "version", "rows", "size", "columns", "updated", "owner", "about"):
        right = name in ("version", "rows", "size", "columns")
        table.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=right)
    for one in found.tables:
        cells = (
            one.name,
            number(one.version),
            number(one.rows),
            size(one.bytes),
            number(len(one.columns)) if one.columns else "",
            age(one.modified, found.made),
            one.owner or "",
            "\n".join(_about(one)),
        )
        table.add_row(*cells)
    print_table(table, 160)
    beside = [one.kind for one in found.entries if one not in found.tables]
    told = [f"{beside.count(kind):,} {noun}" for kind, noun in _BESIDE.items() if kind in beside]
    print(f"{counted(len(found.tables), 'table')}{', and beside them ' if told else ''}{', '.join(told)}")
    _print_notes(found)


def _print_notes(found: Listing) -> None:
    for note in found.notes:
        print(f"note: {note}")


def _about(one: Entry) -> list[str]:
    """What else is to be told, a line each."""
    if one.error:
        return [f"cannot be read: {first_line(one.error)}"]
    lines = [first_line(one.description)] if one.description else []
    lines += [f"made from {', '.join(one.made_from)}"] if one.made_from else []
    lines += [f"{kind}: {', '.join(columns)}" for kind, columns in steps_about_privacy(one).items()]
    lines += [score_text(dict(score)) for score in one.scores[:_MOST_SCORES]]
    lines += [f"and {counted(len(one.scores) - _MOST_SCORES, 'score')} more"] if len(one.scores) > _MOST_SCORES else []
    lines += [f"{one.quarantined:,} rows in quarantine"] if one.quarantined else []
    return [*lines, *([first_line(why)] if (why := trouble(one)) else [])]
