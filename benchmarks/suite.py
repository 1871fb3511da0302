"""Run the peers one after the other, and hold their results against each other."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agreement import Table, disagreements, read_table
from data import Spec
from process import run_peer
from report import machine

# The share of the machine in other hands above which wall times are not worth much.
BUSY = 0.1


def measure(asked: argparse.Namespace, spec: Spec, shards: Path, scratch: Path) -> dict[str, Any]:
    """Run every peer `asked.repeat` times; every run's figures, and where the peers differ."""
    found_on = machine()
    runs, differences = [], []
    for number in range(1, asked.repeat + 1):
        outcomes, tables = {}, {}
        # Peers take turns, so that a slow quarter of an hour on the machine is slow for all of them.
        for peer in asked.peers:
            tell(f"{peer}: run {number} of {asked.repeat}")
            folder = scratch / f"{number}-{peer}"
            run = run_peer(asked, spec, peer, shards, folder)
            if run["status"] == "ok":
                run, table = _with_table(run, folder / "table", spec)
                if table:
                    outcomes[peer], tables[peer] = run, table
            _tell_of(peer, run)
            runs.append({"peer": peer, "run": number, **run})
            if not asked.keep:
                shutil.rmtree(folder, ignore_errors=True)
        differences += disagreements(outcomes, tables) if outcomes else []
    return {
        "machine": found_on,
        "spec": asdict(spec),
        "threshold": asked.threshold,
        "repeat": asked.repeat,
        "cores": asked.cores,
        "memory": asked.memory,
        "runs": runs,
        "disagreements": list(dict.fromkeys(differences)),
    }


def tell(line: str) -> None:
    """A line of progress."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def _with_table(run: dict[str, Any], path: Path, spec: Spec) -> tuple[dict[str, Any], Table | None]:
    """The run with its table's size, and the table; a failed run where that is not a table."""
    try:
        table = read_table(path, spec.names)
    except Exception as error:
        return {**run, "status": "failed", "reason": f"its table cannot be read: {error}"}, None
    return {**run, "table": {name: getattr(table, name) for name in ("rows", "files", "bytes")}}, table


def _tell_of(peer: str, run: Mapping[str, Any]) -> None:
    if run["status"] != "ok":
        tell(f"{peer}: {run['status']}, {run['reason']}")
        return
    tell(f"{peer}: {run['seconds']['total']:.1f} s without the session, {run['table']['rows']:,} rows written")
    warn_if_busy(run)


def warn_if_busy(run: Mapping[str, Any]) -> None:
    """A line of progress where other programs had so much of the machine that the run's times are not worth much."""
    if run["others"] > BUSY:
        tell(f"warning: other programs took {run['others']:.0%} of the machine: measure on a quieter one")
