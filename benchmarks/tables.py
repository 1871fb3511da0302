"""What a training table costs: order, ids, ledger and card beside the plain write, the global shuffle, and appends.

    python benchmarks/tables.py

The main job of preprocess.py runs by hand on Polars and on Spark SQL, and with genspark on both engines, as it is and
with `sink.shuffle: global`, each in a process of its own. Then, on engine polars, one new shard is appended to a table
of 100, beside a run of one shard into no table. The Markdown goes to stdout, with ratios and their aims.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from data import Spec, shards_for, write_shards
from preprocess import at_least_one
from report import machine, middle_runs
from suite import measure, tell

from genspark import JobConfig, run
from genspark.session.jvm import driver_memory, usable_cores

PLAIN = {"polars": "polars", "spark": "spark-sql"}
AIMS = {
    "genspark-polars": ("polars", 1.1),
    "genspark-polars-global": ("polars", 2.5),
    "genspark-spark": ("spark", 1.1),
    "genspark-spark-global": ("spark", 2.5),
}
APPEND_AIM = 3.0
SHARDS = 100


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    asked.peers = ["polars", *(name for name in AIMS if "polars" in name)]
    if not asked.without_spark:
        asked.peers += ["spark-sql", *(name for name in AIMS if "spark" in name)]
    asked.keep, asked.threshold, asked.ray_python = False, 3.0, sys.executable
    spec = Spec(asked.rows, asked.columns, shards_for(asked.rows), 20)
    out = asked.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    shards = write_shards(spec, out, tell)
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=out))
    try:
        result = measure(asked, spec, shards, scratch)
        appended, alone = _appends(scratch, asked)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(_markdown(result, asked, appended, alone))
    return 1 if any(one["status"] != "ok" for one in result["runs"]) else 0


def _appends(scratch: Path, asked: argparse.Namespace) -> tuple[float, float]:
    """Seconds to append one new shard to a table of `SHARDS`, and to write one shard to no table: medians."""
    rows = max(1, asked.rows // SHARDS)
    source = write_shards(Spec((SHARDS + asked.repeat) * rows, asked.columns, SHARDS + asked.repeat, 21), scratch, tell)
    files = sorted(source.rglob("*.parquet"))
    grown, apart = scratch / "grown", scratch / "apart"
    grown.mkdir()
    for file in files[:SHARDS]:
        shutil.move(file, grown)
    run(_job(grown, scratch / "table"))
    appended, alone = [], []
    for number, file in enumerate(files[SHARDS:]):
        apart.mkdir(exist_ok=True)
        shutil.copy(file, apart)
        alone.append(_timed(_job(apart, scratch / f"alone-{number}")))
        shutil.rmtree(apart)
        shutil.move(file, grown)
        appended.append(_timed(_job(grown, scratch / "table")))
    return median(appended), median(alone)


def _timed(config: JobConfig) -> float:
    start = time.perf_counter()
    report = run(config)
    assert report.rows_written, "a shard has rows"
    return time.perf_counter() - start


def _job(source: Path, table: Path) -> JobConfig:
    return JobConfig.model_validate(
        {
            "name": "append",
            "engine": "polars",
            "key": "id",
            "source": {"path": str(source), "format": "parquet"},
            "steps": [{"scale": {"columns": ["x*"], "method": "standard"}}],
            "sink": {"path": str(table), "partition_by": ["group"], "mode": "append"},
        }
    )


def _markdown(result: Mapping[str, Any], asked: argparse.Namespace, appended: float, alone: float) -> str:
    runs = {one["peer"]: one for one in middle_runs(result["runs"]) if one["status"] == "ok"}
    lines = [
        f"{asked.rows:,} rows x {asked.columns} doubles, partitioned by 8 values; the middle of {asked.repeat} runs.",
        "",
        "| run | total s | CPU s | files | to the plain write | aim |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, one in runs.items():
        by, aim = AIMS.get(name, ("", 0.0))
        plain = runs.get(PLAIN.get(by, ""))
        ratio = f"{one['seconds']['total'] / plain['seconds']['total']:.2f}" if plain else "-"
        told = [f"{one['seconds']['total']:.2f}", f"{one['cpu_seconds']:.1f}", str(one["table"]["files"]), ratio]
        lines.append(f"| {name} | {' | '.join(told)} | {aim or '-'} |")
    lines.append(
        f"| a shard into a table of {SHARDS} | {appended:.2f} | - | - | {appended / alone:.2f} | {APPEND_AIM} |"
    )
    lines.append(f"| a shard into no table | {alone:.2f} | - | - | 1.00 | - |")
    here = machine()
    command = f"python benchmarks/tables.py --rows {asked.rows} --columns {asked.columns} --repeat {asked.repeat}"
    told = f"Machine: {here['cores']} cores ({here['cpu']}), {here['memory_gib']:.0f} GiB. Command: `{command}`"
    return "\n".join([*lines, "", told])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Training tables beside the plain write, with and without the global shuffle, and appends.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--rows", type=at_least_one, default=4_000_000, help="rows of the input")
    add("--columns", type=at_least_one, default=20, help="float64 columns of the input")
    add("--repeat", type=at_least_one, default=3, help="runs of each; the middle one is shown")
    add("--limit", type=at_least_one, default=900, help="seconds after which a run is stopped")
    add("--cores", type=at_least_one, default=usable_cores(), help="cores of each run")
    add("--memory", default=driver_memory(), help="heap of each Spark")
    add("--without-spark", action="store_true", help="engine polars alone")
    add("--out", type=Path, default=Path("out/benchmarks"), help="where the input is kept for next time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
