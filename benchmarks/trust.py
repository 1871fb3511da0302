"""What rules cost: the main job with 50 rules for rows and 20 bounds of all rows, beside the same job without them.

    python benchmarks/trust.py                                   # 4 million rows x 20 columns, every engine
    python benchmarks/trust.py --rows 100000 --engines polars --repeat 1

- rules: `validate` with 50 rules (numbers within bounds, missing values, predicates in SQL), which no row breaks.
- bounds: `expect` with the mean and the share of missing values of every column.
- patterns: `validate` with 10 regular expressions over a column of text.

Each run is a process of its own, and they take turns; totals are without the session. Exit code 1: a run failed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data import Spec, shards_for, write_shards
from options import add_machine, at_least_one, some_of
from report import machine
from suite import tell

from genspark.config.text import dump

ENGINES = ("polars", "spark-polars", "spark")
AIM = 1.3
HEADINGS = ("engine", "job", "passes", "total s", "ratio", "aim", "verdict")


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    out = asked.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    spec = Spec(asked.rows, asked.columns, shards_for(asked.rows), asked.seed)
    shards, scratch = write_shards(spec, out, tell), Path(tempfile.mkdtemp(prefix="run-", dir=out))
    runs: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    try:
        for turn in range(asked.repeat):
            for engine in asked.engines:
                for name, steps in jobs(spec).items():
                    tell(f"turn {turn + 1} of {asked.repeat}: {engine}, {name}")
                    runs.setdefault((engine, name), []).append(_run(scratch, shards, engine, steps, asked))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(markdown(runs, asked))
    if asked.json:
        told = [{"engine": engine, "job": name, "runs": found} for (engine, name), found in runs.items()]
        asked.json.write_text(json.dumps({"machine": machine(), "runs": told}, indent=1) + "\n", encoding="utf-8")
    return 0


def jobs(spec: Spec) -> dict[str, list[dict[str, Any]]]:
    """The steps of each job, by its name; the first is the one that the others are held against."""
    usual: list[dict[str, Any]] = [
        {"impute": {"columns": "x*", "strategy": "mean"}},
        {"scale": {"columns": "x*", "method": "standard"}},
    ]
    names = spec.names
    within = [{"columns": name, "between": [-1e9, 1e9]} for name in names]
    there = [{"columns": "id", "not_null": True}, {"columns": "group", "one_of": list("abcdefgh")}]
    said = [{"sql": f"{a} < 1e9 OR {b} IS NULL"} for a, b in zip(names, [*names[1:], names[0]], strict=True)]
    more = [{"columns": name, "between": [-2e9, None], "level": "warn"} for name in names]
    rules = [*within, *there, *said, *more][:50]
    patterns = [{"columns": "group", "matches": f"^[a-h{number}]$"} for number in range(10)]
    bounds = [{"columns": "x*", "mean": [-1e9, 1e9], "null_share": [0, 1]}]
    return {
        "without": usual,
        "rules": [{"validate": {"rules": rules}}, *usual],
        "bounds": [{"expect": {"rules": bounds}}, *usual],
        "patterns": [{"validate": {"rules": patterns}}, *usual],
    }


def _run(
    scratch: Path, shards: Path, engine: str, steps: list[dict[str, Any]], asked: argparse.Namespace
) -> Mapping[str, Any]:
    conf, table = scratch / "job.yaml", scratch / "table"
    job = {
        "name": "trust",
        "engine": engine,
        "key": ["id"],
        "source": {"path": f"{shards}/*.parquet", "format": "parquet"},
        "steps": steps,
        "sink": {"path": str(table), "mode": "overwrite"},
    }
    conf.write_text(dump(job), encoding="utf-8")
    command = [sys.executable, "-m", "genspark.cli", "run", str(conf), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=asked.limit)
    if done.returncode:
        raise SystemExit(f"{engine}: {done.stderr}")
    for folder in scratch.glob("table*"):
        shutil.rmtree(folder)
    report: Mapping[str, Any] = json.loads(done.stdout)
    if report["rows_written"] != asked.rows:
        raise SystemExit(f"{engine}: {report['rows_written']:,} rows were written, not {asked.rows:,}")
    return report


def markdown(runs: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]], asked: argparse.Namespace) -> str:
    """The table, the machine and the command."""
    middle = {key: statistics.median(map(_total, found)) for key, found in runs.items()}
    lines = [f"| {' | '.join(HEADINGS)} |", "| --- | --- | ---: | ---: | ---: | ---: | --- |"]
    for (engine, name), total in middle.items():
        passes = sum(runs[engine, name][0]["passes"].values())
        ratio = total / middle[engine, "without"]
        verdict = "" if name == "without" else "meets" if ratio <= AIM else "misses"
        lines.append(f"| {engine} | {name} | {passes} | {total:.2f} | {ratio:.2f} | {AIM} | {verdict} |")
    on = machine()
    options = (
        f"--rows {asked.rows} --columns {asked.columns} --engines {','.join(asked.engines)} --repeat {asked.repeat}"
    )
    told = f"Machine: {on['cores']} cores ({on['cpu']}), {on['memory_gib']:.0f} GiB."
    return "\n".join([*lines, "", told, "", f"Command: `python benchmarks/trust.py {options}`"])


def _total(report: Mapping[str, Any]) -> float:
    return float(report["seconds"]["total"]) - float(report["seconds"]["session"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--rows", type=at_least_one, default=4_000_000, help="rows of the input (4000000)")
    add("--columns", type=at_least_one, default=20, help="float64 columns of the input (20)")
    add("--engines", type=some_of(ENGINES), default=list(ENGINES), help=f"comma-separated: {','.join(ENGINES)}")
    add("--repeat", type=at_least_one, default=3, help="runs of each job; the middle one is shown (3)")
    add("--seed", type=int, default=20, help="what decides every value of the input (20)")
    add("--limit", type=at_least_one, default=1800, help="seconds after which a run is stopped (1800)")
    add_machine(parser, "run")
    return parser


if __name__ == "__main__":
    sys.exit(main())
