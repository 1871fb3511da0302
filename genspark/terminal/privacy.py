"""The commands about persons in tables, from their parsed arguments."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from genspark.errors import ConfigError, DataError
from genspark.tables.anonymity import Wanted, measure
from genspark.tables.erasing.erasure import Erasure
from genspark.tables.erasing.erasure import erase as take_out
from genspark.tables.releasing import release as make_release
from genspark.tables.reveal import reveal as write_revealed
from genspark.terminal.console import print_pairs
from genspark.terminal.progress import shown


def reveal(arguments: SimpleNamespace) -> None:
    """Write a table with originals in the place of pseudonyms."""
    with shown(arguments, "revealing") as tell:
        told = write_revealed(arguments.table, arguments.vault, arguments.columns, arguments.output, tell)
    if arguments.json:
        print(json.dumps(told))
        return
    print_pairs(
        "genspark reveal",
        [
            ("table", str(told["table"])),
            ("written", f"{told['output']} ({told['rows']:,} rows)"),
            ("not in the vault", f"{told['unknown']:,} values, which are null"),
        ],
    )


def privacy(arguments: SimpleNamespace) -> None:
    """Measure how well persons hide in a table."""
    wanted = Wanted(
        arguments.quasi,
        arguments.sensitive,
        {"auto": None, "ordered": True, "equal": False}[arguments.distance],
        arguments.k,
        arguments.l,
        arguments.t,
    )
    with shown(arguments, "counting") as tell:
        told = measure(arguments.table, wanted, tell)
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        print_pairs(f"genspark privacy: {told['table']}, version {told['version']}", list(_measures(told)))
    if told["unmet"]:
        raise DataError(f"{told['table']}: {'; '.join(told['unmet'])}; the step anonymize makes it so")


def _measures(told: dict[str, Any]) -> list[tuple[str, str]]:
    if not told["rows"]:
        return [("rows", "0")]
    share = f"{told['unique'] / told['rows']:.2%}"
    pairs = [
        ("quasi-identifiers", ", ".join(told["quasi"])),
        ("rows", f"{told['rows']:,} in {told['classes']:,} classes of the same values"),
        ("alone in their class", f"{told['unique']:,} rows ({share})"),
        ("k-anonymity", f"k = {told['k']:,}: the smallest class"),
    ]
    if "at_risk" in told:
        pairs.append(("in smaller classes", f"{told['at_risk']:,} rows"))
    if told["sensitive"] is not None:
        pairs += [
            ("sensitive", told["sensitive"]),
            ("l-diversity", f"l = {told['l']:,} distinct values; {told['entropy_l']:.3g} by entropy"),
            ("t-closeness", f"t = {told['t']:.4f} ({told['distance']} distance)"),
        ]
    return pairs


def erase(arguments: SimpleNamespace) -> None:
    """Erase persons from a table and what is beside it."""
    keys = _keys(arguments.key)
    clear = functools.partial(take_out, arguments.table, keys, from_vault=arguments.vault)
    if not (arguments.yes or arguments.dry_run):
        _confirm(keys, clear(dry_run=True))
    told = clear(dry_run=arguments.dry_run, phase=functools.partial(shown, arguments))
    if arguments.json:
        print(json.dumps(told.to_json(), ensure_ascii=False))
    else:
        print_pairs("genspark erase", list(_erased(told)))
    if told.left:
        raise DataError(
            f"{told.table}: {len(told.left)} files tell of them still, such as {told.left[0]}; name by --key every "
            "column that has them, and let another run make a model, a page or a card anew: then erase again"
        )


def _keys(given: Sequence[str]) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {}
    for text in given:
        column, separator, value = text.partition("=")
        if not (column and separator and value):
            raise ConfigError("--key: must be COLUMN=VALUE, such as user_id=4711")
        keys.setdefault(column, []).append(value)
    return keys


def _confirm(keys: Mapping[str, Sequence[str]], told: Erasure) -> None:
    """Ask on a terminal whether it is meant; elsewhere nobody can answer. Raises ConfigError."""
    if not sys.stdin.isatty():
        raise ConfigError("--yes: rows are erased for good, which nobody can confirm here; add --yes, or --dry-run")
    persons = sum(len(values) for values in keys.values())
    print(f"{told.table}: {told.rows:,} rows and {told.quarantined:,} in quarantine are of the {persons} keys given.")
    print("They will be gone for good, and versions that had them can no longer be read.")
    if input("Type erase to go on: ").strip() != "erase":
        raise ConfigError("--key: nothing was erased")


def _erased(told: Erasure) -> Iterator[tuple[str, str]]:
    would = "would be " if told.dry_run else ""
    yield "table", told.table
    yield "rows", f"{told.rows:,} {would}erased, {told.quarantined:,} of the quarantine"
    if told.pseudonyms:
        yield "pseudonyms", f"{told.pseudonyms:,} {would}erased from the vault"
    if told.dry_run:
        yield "statistics", "those of the files that they are from, or of all" if told.rows else "as they are"
        return
    every = " (of every file: rows do not tell theirs)" if told.all_states else ""
    yield "statistics", f"{told.states:,} states of files dropped{every}"
    if told.replayed:
        yield "replays", f"{told.replayed:,} rows erased"
    if told.messages:
        yield "ledger", f"{told.messages:,} runs whose messages had a key"
    if told.indexed or told.hashed:
        still = f"; the hash of a key is in {len(told.hashed):,} models still: {told.hashed[0]}" if told.hashed else ""
        yield "duplicates", f"{told.indexed:,} rows taken from indexes and lists{still}"
    lost = f"; versions before {told.versions_lost} may not be readable" if told.versions_lost else ""
    yield "old files", f"{told.deleted:,} deleted, whatever the table's retention{lost}"
    yield "searched", f"{told.searched:,} files; {len(told.left):,} tell of them still"


def release(arguments: SimpleNamespace) -> None:
    """Release a statistic with differential privacy."""
    bounds = dict(_bounds(text) for text in arguments.bounds)
    with shown(arguments, "reading") as tell:
        told = make_release(
            arguments.table,
            arguments.query,
            arguments.epsilon,
            bounds=bounds,
            bins=arguments.bins,
            budget=arguments.budget,
            tell=tell,
        )
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False))
        return
    found = told["value"] if "value" in told else ", ".join(str(count) for count in told["counts"])
    print_pairs(
        f"genspark release: {told['table']}, version {told['version']}",
        [
            (told["query"], str(found)),
            ("mechanism", told["mechanism"]),
            ("epsilon", f"{told['epsilon']:g} for {told['neighbours']}; {told['left']:g} left"),
        ],
    )


def _bounds(text: str) -> tuple[str, tuple[float, float]]:
    column, _, both = text.partition("=")
    try:
        low, high = (float(part) for part in both.split(","))
    except ValueError:
        raise ConfigError(f"--bounds: must be COLUMN=LOW,HIGH, such as age=0,100; got {text!r}") from None
    return column, (low, high)
