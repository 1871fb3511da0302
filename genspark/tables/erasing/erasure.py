"""Erasure: persons' rows are taken from a table and all that is kept beside it, and what is left is searched for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from genspark.columns.names import FILE_COLUMN
from genspark.config import JobConfig
from genspark.errors import ConfigError, SinkError, SourceError, did_you_mean
from genspark.sinks import vault
from genspark.sinks.marks import marks_of
from genspark.sinks.names import FILE_URI
from genspark.storage.files import OWN, storage_path
from genspark.storage.secrets import remember
from genspark.tables.erasing.beside import erase_rows, messages_without, replays_without
from genspark.tables.erasing.duplicates import Duplicates
from genspark.tables.erasing.log import forget_bounds
from genspark.tables.erasing.persons import Persons
from genspark.tables.erasing.rows import Theirs, delete_old, find, write_without
from genspark.tables.erasing.searching import Searched, search
from genspark.tables.footers import Tell, silent
from genspark.tables.runs import Runs, runs_of
from genspark.tables.snapshot import is_table, read_snapshot

Phase = Callable[[str], contextlib.AbstractContextManager[Tell]]


@dataclass(frozen=True)
class Erasure:
    """What was erased, or would be (`dry_run`: then nothing was searched). Of tables that are not there: 0 rows.

    `states` are rows of the table of statistics, `all_states` says that those of every file went, for rows did not tell
    theirs. `indexed`: rows taken from the indexes and lists of duplicates; `hashed`: models that hold the hash of a
    row's key in such a list still. `messages`: runs in the ledger whose messages had a key.
    `versions_lost`: versions before this one cannot be read any more, as files of theirs were deleted. `left` are files
    that tell of the persons still.
    """

    table: str
    dry_run: bool
    rows: int
    quarantined: int
    states: int
    all_states: bool
    replayed: int
    indexed: int
    hashed: list[str]
    pseudonyms: int
    deleted: int
    versions_lost: int | None
    searched: int | None
    left: list[str]
    messages: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, which names no person."""
        return asdict(self)


def erase(
    given: str,
    keys: Mapping[str, Sequence[str]],
    *,
    from_vault: str | None = None,
    dry_run: bool = False,
    phase: Phase = lambda _: contextlib.nullcontext(silent),
) -> Erasure:
    """Erase the rows of persons from a table, or a job's, and its quarantine; from statistics, replays and a vault.

    `keys` maps columns to values, of which a row has one to be a person's. With a vault its pseudonyms of these values
    are looked for, too, and it forgets them when no other file tells of them. Files that tell of them are deleted,
    however long the table keeps removed files; bounds of files that are gone leave the log. Raises ConfigError for
    columns that are nowhere, SinkError while a run works.
    """
    for values in keys.values():
        remember([value for value in values if len(value) >= 6], "secret")
    runs = runs_of(given)
    target = storage_path(runs.target or given)
    tables = [target, *([storage_path(runs.quarantine)] if is_table(runs.quarantine) else [])]
    _refuse_runs(target)
    pseudonyms = _pseudonyms(from_vault, keys)
    persons = Persons({name: (*values, *pseudonyms) for name, values in keys.items()})
    _refuse_absent(persons, tables)
    duplicates = Duplicates.of(target)
    with phase("looking for rows") as tell:
        of_source = zip(tables, (FILE_COLUMN, FILE_URI), strict=False)
        found = [find(path, persons, column, duplicates.ids_of, tell) for path, column in of_source]
    rows, aside = found[0].rows, sum(each.rows for each in found[1:])
    states, all_states = _states(given, runs, target), not all(each.is_known for each in found)
    if dry_run:
        return Erasure(
            table=target,
            dry_run=True,
            rows=rows,
            quarantined=aside,
            states=0,
            all_states=all_states,
            replayed=0,
            indexed=0,
            hashed=[],
            pseudonyms=len(pseudonyms),
            deleted=0,
            versions_lost=None,
            searched=None,
            left=[],
        )
    with phase("writing files anew") as tell:
        for theirs in found:
            if theirs.rows:
                write_without(theirs, persons, tell)
    removed = _from_states(states, found, all_states=all_states)
    replayed = replays_without(target, persons)
    ledger = storage_path(runs.ledger_path) if runs.ledger_path else None
    messages = messages_without(ledger, persons) if ledger else 0
    forgotten = duplicates.without({one for theirs in found for one in theirs.ids} | duplicates.ids_by_key(persons))
    with phase("deleting old files") as tell:
        deleted = 0
        for number, path in enumerate(tables):
            deleted += delete_old(path, persons)
            forget_bounds(path)
            tell(number + 1, len(tables))
    lost = read_snapshot(target).version if deleted else None
    with phase("searching every file") as tell:
        searched = search([*tables, *states, *([ledger] if ledger else [])], persons, tell)
    # The vault forgets last: without its entries the next erasure would not know the pseudonyms that are left.
    of_vault = 0 if searched.left else len(pseudonyms)
    if from_vault and not searched.left:
        if pseudonyms:
            erase_rows(from_vault, "pseudonym", pseudonyms)
        inside = search([storage_path(from_vault)], persons)
        searched = Searched(searched.files + inside.files, inside.left)
    return Erasure(
        table=target,
        dry_run=False,
        rows=rows,
        quarantined=aside,
        states=removed,
        all_states=all_states and bool(removed),
        replayed=replayed,
        indexed=forgotten.rows,
        hashed=[persons.hidden(path) for path in forgotten.models],
        pseudonyms=of_vault,
        deleted=deleted,
        versions_lost=lost,
        searched=searched.files,
        left=[persons.hidden(path) for path in searched.left],
        messages=messages,
    )


def _pseudonyms(from_vault: str | None, keys: Mapping[str, Sequence[str]]) -> list[str]:
    if from_vault is None:
        return []
    values = [value for some in keys.values() for value in some]
    return vault.read(from_vault).filter(pl.col("original").is_in(values))["pseudonym"].to_list()


def _refuse_runs(target: str) -> None:
    alive = [mark for mark in marks_of(target) if not mark.is_dead]
    if alive:
        raise SinkError(f"{target}: {alive[0].who} is at work on it; erase when it has ended")


def _refuse_absent(persons: Persons, tables: Sequence[str]) -> None:
    """Raise ConfigError for a key's column that no table has."""
    known = {name for path in tables for name in read_snapshot(path).columns}
    absent = [name for name in persons.keys if name not in known]
    if absent:
        raise ConfigError(f"--key: {absent[0]!r} is not a column of {tables[0]}{did_you_mean(absent[0], known)}")


def _states(given: str, runs: Runs, target: str) -> list[str]:
    """The tables of statistics that may be of this job: that of the YAML, those of its runs, and the default."""
    places = [f"{target}/{OWN}/model_statistics"]
    if given.endswith((".yaml", ".yml")):
        places.append(storage_path(JobConfig.from_yaml(given).statistics_path))
    for config in runs.configs:
        model = config.get("model")
        if isinstance(model, dict):
            path = model.get("statistics") or f"{str(model.get('path')).removesuffix('.json')}_statistics"
            places.append(storage_path(path))
    found = []
    for place in dict.fromkeys(places):
        with contextlib.suppress(SourceError):
            if is_table(place):
                found.append(place)
    return found


def _from_states(places: Sequence[str], found: Sequence[Theirs], *, all_states: bool) -> int:
    """Drop the states of the files that erased rows came from: a state cannot forget a row."""
    touched = sorted({name for theirs in found for name in theirs.sources})
    if not any(theirs.rows for theirs in found):
        return 0
    return sum(erase_rows(place, "file", None if all_states else touched) for place in places)
