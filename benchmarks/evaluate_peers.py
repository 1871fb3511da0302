"""One program that scores, in a process of its own, which tells of it in one line of JSON.

    python benchmarks/evaluate_peers.py MEASURE PROGRAM FOLDER

Seconds are those from the files to the value, imports aside.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

NUMBERS = [f"n{place}" for place in range(15)]
CATEGORIES = [f"c{place}" for place in range(5)]

Program = Callable[[Path], Callable[[], float]]
"""The folder -> the work, once what it needs is imported."""


def frechet_genspark(folder: Path) -> Callable[[], float]:
    import polars as pl

    from genspark import evaluate

    def work() -> float:
        sides = (pl.scan_parquet(folder / f"{side}.parquet") for side in ("real", "generated"))
        return evaluate.frechet_distance(*sides, interval=False).value

    evaluate.frechet_distance  # noqa: B018 - imported now
    return work


def frechet_numpy(folder: Path) -> Callable[[], float]:
    """All vectors in memory, NumPy's covariance and SciPy's matrix root, as FID's first programs have it."""
    import pyarrow.parquet as pq
    from scipy import linalg

    def moments(side: str) -> tuple[np.ndarray, np.ndarray]:
        column = pq.read_table(folder / f"{side}.parquet").column("features").combine_chunks()
        rows = column.flatten().to_numpy().reshape(len(column), -1).astype(np.float64)
        return rows.mean(axis=0), np.cov(rows, rowvar=False)

    def work() -> float:
        (m1, s1), (m2, s2) = moments("real"), moments("generated")
        root = linalg.sqrtm(s1 @ s2)
        return float(((m1 - m2) ** 2).sum() + np.trace(s1 + s2 - 2 * root.real))

    return work


def bleu_genspark(folder: Path) -> Callable[[], float]:
    import polars as pl

    from genspark import evaluate

    def work() -> float:
        texts = pl.scan_parquet(folder / "texts.parquet")
        return evaluate.bleu(texts, hypothesis="h", references=["r"], interval=False).value

    evaluate.bleu  # noqa: B018 - imported now
    return work


def bleu_sacrebleu(folder: Path) -> Callable[[], float]:
    import pyarrow.parquet as pq
    from sacrebleu.metrics import BLEU

    def work() -> float:
        texts = pq.read_table(folder / "texts.parquet")
        return float(BLEU().corpus_score(texts["h"].to_pylist(), [texts["r"].to_pylist()]).score)

    return work


def rows_genspark(folder: Path) -> Callable[[], float]:
    """Every column and every pair, as in the report of SDMetrics; the value is the mean likeness of the columns."""
    import polars as pl

    from genspark import evaluate

    def work() -> float:
        real, generated = (pl.scan_parquet(folder / f"{side}.parquet") for side in ("real", "generated"))
        found = evaluate.column_distances(real, generated)
        shapes = [score for score in found.values() if score.metric in ("ks_distance", "total_variation")]
        evaluate.correlation_distance(real, generated, columns=NUMBERS)
        evaluate.contingency_distance(real, generated)
        return float(np.mean([1.0 - score.value for score in shapes]))

    evaluate.column_distances  # noqa: B018 - imported now
    return work


def rows_sdmetrics(folder: Path) -> Callable[[], float]:
    """The report of SDMetrics: shapes of columns, and trends of pairs; the value is that of the shapes."""
    import pandas as pd
    from sdmetrics.reports.single_table import QualityReport

    def work() -> float:
        real, generated = (pd.read_parquet(folder / f"{side}.parquet") for side in ("real", "generated"))
        kinds = {name: {"sdtype": "numerical"} for name in NUMBERS}
        kinds |= {name: {"sdtype": "categorical"} for name in CATEGORIES}
        report = QualityReport()
        report.generate(real, generated, {"columns": kinds}, verbose=False)
        return float(report.get_properties().set_index("Property").loc["Column Shapes", "Score"])

    return work


PROGRAMS: dict[str, dict[str, Program]] = {
    "frechet": {"genspark": frechet_genspark, "numpy": frechet_numpy},
    "bleu": {"genspark": bleu_genspark, "sacrebleu": bleu_sacrebleu},
    "rows": {"genspark": rows_genspark, "sdmetrics": rows_sdmetrics},
}
REFERENCES = {"frechet": "numpy", "bleu": "sacrebleu", "rows": "sdmetrics"}


def main(measure: str, program: str, folder: Path) -> None:
    work = PROGRAMS[measure][program](folder)
    start, before = time.perf_counter(), _processor()
    value = work()
    seconds = time.perf_counter() - start
    memory = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(json.dumps({"seconds": seconds, "cpu": _processor() - before, "memory": memory, "value": value}))


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
