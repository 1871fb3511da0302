"""What scores cost: genspark's beside what computes the same in one process.

    python benchmarks/evaluate.py --env sdmetrics=/envs/sdmetrics/bin/python
    python benchmarks/evaluate.py --measures frechet --vectors 20000 --repeat 1

Measures: `frechet`, the Fréchet distance of two tables of vectors; `bleu`, of segments, without intervals; `rows`, the
fidelity of 20 columns and of their pairs. Each program runs in a process of its own, by the interpreter that `--env`
names or by this one; they take turns, `--repeat` times, and the middle run is told. A program that is not installed is
told and left out. The table goes to stdout, progress to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from evaluate_peers import CATEGORIES, NUMBERS, PROGRAMS, REFERENCES
from options import add_machine, at_least_one, some_of
from process import middle_program, run_program

ROOT = Path(__file__).resolve().parents[1]
AIMS = {"frechet": 0.7, "bleu": 1.2, "rows": 0.1}
"""The most of its reference's time that genspark is to take; of BLEU, of that time divided by the cores."""
_PART = 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    interpreters = dict(entry.split("=", 1) for entry in asked.env)
    told: list[dict[str, Any]] = []
    for measure in asked.measures:
        folder = _prepared(asked, measure)
        runs: dict[str, list[dict[str, Any]]] = {program: [] for program in PROGRAMS[measure]}
        for _ in range(asked.repeat):
            for program in runs:
                runs[program].append(_run(interpreters.get(program, sys.executable), measure, program, folder, asked))
                print(f"{measure} {program}: {runs[program][-1]}", file=sys.stderr)
        told += [{"measure": measure, "program": program, **middle_program(each)} for program, each in runs.items()]
    print("\n".join(_table(told, asked.cores)))
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1))
    return int(any("reason" in one for one in told if one["program"] == "genspark"))


def _prepared(asked: argparse.Namespace, measure: str) -> Path:
    """The folder with what is scored, made once for each size."""
    size = {"frechet": f"{asked.vectors}x{asked.dimensions}", "bleu": asked.segments, "rows": asked.rows}[measure]
    folder = asked.out / "evaluate" / f"{measure}-{size}"
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for place, side in enumerate(("real", "generated")):
        if measure == "frechet":
            _write_vectors(folder / f"{side}.parquet", asked.vectors, asked.dimensions, place)
        elif measure == "rows":
            _rows(asked.rows, place).write_parquet(folder / f"{side}.parquet", row_group_size=1 << 17)
    if measure == "bleu":
        _segments(asked.segments).write_parquet(folder / "texts.parquet", row_group_size=1 << 16)
    (folder / "done").touch()
    return folder


def _write_vectors(path: Path, count: int, d: int, seed: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("features", pa.list_(pa.float32()))])
    chance = np.random.default_rng(seed)
    common = np.random.default_rng(9).normal(size=(32, d)).astype(np.float32)
    with pq.ParquetWriter(path, schema, use_dictionary=False, compression="none") as writer:
        for start in range(0, count, _PART):
            rows = min(_PART, count - start)
            some = chance.standard_normal((rows, d), np.float32) + np.float32(0.05 * seed)
            some += 0.2 * (chance.standard_normal((rows, 32), np.float32) @ common)
            lists = pa.FixedSizeListArray.from_arrays(pa.array(some.ravel()), d).cast(pa.list_(pa.float32()))
            writer.write_table(pa.table([lists], schema=schema))


def _rows(count: int, seed: int) -> pl.DataFrame:
    chance = np.random.default_rng(seed)
    common = chance.normal(size=count)
    numbers = {name: 0.5 * common + chance.normal(size=count) + 0.05 * seed for name in NUMBERS}
    kinds = np.array([f"kind {place}" for place in range(10)])
    shares = np.arange(1, 11) ** (1.0 + 0.1 * seed)
    texts = {name: kinds[chance.choice(10, count, p=shares / shares.sum())] for name in CATEGORIES}
    return pl.DataFrame({**numbers, **texts})


def _segments(count: int) -> pl.DataFrame:
    """Segments of 5 to 30 words; of the hypothesis' words, one in four is another than the reference's."""
    chance = np.random.default_rng(3)
    words = np.array([f"w{place}" for place in range(5000)])
    lengths = chance.integers(5, 31, count)
    chosen = np.minimum(chance.zipf(1.3, lengths.sum()) - 1, 4999)
    other = np.where(chance.random(len(chosen)) < 0.25, chance.integers(0, 5000, len(chosen)), chosen)
    ends = np.cumsum(lengths)[:-1]
    texts = {"h": other, "r": chosen}
    return pl.DataFrame({name: [" ".join(some) for some in np.split(words[of], ends)] for name, of in texts.items()})


def _run(python: str, measure: str, program: str, folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """What a program tells, or why there is nothing to tell."""
    command = [python, str(Path(__file__).with_name("evaluate_peers.py")), measure, program, str(folder)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), str(asked.cores))
    environment = {**os.environ, **threads, "PYTHONPATH": str(ROOT)}
    return run_program(command, environment, asked.limit)


def _table(told: list[dict[str, Any]], cores: int) -> list[str]:
    """The runs as Markdown, each against its measure's reference, by seconds and by processor time."""
    lines = [
        "| measure | program | s | CPU s | MB | value | to reference | by CPU | aim |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    whole = {(one["measure"], one["program"]): one for one in told if "seconds" in one}
    for one in told:
        measure, program = one["measure"], one["program"]
        if "reason" in one:
            lines.append(f"| {measure} | {program} | not run: {one['reason']} | | | | | | |")
            continue
        figures = f"{one['seconds']:.1f} | {one['cpu']:.1f} | {one['memory']:,.0f} | {one['value']:.10g}"
        reference = whole.get((measure, REFERENCES[measure])) if program == "genspark" else None
        ratios = " | | "
        if reference:
            by = cores if measure == "bleu" else 1
            in_all, of_processor = (one[name] / reference[name] for name in ("seconds", "cpu"))
            ratios = f"{in_all * by:.2f} | {of_processor:.2f} | {AIMS[measure]:g}"
        lines.append(f"| {measure} | {program} | {figures} | {ratios} |")
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--measures", type=some_of(tuple(PROGRAMS)), default=list(PROGRAMS), help="some of them, comma-separated")
    add("--vectors", type=at_least_one, default=200_000, help="vectors of each side")
    add("--dimensions", type=at_least_one, default=2048, help="numbers of a vector")
    add("--segments", type=at_least_one, default=1_000_000, help="segments of BLEU")
    add("--rows", type=at_least_one, default=1_000_000, help="rows of each side")
    add("--repeat", type=at_least_one, default=3, help="runs of each program, of which the middle one counts")
    add("--limit", type=at_least_one, default=600, help="seconds that a program may take")
    add("--env", action="append", default=[], metavar="PROGRAM=PYTHON", help="a program's interpreter")
    add_machine(parser, "program")
    return parser


if __name__ == "__main__":
    sys.exit(main())
