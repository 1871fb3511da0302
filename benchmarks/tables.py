"""What training tables cost: identity, order, ledger and card of every row's table, beside the plain write by hand.

    python benchmarks/tables.py                                   # 4 million rows x 20 columns, every engine
    python benchmarks/tables.py --rows 100000 --engines polars --repeat 1

- everything: the main job with a key, so that rows get `_row_id`, `_source_file` and their order in each file, with
  ledger and card; against the same job by hand (Polars, or a plain Delta write of Spark SQL, by the engine).
- global: the same with `sink.shuffle: global`, against the same.
- new-shard: a run that adds one shard to a table of 100, which 100 runs made, against a job of that shard alone.

Each program runs in a process of its own, and they take turns. The table goes to stdout, progress to stderr. Exit code
1: a program failed, or tables that should be the same are not. A missed aim is told, and is no failure.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data import Spec, shards_for, write_shards
from options import add_machine, at_least_one, some_of
from peers.tables import ENGINES, NEW, copy_table, grown_table
from process import run_peer
from report import machine, middle_runs, total_of
from suite import measure, tell

OLD_SHARDS = 100
HANDS = {"polars": "polars", "spark-polars": "spark-sql", "spark": "spark-sql", "spark-delta": "spark-sql"}
HEADINGS = ("measure", "program", "write s", "total s", "against", "write s", "total s", "ratio", "aim", "verdict")


@dataclass(frozen=True)
class Measure:
    """A way of genspark's job, what it is held against, and the most that the ratio of totals may be."""

    name: str
    way: str
    aim: float
    against: str | None = None
    """The other way of the same engine; None: the engine's program by hand."""

    def peers(self, engine: str) -> tuple[str, str]:
        """The program that is measured, and the one that it is held against."""
        return f"{engine}.{self.way}", f"{engine}.{self.against}" if self.against else HANDS[engine]


MEASURES = (
    Measure("everything", "everything", 1.1),
    Measure("global", "global", 2.5),
    Measure("new-shard", "added", 3.0, against="alone"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    asked.threshold, asked.ray_python, asked.keep = 3.0, sys.executable, False
    out = asked.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=out))
    try:
        runs, differences = _measured(asked, out, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    result = {
        "machine": machine(),
        "rows": asked.rows,
        "columns": asked.columns,
        "cores": asked.cores,
        "memory": asked.memory,
        "repeat": asked.repeat,
        "command": _command(asked),
        "runs": runs,
        "disagreements": differences,
    }
    print(markdown(result, asked.measures, asked.engines))
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 1 if differences or any(run["status"] != "ok" for run in runs) else 0


def _measured(asked: argparse.Namespace, out: Path, scratch: Path) -> tuple[list[Any], list[str]]:
    """The runs of every program, and where tables differ that should be the same."""
    wanted = [measure for measure in MEASURES if measure.name in asked.measures]
    whole, by_shard = [m for m in wanted if not m.against], [m for m in wanted if m.against]
    runs, differences = [], []
    if whole:
        spec = Spec(asked.rows, asked.columns, shards_for(asked.rows), asked.seed)
        asked.peers = _peers(whole, asked.engines)
        result = measure(asked, spec, write_shards(spec, out, tell), scratch)
        runs, differences = result["runs"], result["disagreements"]
    if by_shard:
        spec = Spec(asked.rows, asked.columns, OLD_SHARDS + 1, asked.seed)
        shards = _grown(asked, spec, write_shards(spec, out, tell), scratch)
        once = argparse.Namespace(**{**vars(asked), "repeat": 1})
        for number in range(1, asked.repeat + 1):
            for peer in _peers(by_shard, asked.engines):
                # One at a time, for their tables are not the same.
                once.peers = [peer]
                folder = scratch / f"turn-{number}-{peer}"
                folder.mkdir()
                runs += measure(once, spec, shards, folder)["runs"]
    return runs, differences


def _peers(measures: Sequence[Measure], engines: Sequence[str]) -> list[str]:
    each = (peer for measure in measures for engine in engines for peer in measure.peers(engine))
    return list(dict.fromkeys(each))


def _grown(asked: argparse.Namespace, spec: Spec, made: Path, scratch: Path) -> Path:
    """A folder of the shards, of which the last is new, beside a table that a run for each of the others has made."""
    shards, folder = scratch / "shards", scratch / "grown"
    shards.mkdir()
    *old, new = sorted(made.iterdir())
    for shard in old:
        (shards / shard.name).hardlink_to(shard)
    (shards / NEW).hardlink_to(new)
    tell(f"a table that grows by {len(old)} shards, one a run")
    run = run_peer(asked, spec, "polars.grown", shards, folder)
    if run["status"] != "ok":
        raise SystemExit(f"no table to add a shard to: {run['reason']}")
    copy_table(folder / "table", grown_table(shards))
    return shards


def markdown(result: Mapping[str, Any], measures: Sequence[str], engines: Sequence[str]) -> str:
    """The table, why a program has no figures, where tables differ, and the machine."""
    runs = {run["peer"]: run for run in middle_runs(result["runs"])}
    rows = [
        _cells(measure, *(runs[peer] for peer in measure.peers(engine)))
        for measure in MEASURES
        for engine in engines
        if measure.name in measures
    ]
    ruler = ["---", "---", "---:", "---:", "---", *["---:"] * 4, "---"]
    failed = [f"- {run['peer']}: {run['status']}, {run['reason']}" for run in runs.values() if run["status"] != "ok"]
    notes = [*failed, *(f"- {line}" for line in result["disagreements"])]
    on, others = result["machine"], [run["others"] for run in result["runs"] if run["status"] == "ok"]
    return "\n".join(
        [
            f"{result['rows']:,} rows x {result['columns']} float64 columns; "
            f"the middle of {result['repeat']} runs by total.",
            "",
            *(f"| {' | '.join(cells)} |" for cells in (HEADINGS, ruler, *rows)),
            "",
            *([*notes, ""] if notes else []),
            f"Total is all but the session. Machine: {on['cores']} cores ({on['cpu']}), {on['memory_gib']:.0f} GiB; "
            f"each program had {result['cores']} cores, and Spark a heap of {result['memory']}. Others took up to "
            f"{max(others, default=0.0):.0%} of the processors meanwhile.",
            "",
            f"Command: `{result['command']}`",
        ]
    )


def _cells(measure: Measure, own: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    ratio = total_of(own) / total_of(other) if own["status"] == other["status"] == "ok" else None
    verdict = "" if ratio is None else "meets" if ratio <= measure.aim else "misses"
    shown = "-" if ratio is None else f"{ratio:.2f}"
    return [measure.name, *_figures(own), *_figures(other), shown, f"{measure.aim:g}", verdict]


def _figures(run: Mapping[str, Any]) -> list[str]:
    if run["status"] != "ok":
        return [run["peer"], "-", run["status"]]
    return [run["peer"], *(f"{run['seconds'][phase]:.2f}" for phase in ("write", "total"))]


def _command(asked: argparse.Namespace) -> str:
    options: dict[str, Any] = {"measures": ",".join(asked.measures), "engines": ",".join(asked.engines)}
    options |= {
        name: getattr(asked, name) for name in ("rows", "columns", "seed", "repeat", "limit", "cores", "memory")
    }
    return "python benchmarks/tables.py " + " ".join(f"--{name} {value}" for name, value in options.items())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add, names = parser.add_argument, [measure.name for measure in MEASURES]
    add("--rows", type=at_least_one, default=4_000_000, help="rows of the input (4000000)")
    add("--columns", type=at_least_one, default=20, help="float64 columns of the input (20)")
    add("--measures", type=some_of(names), default=names, help=f"comma-separated: {','.join(names)}")
    add("--engines", type=some_of(list(ENGINES)), default=list(ENGINES), help=f"comma-separated: {','.join(ENGINES)}")
    add("--repeat", type=at_least_one, default=3, help="runs of each program; the middle one is shown (3)")
    add("--seed", type=int, default=20, help="what decides every value of the input (20)")
    add("--limit", type=at_least_one, default=1800, help="seconds after which a program is stopped (1800)")
    add_machine(parser, "program")
    return parser


if __name__ == "__main__":
    sys.exit(main())
