"""How tables hang together: what is made from what, what lies beside what, and what was hidden on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from genspark.catalog.entry import Column, Entry
from genspark.catalog.privacy import sources_of
from genspark.config.job import LEDGER_SUFFIX, QUARANTINE_SUFFIX
from genspark.storage.files import storage_path

_SUFFIXES = {"quarantine": QUARANTINE_SUFFIX, "runs": LEDGER_SUFFIX}


def link(entries: Sequence[Entry]) -> list[Entry]:
    """The entries with the names of others that they are made from, feed, or lie beside."""
    by_path = {one.path.rstrip("/"): one for one in entries}
    by_name = {one.name: one for one in entries}
    made_from = {one.name: _sources(one, by_path, by_name) for one in entries}
    feeds: dict[str, list[str]] = {}
    for name, sources in made_from.items():
        for source in sources:
            feeds.setdefault(source, []).append(name)
    beside = _beside(entries, by_path)
    quarantined = {beside[one.name]: one.rows for one in entries if one.kind == "quarantine" and one.name in beside}
    linked = {
        one.name: replace(
            one,
            made_from=tuple(made_from[one.name]),
            feeds=tuple(feeds.get(one.name, ())),
            beside=beside.get(one.name),
            quarantined=quarantined.get(one.name),
        )
        for one in entries
    }
    return [replace(one, columns=tuple(_hidden_before(one, linked))) for one in linked.values()]


def _beside(entries: Sequence[Entry], by_path: Mapping[str, Entry]) -> dict[str, str]:
    """The table that each ledger and quarantine is beside, as its card says, or by the names that jobs give them."""
    told = {storage_path(one.quarantine).rstrip("/"): one.name for one in entries if one.quarantine}
    found = {}
    for one in entries:
        path, suffix = one.path.rstrip("/"), _SUFFIXES.get(one.kind, "")
        by_suffix = by_path.get(path.removesuffix(suffix)) if suffix and path.endswith(suffix) else None
        name = told.get(path) or (by_suffix.name if by_suffix else None)
        if name:
            found[one.name] = name
    return found


def _sources(one: Entry, by_path: Mapping[str, Entry], by_name: Mapping[str, Entry]) -> list[str]:
    """The names of the tables that a table's sources are, or are files of."""
    found = (by_name.get(source) or _table_at(source, by_path) for source in one.sources)
    return list(dict.fromkeys(of.name for of in found if of is not None and of is not one))


def _table_at(source: str, by_path: Mapping[str, Entry]) -> Entry | None:
    """The table that a path is of, or is in; a relative one was a path of the folder that its job ran in."""
    path = storage_path(source).rstrip("/")
    while path:
        if path in by_path:
            return by_path[path]
        path = path.rpartition("/")[0]
    tail = f"/{source.removeprefix('./').rstrip('/')}"
    alike = [of for path, of in by_path.items() if path.endswith(tail)] if not source.startswith("/") else []
    return alike[0] if len(alike) == 1 else None


def _hidden_before(one: Entry, known: Mapping[str, Entry], seen: tuple[str, ...] = ()) -> list[Column]:
    """The columns, with the steps that hid personal data in those of other tables that they are made from."""
    upstream: dict[str, list[str]] = {}
    for name in one.made_from:
        if name not in seen:
            for column in _hidden_before(known[name], known, (*seen, one.name)):
                told = [step if ", in " in step else f"{step}, in {name}" for step in column.privacy]
                upstream.setdefault(column.name, []).extend(told)
    if not any(upstream.values()):
        return list(one.columns)
    return [
        replace(
            column,
            privacy=tuple(
                dict.fromkeys([*column.privacy, *(step for of in sources_of(column) for step in upstream.get(of, ()))])
            ),
        )
        for column in one.columns
    ]
