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
    "to mllib",
    "CPU s",
    "scans",
    "peak MB",
    "rows written",
    "files",
    "bytes",
)


def markdown(result: Mapping[str, Any]) -> str:
    """A heading, the table, how to read it, the machine and the command."""
    runs = middle_runs(result["runs"])
    spec, machine = result["spec"], result["machine"]
    repeated = f", the middle of {result['repeat']} runs by total" if result["repeat"] > 1 else ""
    versions = {name: text for run in runs for name, text in run["versions"].items()}
    return "\n".join(
        [
            f"{spec['rows']:,} rows x {spec['columns']} float64 columns in {spec['shards']} Parquet shards, "
            f"5 % nulls{repeated}.",
            "",
            *_table(runs),
            "",
            f"agree: {_agreement(result, runs)}",
            "",
            "Total is all but the session; CPU is user and system time of the process tree, session included; "
            "scans are passes over the source, the writing one among them; peak is resident memory of the tree.",
            "",
            f"Machine: {machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']:.0f} GiB, "
            f"{machine['system']}; each peer had {result['cores']} cores, and Spark a heap of {result['memory']}. "
            f"Other programs took {_others(runs)} of its processors meanwhile.",
            "",
            "Versions: " + ", ".join(f"{name} {text}" for name, text in {**machine["versions"], **versions}.items()),
            "",
            f"Command: `{result['command']}`",
        ]
    )


def middle_runs(runs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of each peer's runs the one with the middle total: a whole run, so that its phases belong together."""
    peers = dict.fromkeys(run["peer"] for run in runs)
    by_total = {peer: sorted((r for r in runs if r["peer"] == peer), key=_total) for peer in peers}
    return [mine[(len(mine) - 1) // 2] for mine in by_total.values()]


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_gib": psutil.virtual_memory().total / 1024**3,
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"Python": platform.python_version()},
    }


def _agreement(result: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> str:
    if result["disagreements"]:
        return "no\n\n" + "\n".join(f"- {line}" for line in result["disagreements"])
    return "yes" if len(runs) > 1 else "nothing to compare, one peer ran"


def _others(runs: Sequence[Mapping[str, Any]]) -> str:
    shares = [run["others"] for run in runs]
    return f"{min(shares):.0%} to {max(shares):.0%}" if len(runs) > 1 else f"{shares[0]:.0%}"


def _table(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    mllib = next((_total(run) for run in runs if run["peer"] == "mllib"), None)
    cells = [_cells(run, mllib) for run in runs]
    ruler = ["---", *["---:"] * (len(HEADINGS) - 1)]
    return [f"| {' | '.join(line)} |" for line in (HEADINGS, ruler, *cells)]


def _cells(run: Mapping[str, Any], mllib: float | None) -> list[str]:
    seconds, table = run["seconds"], run["table"]
    return [
        run["peer"],
        *(f"{seconds[phase]:.1f}" for phase in ("session", "fit", "write", "total")),
        f"{_total(run) / mllib:.2f}" if mllib else "-",
        f"{run['cpu_seconds']:.1f}",
        str(run["scans"]),
        f"{run['peak_bytes'] / 1e6:,.0f}",
        f"{table['rows']:,}",
        str(table["files"]),
        f"{table['bytes']:,}",
    ]


def _total(run: Mapping[str, Any]) -> float:
    return float(run["seconds"]["total"])


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor() or "unknown"
