"""The commands about persons in tables, from their parsed arguments."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from genspark.errors import DataError
from genspark.tables.anonymity import Wanted, measure
from genspark.tables.reveal import reveal as write_revealed
from genspark.terminal.tables import print_pairs, shown


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
