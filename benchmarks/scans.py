"""What scans cost: every statistic in one pass, beside Spark's and MLlib's own ways to them.

    python benchmarks/scans.py --rows 4000000

- summary: moments, extremes and quantile sketches of 20 columns in one scan, against Spark's `summary` and
  `percentile_approx` of the same columns.
- scalers: the fits of impute (median), scale (robust) and scale (standard), against MLlib's Imputer, RobustScaler and
  StandardScaler.
- wide: as summary, of 500 columns and a twentieth of the rows: seconds per value, against those of summary.
- groups: moments and extremes of 10 columns in each of 10,000 groups, in one scan, against `group_by` of Spark and of
  Polars.
- model: the fit of impute (model) of 20 columns: the scans, and the seconds of each.

Each program runs in a process of its own, one after the other, on the same shards, as with `preprocess.py`; all
Spark programs have genspark's session. The table goes to stdout, progress to stderr. Exit code 1: a program failed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data import Spec, shards_for, write_shards
from peers.task import Task
from report import machine, total_of
from scan_peers import PEERS
from suite import tell, warn_if_busy
from watch import run_watched

from genspark.session.jvm import available_memory, driver_memory, usable_cores

COLUMNS, WIDE_COLUMNS, WIDE_SHARE = 20, 500, 20
MEASURES = tuple(dict.fromkeys(name.split()[0] for name in PEERS))
HEADINGS = ("measure", "program", "seconds", "CPU s", "scans", "s per scan", "M values/s", "result", "target")


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    out = asked.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    runs = []
    for name in PEERS:
        if name.split()[0] in asked.measures and name.split()[1] in asked.programs:
            tell(name)
            runs.append({"name": name, **_run(name, asked, out)})
            _tell_of(runs[-1])
    result = {"machine": machine(), "rows": asked.rows, "cores": asked.cores, "memory": asked.memory, "runs": runs}
    print(markdown(result))
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0 if all(run["status"] == "ok" for run in runs) else 1


def _run(name: str, asked: argparse.Namespace, out: Path) -> dict[str, Any]:
    """What the program told and took, in a process of its own."""
    spec = _spec(name, asked)
    shards = write_shards(spec, out, tell)
    _warm(shards)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        task = Task(
            peer=name,
            shards=str(shards),
            table="",
            rows=spec.rows,
            columns=spec.names,
            threshold=0.0,
            cores=asked.cores,
            memory=asked.memory,
            free_memory=available_memory(),
            scratch=scratch,
        )
        command = [sys.executable, str(Path(__file__).with_name("scan_peers.py")), json.dumps(asdict(task))]
        threads = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS"), str(asked.cores))
        log = Path(scratch) / "stderr.log"
        ended = run_watched(
            command, folder=Path(scratch), environment={**os.environ, **threads}, log=log, limit=asked.limit
        )
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    values = spec.rows * min(spec.columns, 10 if name.startswith("groups") else spec.columns)
    told = {"values": values, "cpu_seconds": ended.usage.cpu_seconds, "others": ended.usage.others}
    if ended.stopped or ended.code or not ended.said.strip():
        return {
            **told,
            "status": "failed",
            "reason": ended.stopped or (said[-1] if said else f"exit code {ended.code}"),
        }
    outcome = json.loads(ended.said.splitlines()[-1])
    return {**told, "status": "ok", "seconds": outcome["seconds"], "scans": outcome["scans"]}


def _spec(name: str, asked: argparse.Namespace) -> Spec:
    is_wide = name.startswith("wide")
    rows = max(1, asked.rows // WIDE_SHARE) if is_wide else asked.rows
    return Spec(rows, WIDE_COLUMNS if is_wide else COLUMNS, shards_for(rows), asked.seed)


def _warm(shards: Path) -> None:
    """Every program finds the shards in memory, if they fit."""
    for shard in sorted(shards.glob("*.parquet")):
        shard.read_bytes()


def markdown(result: Mapping[str, Any]) -> str:
    """The table, and the machine."""
    runs = {run["name"]: run for run in result["runs"]}
    ruler = ["---", "---", *["---:"] * (len(HEADINGS) - 4), "---", "---"]
    lines = [f"| {' | '.join(cells)} |" for cells in (HEADINGS, ruler, *(_cells(run, runs) for run in runs.values()))]
    shown = result["machine"]
    mishaps = [f"- {run['name']}: {run['reason']}" for run in runs.values() if run["status"] != "ok"]
    return "\n".join(
        [
            *lines,
            "",
            *mishaps,
            f"{result['rows']:,} rows x {COLUMNS} columns, wide: {max(1, result['rows'] // WIDE_SHARE):,} x "
            f"{WIDE_COLUMNS}. Seconds are without the session; CPU is of all processes, session included.",
            f"Machine: {shown['cores']} cores ({shown['cpu']}), {shown['memory_gib']:.0f} GiB, {shown['system']}; "
            f"each program had {result['cores']} cores, and Spark a heap of {result['memory']}. Others took up to "
            f"{max((run['others'] for run in runs.values()), default=0.0):.0%} of the processors meanwhile.",
        ]
    )


def _cells(run: Mapping[str, Any], runs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    measure, program = run["name"].split()
    if run["status"] != "ok":
        return [measure, program, run["status"], *["-"] * (len(HEADINGS) - 3)]
    total, scans = run["seconds"]["total"], run["scans"]
    told, target = _against(run, runs)
    return [
        measure,
        program,
        f"{total:.2f}",
        f"{run['cpu_seconds']:.1f}",
        str(scans),
        f"{total / scans:.2f}" if scans else "-",
        f"{run['values'] * max(scans, 1) / total / 1e6:.1f}",
        told,
        target,
    ]


RIVALS = {"summary": (("spark", 4.0),), "scalers": (("mllib", 2.0),), "groups": (("spark", None), ("polars", None))}
"""Of each measure: whom genspark is held against, and how many times faster it is meant to be."""
WIDE_TARGET = 2.0


def _against(run: Mapping[str, Any], runs: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """What the run is beside others, and what it is meant to be."""
    measure, program = run["name"].split()
    if not program.startswith("genspark"):
        return "", ""
    if measure == "wide":
        narrow = runs.get(f"summary {program}", {})
        if narrow.get("status") != "ok":
            return "", ""
        ratio = _per_value(run) / _per_value(narrow)
        return f"{ratio:.2f} x the time per value", f"at most {WIDE_TARGET:g}"
    others = [
        (name, aim) for name, aim in RIVALS.get(measure, ()) if runs.get(f"{measure} {name}", {}).get("status") == "ok"
    ]
    told = ", ".join(
        f"{total_of(runs[f'{measure} {name}']) / total_of(run):.2f} x as fast as {name}" for name, _ in others
    )
    return told, ", ".join(f"at least {aim:g}" for _, aim in others if aim)


def _per_value(run: Mapping[str, Any]) -> float:
    return total_of(run) / float(run["values"])


def _tell_of(run: Mapping[str, Any]) -> None:
    if run["status"] != "ok":
        tell(f"{run['name']}: {run['reason']}")
        return
    tell(f"{run['name']}: {total_of(run):.2f} s")
    warn_if_busy(run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="What scans cost: all statistics in one pass, beside Spark's and MLlib's own.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    programs = tuple(dict.fromkeys(name.split()[1] for name in PEERS))
    add = parser.add_argument
    add("--rows", type=int, default=4_000_000, help="rows of the input; wide has a twentieth of them")
    add("--measures", nargs="+", choices=MEASURES, default=list(MEASURES), help="which are taken")
    add("--programs", nargs="+", choices=programs, default=list(programs), help="which run")
    add("--seed", type=int, default=20, help="what decides every value of the input")
    add("--limit", type=float, default=1800, help="seconds after which a program is stopped")
    add("--cores", type=int, default=usable_cores(), help="cores of each program")
    add("--memory", default=driver_memory(), help="heap of each Spark, such as 8g")
    add("--out", type=Path, default=Path("out/benchmarks"), help="where the input is kept for next time")
    add("--json", type=Path, metavar="FILE", help="write every run's figures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
