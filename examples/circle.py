"""The whole circle: damaged data, a table, a generative model, its samples, their scores, and a page that shows them.

    python examples/circle.py out/circle

Handwritten digits lose 10 % of their pixels, and 2 % are ten times too bright. Two tables are made of them: one
whose job erases what cannot be and fills the gaps from the other pixels, and one whose gaps are 0, and nothing else is
done. The same small model (principal components and a Gaussian mixture) learns from each, `inverse_transform` brings
its samples back to pixels, and `genspark.evaluate` scores both against the digits as they were before the damage. Needs
genspark[demo], genspark[models] and genspark[report].
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from genspark import JobConfig, PipelineModel, TrainingTable, evaluate, job
from genspark.evaluate.features import Columns
from genspark.report import report

PIXELS = [f"pixel_{at:02d}" for at in range(64)]
ERASED, SPOILT, SAMPLES, SEED = 0.10, 0.02, 1500, 7
CLEANED = """
  - outliers: {name: too bright, columns: ["pixel_*"], method: zscore, threshold: 4, action: "null"}
  - impute: {columns: ["pixel_*"], strategy: model, ridge: 0.05}
  - scale: {columns: ["pixel_*"], method: standard}
"""
RAW = """
  - impute: {columns: ["pixel_*"], strategy: constant, value: 0}
"""


def write_damaged(folder: Path) -> pl.DataFrame:
    """Write the damaged digits as four csv shards, and return them as they were."""
    pixels, chance = load_digits().data, np.random.default_rng(SEED)
    truth = pl.DataFrame(pixels, schema=PIXELS).with_row_index("id")
    damaged = np.where(chance.random(pixels.shape) < SPOILT, pixels * 10.0, pixels)
    damaged[chance.random(pixels.shape) < ERASED] = np.nan
    frame = pl.DataFrame(damaged, schema=PIXELS).fill_nan(None).with_row_index("id")
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(4):
        frame.gather_every(4, shard).write_csv(folder / f"digits-{shard}.csv")
    return truth


def prepare(shards: Path, table: Path, steps: str) -> None:
    """Make the table by a job."""
    text = f"""
name: {table.name}
source: {{path: "{shards}/*.csv", format: csv, options: {{header: true}}}}
key: [id]
fit_on: {{split: train}}
steps:
  - split: {{fractions: {{train: 0.9, test: 0.1}}, seed: {SEED}}}{steps}
sink: {{path: "{table}", mode: overwrite, partition_by: [split]}}
"""
    job.run(JobConfig.from_text(text))


def generate(table: Path) -> pl.DataFrame:
    """Learn from the rows to train on, as a reader gives them, and bring samples back to pixels."""
    reader = TrainingTable(str(table), columns=PIXELS, where={"split": "train"}).reader(
        global_batch_size=256, seed=SEED
    )
    rows = np.concatenate([np.column_stack([batch[name] for name in PIXELS]) for batch in reader])
    components = PCA(24, random_state=SEED).fit(rows)
    mixture = GaussianMixture(10, covariance_type="full", reg_covar=1e-3, random_state=SEED)
    drawn, _ = mixture.fit(components.transform(rows)).sample(SAMPLES)
    samples = pl.DataFrame(components.inverse_transform(drawn), schema=PIXELS)
    pixels: Any = PipelineModel.load(table / "_genspark" / "model.json").inverse_transform(samples)
    return pixels.select(PIXELS).with_row_index("id")


def main(out: Path) -> dict[str, dict[str, float]]:
    """Go round once; the scores of both, by name."""
    truth = write_damaged(out / "shards")
    truth.write_delta(str(out / "truth"), mode="overwrite")
    found = {}
    for name, steps in (("cleaned", CLEANED), ("raw", RAW)):
        prepare(out / "shards", out / name, steps)
        samples = str(out / f"{name}_samples")
        generate(out / name).write_delta(samples, mode="overwrite")
        results = evaluate.score_all(
            samples,
            ["frechet_distance", "precision_recall"],
            real=str(out / "truth"),
            extractor=Columns(columns=("pixel_*",)),
        )
        found[name] = {one.score.metric: one.score.value for one in results.scored}
        report(samples, str(out / f"{name}.html"), against=str(out / "truth"), scores=[s.score for s in results.scored])
    return found


if __name__ == "__main__":
    scores = main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/circle"))
    for metric in scores["raw"]:
        print(f"{metric:<18} cleaned {scores['cleaned'][metric]:10.3f}   raw {scores['raw'][metric]:10.3f}")
