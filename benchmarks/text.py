"""The whole job on text sources: genspark's engines beside Polars and Spark SQL by hand and DuckDB.

Examples:
    python benchmarks/text.py                                     # all: 2 million rows, every kind, every peer
    python benchmarks/text.py --rows 200000 --kinds csv.gz,jsonl --peers genspark-polars,polars
    python benchmarks/text.py --told --clean --repeat 3 --json out/benchmarks/text.json

Each peer runs in a process of its own on the same shards. An overview and every run go to stdout, progress to stderr.
Exit code 1: one of genspark's peers failed, or peers disagree on clean shards. A missed target is told, and is no
failure.

"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from options import add_machine, at_least_one, some_of
from peers import OWN
from report import machine, middle_runs, total_of
from suite import measure, tell
from text_data import KINDS, TextSpec, write_text

PEERS = ("genspark-polars", "genspark-spark", "genspark-spark-polars", "polars", "duckdb", "spark-sql")
HAND = "polars"
COLUMNS, SHARDS, THRESHOLD = 6, 8, 4.0
MOST_MEMORY = 2e9
HEADINGS = ("kind", "types", "records", "peer", "session s", "plan s", "fit s", "write s", "total s", "to polars",
            "peak MB", "rows written", "verdict")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    asked.threshold, asked.ray_python, asked.keep = THRESHOLD, sys.executable, False
    out = asked.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    results = [_measured(asked, spec, out) for spec in _specs(asked)]
    result = {"machine": machine(), "rows": asked.rows, "cores": asked.cores, "results": results}
    print(overview(result), markdown(result), sep="\n\n")
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    failed = any(run["status"] != "ok" for one in results for run in one["runs"] if run["peer"] in OWN)
    return 1 if failed or any(one["disagreements"] for one in results) else 0


def _specs(asked: argparse.Namespace) -> list[TextSpec]:
    told = [True, False] if asked.types is None else [asked.types]
    corrupt = [False, True] if asked.corrupt is None else [asked.corrupt]
    shards = min(SHARDS, asked.rows)
    return [
        TextSpec(asked.rows, COLUMNS, shards, asked.seed, kind, types, spoilt)
        for kind in asked.kinds
        for types in told
        for spoilt in corrupt
    ]


def _measured(asked: argparse.Namespace, spec: TextSpec, out: Path) -> dict[str, Any]:
    shards = write_text(spec, out, tell)
    tell(_name(asdict(spec)))
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=out))
    try:
        result = measure(asked, spec, shards, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    # What becomes of a corrupt record is each reader's own idea: only clean shards are compared.
    return {**result, "disagreements": [] if spec.corrupt else result["disagreements"]}


def overview(result: Mapping[str, Any]) -> str:
    """A row for each kind of input: each peer's total seconds, and in brackets their ratio to Polars by hand."""
    peers = list(dict.fromkeys(run["peer"] for one in result["results"] for run in one["runs"]))
    lines = [["kind", "types", "records", *peers], [*["---"] * 3, *["---:"] * len(peers)]]
    for one in result["results"]:
        total = {run["peer"]: total_of(run) for run in middle_runs(one["runs"]) if run["status"] == "ok"}
        hand = total.get(HAND)
        ratio = {peer: f" ({seconds / hand:.2f})" for peer, seconds in total.items() if hand and peer != HAND}
        cells = [f"{total[peer]:.1f}{ratio.get(peer, '')}" if peer in total else "-" for peer in peers]
        lines.append([*_name(one["spec"]).split(), *cells])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def markdown(result: Mapping[str, Any]) -> str:
    """Every run in full, why a peer has no figures, where peers differ, and the machine."""
    ruler = [*["---"] * 4, *["---:"] * (len(HEADINGS) - 5), "---"]
    rows, notes = [], []
    for one in result["results"]:
        spec, runs = one["spec"], middle_runs(one["runs"])
        name = _name(spec)
        hand = next((total_of(run) for run in runs if run["peer"] == HAND and run["status"] == "ok"), None)
        rows += [[*name.split(), *_cells(run, hand, spec["kind"])] for run in runs]
        notes += [f"- {name}, {run['peer']}: {run['status']}, {run['reason']}" for run in runs if run["status"] != "ok"]
        notes += [f"- {name}: {line}" for line in one["disagreements"]]
    shown = result["machine"]
    others = [run["others"] for one in result["results"] for run in one["runs"] if run["status"] == "ok"]
    return "\n".join(
        [
            *(f"| {' | '.join(cells)} |" for cells in (HEADINGS, ruler, *rows)),
            "",
            *notes,
            "",
            f"{result['rows']:,} rows. Total is all but the session; a Spark's memory has no target. Machine: "
            f"{shown['cores']} cores ({shown['cpu']}), {shown['memory_gib']:.0f} GiB; each peer had "
            f"{result['cores']} cores. Others took up to {max(others, default=0.0):.0%} of the processors meanwhile.",
        ]
    )


def _name(spec: Mapping[str, Any]) -> str:
    kind, told, corrupt = spec["kind"], spec["told"], spec["corrupt"]
    return f"{kind} {'told' if told else 'inferred'} {'corrupt' if corrupt else 'clean'}"


def _cells(run: Mapping[str, Any], hand: float | None, kind: str) -> list[str]:
    if run["status"] != "ok":
        return [run["peer"], *["-"] * 4, run["status"], *["-"] * 3, ""]
    seconds = run["seconds"]
    phases = [f"{seconds[name]:.2f}" if name in seconds else "-" for name in ("session", "plan", "fit", "write")]
    ratio = f"{total_of(run) / hand:.2f}" if hand else "-"
    peak, written = f"{run['peak_bytes'] / 1e6:,.0f}", f"{run['table']['rows']:,}"
    return [run["peer"], *phases, f"{total_of(run):.2f}", ratio, peak, written, verdict(run, hand, kind)]


def verdict(run: Mapping[str, Any], hand: float | None, kind: str) -> str:
    """Whether genspark's engines meet their targets, each with its number; nothing for other peers."""
    compressed = kind.endswith((".gz", ".bz2"))
    most = {"genspark-polars": 1.0 if compressed else 1.5, "genspark-spark-polars": 2.0}.get(run["peer"])
    if most is None:
        return ""
    told = []
    if hand:
        told.append(f"{'meets' if total_of(run) / hand <= most else 'misses'} {most:g} x")
    if run["peer"] == "genspark-polars":
        told.append(f"{'meets' if run['peak_bytes'] <= MOST_MEMORY else 'misses'} 2 GB")
    return ", ".join(told)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--rows", type=at_least_one, default=2_000_000, help="rows of the input (2000000)")
    add("--kinds", type=some_of(KINDS), default=list(KINDS), help=f"comma-separated: {','.join(KINDS)}")
    add("--peers", type=some_of(PEERS), default=list(PEERS), help=f"comma-separated: {','.join(PEERS)}")
    types, records = parser.add_mutually_exclusive_group(), parser.add_mutually_exclusive_group()
    types.add_argument("--told", dest="types", action="store_const", const=True, help="only with types told")
    types.add_argument("--inferred", dest="types", action="store_const", const=False, help="only with types inferred")
    records.add_argument("--clean", dest="corrupt", action="store_const", const=False, help="only clean shards")
    records.add_argument(
        "--corrupt", dest="corrupt", action="store_const", const=True, help="only with one corrupt record in a thousand"
    )
    add("--repeat", type=at_least_one, default=1, help="runs of each peer; the middle one is shown (1)")
    add("--seed", type=int, default=20, help="what decides every value of the input (20)")
    add("--limit", type=at_least_one, default=1800, help="seconds after which a peer is stopped (1800)")
    add_machine(parser, "peer", limits="heap of each Spark and limit of DuckDB")
    return parser


if __name__ == "__main__":
    sys.exit(main())
