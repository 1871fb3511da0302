"""What was measured, as Markdown for docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

HEADINGS = (
    "peer",
    "session s",
    "fit s",
    "write s",
    "total s",
    "M values/s/core",
    "to mllib",
    "to polars",
    "CPU s",
    "scans",
    "peak MB, largest",
    "peak MB, all",
    "files",
    "bytes",
)
ABSENT = "-"
EXPLANATION = (
    "Total is all but the session, and the ratios are of totals, below 1 where the peer is the faster one. "
    "M values/s/core is rows x columns / total / cores, in millions. CPU is user and system time of all processes, "
    "session included; scans are passes over the source, the writing one among them; peak is resident memory, of the "
    "largest process and of all together."
)


def markdown(result: Mapping[str, Any]) -> str:
    """A heading, the table, how to read it, the machine and the command."""
    runs = middle_runs(result["runs"])
    spec, machine = result["spec"], result["machine"]
    repeated = f", the middle of {result['repeat']} runs by total" if result["repeat"] > 1 else ""
    versions = {name: text for run in runs for name, text in run.get("versions", {}).items()}
    return "\n".join(
        [
            f"{spec['rows']:,} rows x {spec['columns']} float64 columns in {spec['shards']} Parquet shards, "
            f"5 % nulls, rows with |z| > {result['threshold']:g} dropped{repeated}.",
            "",
            *_table(runs, result),
            "",
            *_mishaps(result["runs"]),
            f"agree: {_agreement(result, runs)}",
            "",
            EXPLANATION,
            "",
            f"Machine: {machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']:.0f} GiB, "
            f"{machine['system']}; each peer had {result['cores']} cores, and Spark a heap of {result['memory']}. "
            f"{_others(runs)}",
            "",
            "Versions: " + ", ".join(f"{name} {text}" for name, text in {**machine["versions"], **versions}.items()),
            "",
            f"Command: `{result['command']}`",
        ]
    )


def middle_runs(runs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of each peer's runs the one with the middle total: a whole run, so that its phases belong together.

    A run that failed stands for its peer where no other did better.
    """
    peers = dict.fromkeys(run["peer"] for run in runs)
    return [_middle([run for run in runs if run["peer"] == peer]) for peer in peers]


def _middle(runs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    whole = sorted((run for run in runs if run["status"] == "ok"), key=total_of)
    return whole[(len(whole) - 1) // 2] if whole else runs[0]


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_gib": psutil.virtual_memory().total / 1024**3,
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"Python": platform.python_version()},
    }


def _mishaps(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why a peer has no figures, a line each."""
    lines = [f"- {run['peer']}: {run['status']}, {run['reason']}" for run in runs if run["status"] != "ok"]
    return [*dict.fromkeys(lines), ""] if lines else []


def _agreement(result: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> str:
    if result["disagreements"]:
        return "no\n\n" + "\n".join(f"- {line}" for line in result["disagreements"])
    whole = [run for run in runs if run["status"] == "ok"]
    if len(whole) < 2:
        return f"nothing to compare, {'one peer' if whole else 'no peer'} ran to its end"
    return f"yes, {len(whole)} peers; each wrote {whole[0]['table']['rows']:,} rows"


def _others(runs: Sequence[Mapping[str, Any]]) -> str:
    shares = [run["others"] for run in runs if run["status"] == "ok"]
    if not shares:
        return ""
    low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
    return f"Other programs took {low if low == high else f'{low} to {high}'} of its processors meanwhile."


def _table(runs: Sequence[Mapping[str, Any]], result: Mapping[str, Any]) -> list[str]:
    whole = {run["peer"]: total_of(run) for run in runs if run["status"] == "ok"}
    values = result["spec"]["rows"] * result["spec"]["columns"] / result["cores"] / 1e6
    cells = [_cells(run, whole, values) if run["status"] == "ok" else _empty(run) for run in runs]
    ruler = ["---", *["---:"] * (len(HEADINGS) - 1)]
    return [f"| {' | '.join(line)} |" for line in (HEADINGS, ruler, *cells)]


def _cells(run: Mapping[str, Any], totals: Mapping[str, float], values: float) -> list[str]:
    seconds, table, total = run["seconds"], run["table"], total_of(run)
    return [
        run["peer"],
        *(_seconds(seconds[phase]) for phase in ("session", "fit", "write", "total")),
        f"{values / total:.2f}",
        *(f"{total / totals[other]:.2f}" if other in totals else ABSENT for other in ("mllib", "polars")),
        f"{run['cpu_seconds']:.1f}",
        str(run["scans"]),
        f"{run['peak_process_bytes'] / 1e6:,.0f}",
        f"{run['peak_bytes'] / 1e6:,.0f}",
        str(table["files"]),
        f"{table['bytes']:,}",
    ]


def _empty(run: Mapping[str, Any]) -> list[str]:
    """A row that says what became of the peer where its total would stand."""
    return [run["peer"], *(run["status"] if name == "total s" else ABSENT for name in HEADINGS[1:])]


def _seconds(seconds: float) -> str:
    """One decimal is more than runs agree in, where they take long."""
    return f"{seconds:.1f}" if seconds >= 10 else f"{seconds:.2f}"


def total_of(run: Mapping[str, Any]) -> float:
    """The seconds of a run that ended well, without the session."""
    return float(run["seconds"]["total"])


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor() or "unknown"
