"""A catalogue: every table below a root, or in a metastore, looked at side by side, and how they hang together."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any

from genspark.catalog.entry import Entry
from genspark.catalog.linking import link
from genspark.catalog.looking import look
from genspark.catalog.walking import DEPTH, Walk, is_table, walk
from genspark.config.job import LEDGER_SUFFIX, QUARANTINE_SUFFIX
from genspark.errors import GensparkError, first_line
from genspark.evaluate.runs import ledger
from genspark.evaluate.runs.results import label, slice_text
from genspark.storage.files import storage_path

AT_ONCE = 16
"""Tables that are looked at at a time."""


@dataclass(frozen=True)
class Listing:
    """The tables of a root, by name; ledgers and quarantines are among `entries`, by their kind."""

    root: str
    made: dt.datetime
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()

    @property
    def tables(self) -> list[Entry]:
        """The tables of rows, without ledgers and quarantines of tables that are listed."""
        return [one for one in self.entries if one.kind == "table" or (one.kind == "quarantine" and not one.beside)]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "root": self.root,
            "made": self.made.isoformat(timespec="seconds"),
            "tables": [one.to_json() for one in self.entries],
            "notes": list(self.notes),
        }


def listing(
    root: str,
    *,
    depth: int = DEPTH,
    ledgers: Sequence[str] = (),
    tell: Callable[[int, int], None] = lambda _done, _known: None,
) -> Listing:
    """The tables below a folder, or the one that is there with its ledger and its quarantine.

    Read are logs, manifests, cards and ledgers, and no rows but those of ledgers. A table that cannot be read is listed
    with its error. `ledgers` are those of scores that lie elsewhere; `tell` hears how many tables are done, of how
    many. Raises SourceError or StoreError for a root that cannot be listed.
    """
    found = walk(root, depth)
    named = {found.name_of(path): path for path in found.tables}
    entries = [*looked_at(named, tell), *_broken(found)]
    if found.tables == [found.root]:
        entries += looked_at(_beside(entries[0]), tell)
    return put_together(root, entries, ledgers, found.notes)


def looked_at(named: Mapping[str, str], tell: Callable[[int, int], None]) -> list[Entry]:
    """The entries of tables by their names and paths."""
    entries = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pending = {pool.submit(look, name, path): (name, path) for name, path in named.items()}
        for done, future in enumerate(as_completed(pending), start=1):
            try:
                entries.append(future.result())
            except Exception as error:  # whatever it is, the other tables are to be seen
                name, path = pending[future]
                entries.append(Entry(name, path, error=first_line(error).removeprefix(f"{path}: ")))
            tell(done, len(pending))
    return entries


def put_together(root: str, entries: Iterable[Entry], ledgers: Sequence[str], notes: Sequence[str]) -> Listing:
    """The listing of these entries, with their scores, and with what is made from what among them."""
    known = sorted(entries, key=lambda one: one.name)
    scores, more = _scores([*(one.path for one in known if one.kind == "scores" and not one.error), *ledgers])
    linked = link([replace(one, scores=tuple(scores.get(one.path, ()))) for one in known])
    return Listing(root, dt.datetime.now(dt.UTC), tuple(linked), (*notes, *more))


def _beside(one: Entry) -> dict[str, str]:
    """The names and paths of the ledger and the quarantine of a table that is listed alone."""
    path = one.path.rstrip("/")
    quarantine = storage_path(one.quarantine).rstrip("/") if one.quarantine else f"{path}{QUARANTINE_SUFFIX}"
    name = quarantine.rpartition("/")[2]
    named = {f"{name}{QUARANTINE_SUFFIX}" if name == one.name else name: quarantine}
    named[f"{one.name}{LEDGER_SUFFIX}"] = f"{path}{LEDGER_SUFFIX}"
    return {name: place for name, place in named.items() if is_table(place)}


def _broken(found: Walk) -> list[Entry]:
    return [Entry(found.name_of(path), path, error=f"cannot be listed: {why}") for path, why in found.broken.items()]


def _scores(ledgers: Sequence[str]) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """The newest score of each metric, slice and signature, by the path of the table that it is of."""
    found: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {}
    notes = []
    for path in dict.fromkeys(ledgers):
        try:
            rows = ledger.read(path)
        except GensparkError as error:
            notes.append(f"scores in {path} cannot be read: {first_line(error)}")
            continue
        for row in rows.iter_rows(named=True):
            of = next((place for side in ("generated", "real") if (place := _place(row[side]))), None)
            if of is not None:
                key = (row["evaluation"], row["metric"], row["slice"], row["signature_sha256"])
                found.setdefault(of, {})[key] = _score(row, path)
    return {of: list(scores.values()) for of, scores in found.items()}, notes


def _place(side: str | None) -> str | None:
    paths = json.loads(side or "{}").get("path")
    paths = [paths] if isinstance(paths, str) else paths or []
    return storage_path(paths[0]).rstrip("/") if len(paths) == 1 else None


def _score(row: Mapping[str, Any], path: str) -> dict[str, Any]:
    return {
        "metric": label(row["metric"], json.loads(row["signature"])),
        "slice": slice_text(json.loads(row["slice"])),
        **{name: row[name] for name in ("value", "low", "high", "n", "evaluation", "started")},
        "version": row["generated_version"] or row["real_version"],
        "warnings": list(row["warnings"] or ()),
        "ledger": path,
    }
