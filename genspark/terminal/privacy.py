"""The commands about persons in tables, from their parsed arguments."""

from __future__ import annotations

import argparse
import json

from genspark.tables.reveal import reveal as write_revealed
from genspark.terminal.tables import print_pairs, shown


def reveal(arguments: argparse.Namespace) -> None:
    """Write a table with originals in the place of pseudonyms."""
    columns = [name.strip() for name in arguments.columns.split(",")]
    with shown(arguments, "revealing") as tell:
        told = write_revealed(arguments.table, arguments.vault, columns, arguments.output, tell)
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
