"""Removal of near duplicates: genspark's engines beside datatrove's MinHash, on the same short texts and cores.

    python benchmarks/duplicates.py                                        # 1 million texts of 30 words, engine polars
    python benchmarks/duplicates.py --rows 200000 --peer-python venv/bin/python --peer-rows 100000
    python benchmarks/duplicates.py --skew                                 # and one text 100,000 times

datatrove is run by an interpreter of its own, which has it (`pip install 'datatrove[processing,io]' spacy`), with the
same words in a shingle, bands and numbers in a band; it writes the ids of what is to go, and no table. It is slow, so
that it can be given fewer texts: compare seconds a million. Both times are told, since a machine may have other work:
of the clock, and of the processors, children included. Memory is the peak of this process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from options import add_machine, at_least_one, some_of
from process import run_program
from report import machine
from suite import tell

ENGINES = ("polars", "spark-polars", "spark")
WORDS, VOCABULARY, SHARDS, REPEATED = 30, 50_000, 8, 100_000
NEAR, CHANGED = 0.2, 0.01
PEER = Path(__file__).parent / "peers" / "datatrove_minhash.py"
HEADINGS = ("engine", "texts", "data", "seconds", "processor s", "seconds a million", "peak MB", "duplicates")


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    if asked.one:
        print(json.dumps(_run_here(*asked.one)))
        return 0
    out = asked.out.absolute()
    runs: list[dict[str, Any]] = []
    data = {"plain": write_texts(out, asked.rows, asked.seed, repeated=0)}
    if asked.skew:
        data["skewed"] = write_texts(out, asked.rows, asked.seed, repeated=min(REPEATED, asked.rows // 2))
    for name, folder in data.items():
        for engine in asked.engines:
            tell(f"{engine}, {name}")
            command = [sys.executable, __file__, "--one", engine, str(folder)]
            found = run_program(command, dict(os.environ), asked.limit)
            runs.append({"engine": engine, "texts": asked.rows, "data": name, **found})
    if asked.peer_python:
        tell("datatrove")
        folder = write_texts(out, asked.peer_rows, asked.seed, repeated=0)
        command = [asked.peer_python, str(PEER), str(folder), str(asked.cores)]
        found = run_program(command, dict(os.environ), asked.limit)
        runs.append({"engine": "datatrove", "texts": asked.peer_rows, "data": "plain", **found})
    print(markdown(runs))
    if asked.json:
        asked.json.write_text(json.dumps({"machine": machine(), "runs": runs}, indent=1) + "\n", encoding="utf-8")
    return int(any("reason" in run for run in runs))


def write_texts(out: Path, rows: int, seed: int, repeated: int) -> Path:
    """The folder of texts, as Parquet: a fifth are others' with some words changed, and one may be there many times."""
    folder = out / f"texts-{rows}-{repeated}-seed{seed}"
    if folder.exists():
        return folder
    random = np.random.default_rng(seed)
    letters = random.integers(97, 123, (VOCABULARY, 10)).astype(np.uint8)
    lengths = random.integers(2, 11, VOCABULARY)
    vocabulary = pl.Series([bytes(word[:length]).decode() for word, length in zip(letters, lengths, strict=True)])
    draft = Path(tempfile.mkdtemp(dir=_made(out)))
    for shard in range(SHARDS):
        first, last = (rows * at // SHARDS for at in (shard, shard + 1))
        words = (VOCABULARY * random.random((last - first, WORDS)) ** 2.5).astype(np.int64)
        near = np.flatnonzero(random.random(last - first) < NEAR)
        words[near] = words[random.integers(0, last - first, len(near))]
        changed = random.random((len(near), WORDS)) < CHANGED
        words[near] = np.where(changed, random.integers(0, VOCABULARY, changed.shape), words[near])
        words[: repeated // SHARDS] = np.arange(WORDS)
        frame = pl.DataFrame(vocabulary.gather(words.ravel()).to_numpy().reshape(words.shape))
        texts = frame.select(pl.concat_str(pl.all(), separator=" ").alias("text"))
        texts.with_columns(id=pl.int_range(first, last)).write_parquet(draft / f"{shard}.parquet")
    return draft.rename(folder)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run_here(engine: str, folder: str) -> dict[str, Any]:
    import genspark

    with tempfile.TemporaryDirectory() as scratch:
        config = genspark.JobConfig.model_validate(
            {
                "name": "duplicates",
                "engine": engine,
                "key": ["id"],
                "source": {"path": folder, "format": "parquet"},
                "steps": [{"deduplicate": {"text": "text", "shingle": 5, "bands": 20, "rows": 6}}],
                "sink": {"path": f"{scratch}/table", "mode": "overwrite"},
            }
        )
        start = time.perf_counter()
        report = genspark.run(config)
        seconds = time.perf_counter() - start - report.seconds["session"]
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "seconds": seconds,
        "processor": sum(each.ru_utime + each.ru_stime for each in used),
        "peak": used[0].ru_maxrss / 1024,
        "duplicates": report.rows_dropped,
        "phases": report.seconds,
    }


def markdown(runs: Sequence[dict[str, Any]]) -> str:
    """The table."""
    lines = [f"| {' | '.join(HEADINGS)} |", "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |"]
    for run in runs:
        told = [run["engine"], f"{run['texts']:,}", run["data"]]
        if "reason" in run:
            lines.append(f"| {' | '.join([*told, run['reason']])} |")
            continue
        million = run["seconds"] / run["texts"] * 1e6
        figures = [f"{run['seconds']:.1f}", f"{run['processor']:.1f}", f"{million:.1f}", f"{run['peak']:.0f}"]
        lines.append(f"| {' | '.join([*told, *figures, format(run['duplicates'], ',')])} |")
    on = machine()
    return "\n".join([*lines, "", f"Machine: {on['cores']} cores ({on['cpu']}), {on['memory_gib']:.0f} GiB."])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--rows", type=at_least_one, default=1_000_000, help="texts (1000000)")
    add("--engines", type=some_of(ENGINES), default=["polars"], help=f"comma-separated: {','.join(ENGINES)} (polars)")
    add("--skew", action="store_true", help=f"measure also with one text {REPEATED:,} times")
    add("--peer-python", help="an interpreter that has datatrove; it is left out without one")
    add("--peer-rows", type=at_least_one, default=100_000, help="texts that datatrove is given (100000)")
    add("--seed", type=int, default=20, help="what decides every text (20)")
    add("--limit", type=at_least_one, default=1800, help="seconds after which a run is stopped (1800)")
    add("--one", nargs=2, metavar=("ENGINE", "FOLDER"), help=argparse.SUPPRESS)
    add_machine(parser, "run")
    return parser


if __name__ == "__main__":
    sys.exit(main())
