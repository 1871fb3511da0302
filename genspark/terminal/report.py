"""The command that makes a report, from its parsed arguments."""

from __future__ import annotations

import json
from types import SimpleNamespace

from genspark.report import report as made
from genspark.storage.sizes import size_text
from genspark.terminal.progress import reading


def report(arguments: SimpleNamespace) -> None:
    """Write a report of a table as one HTML file."""
    with reading(arguments, "making the page"):
        size = made(
            arguments.table,
            arguments.output,
            against=arguments.against,
            ledger=arguments.scores,
            by=arguments.by,
            features=arguments.features,
            steps=not arguments.no_steps,
        )
    told = {"report": arguments.output, "bytes": size}
    print(json.dumps(told) if arguments.json else f"{arguments.output} ({size_text(size)}): open it in a browser")
