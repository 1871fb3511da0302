"""`genspark demo`: the main job on real handwritten digits, with holes whose truth is known."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import math
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from genspark.config import JobConfig
from genspark.errors import ConfigError
from genspark.job.job import run
from genspark.job.progress import Progress
from genspark.job.report import RunReport
from genspark.pipeline.model import PipelineModel
from genspark.terminal.examples import example

SHARDS = 4
ERASED_SHARE = 0.03
SEED = 20
PIXELS = [f"pixel_{i:02d}" for i in range(64)]

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Digits:
    """1,797 images of 8 x 8 pixels in 0..16, and which pixels were erased from the shards."""

    images: Numbers
    labels: npt.NDArray[np.int64]
    erased: npt.NDArray[np.bool_]


def digits() -> Digits:
    """scikit-learn's handwritten digits with 3 % of the pixels chosen for erasure. Raises ConfigError."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise ConfigError("the demo's digits come with scikit-learn: pip install 'genspark[demo]'")
    # The file itself: importing scikit-learn to read it takes longer than all the rest.
    file = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    table = pl.read_csv(file, has_header=False).to_numpy()
    images, labels = table[:, :-1].astype(np.float64), table[:, -1].astype(np.int64)
    return Digits(images, labels, np.random.default_rng(SEED).random(images.shape) < ERASED_SHARE)


def write_shards(known: Digits, folder: Path) -> None:
    """Cut the digits into gzip-compressed CSV shards, an erased pixel being an empty field."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for shard, rows in enumerate(np.array_split(np.arange(len(known.labels)), SHARDS)):
        with gzip.open(folder / f"digits-{shard:02d}.csv.gz", "wt", compresslevel=1, newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["id", "digit", *PIXELS])
            writer.writerows(_records(known, rows))


def run_demo(
    out: Path, progress: Progress | None = None, engine: str = "auto"
) -> tuple[RunReport, list[tuple[str, str]]]:
    """Make the shards, run conf/digits.yaml on them, and compare the filled values with the truth.

    Returns the report and lines to show below it.
    """
    known = digits()
    shards = out / "digits_shards"
    write_shards(known, shards)
    environment = {**os.environ, "DIGITS": str(shards), "OUT": str(out)}
    config = JobConfig.from_yaml(str(example("digits.yaml")), sets=[f"engine={engine}"], env=environment)
    # Each demo starts afresh; a job of yours would add a version to the table that is there.
    for table in (config.sink.path, config.quarantine_path):
        shutil.rmtree(table, ignore_errors=True)
    os.environ.setdefault("GENSPARK_QUICK", "1")
    report = run(config, progress=progress)
    return report, errors_against_truth(report, known)


def errors_against_truth(report: RunReport, known: Digits) -> list[tuple[str, str]]:
    """Root mean squared error of the filled pixels on the original scale, beside that of filling 0."""
    original = PipelineModel.load(report.model).inverse_transform(pl.read_delta(report.table))
    rows = original["id"].to_numpy()
    restored = original.select(PIXELS).to_numpy()
    erased, truth = known.erased[rows], known.images[rows]
    filled = _rmse(restored[erased] - truth[erased])
    return [
        ("pixels erased", f"{int(known.erased.sum()):,} of {known.erased.size:,}, {int(erased.sum()):,} in the table"),
        ("error of filling", f"RMSE {filled:.2f} on pixels of 0..16 (filling with 0: {_rmse(truth[erased]):.2f})"),
    ]


def _records(known: Digits, rows: npt.NDArray[np.int64]) -> Iterator[list[Any]]:
    for row in rows:
        pixels = zip(known.images[row], known.erased[row], strict=True)
        yield [int(row), int(known.labels[row]), *("" if gone else int(value) for value, gone in pixels)]


def _rmse(error: Numbers) -> float:
    return math.sqrt(float(np.mean(error**2))) if error.size else 0.0
