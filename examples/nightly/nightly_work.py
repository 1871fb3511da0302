"""What a night's tasks do, whichever scheduler calls them: a shard lands, is checked, trained on, and the model scored.

Each may be called again after it was killed: what it writes is there whole or not at all, and the same again. The table
itself is made by the job of job.yaml, between `validate` and `train`.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from genspark import JobConfig, TrainingTable, job
from genspark.config import Evaluation
from genspark.evaluate.runs.running import run as score

HERE = Path(__file__).resolve().parent
PIXELS = [f"pixel_{at:02d}" for at in range(64)]
SEED, SAMPLES, MOST = 7, 400, 0.1


def ingest(out: str, day: str) -> str:
    """Fetch the day's shard, a seventh of the handwritten digits, and return its path."""
    shard = Path(out) / "incoming" / f"{day}.csv.gz"
    if not (shard.exists() or _landed(shard).exists()):
        from sklearn.datasets import load_digits

        frame = pl.DataFrame(load_digits().data, schema=PIXELS).with_row_index("id")
        rows = frame.gather_every(7, dt.date.fromisoformat(day).toordinal() % 7)
        rows = rows.with_columns(pl.format("{}-{}", pl.lit(day), "id").alias("id"))
        # It has its name once it is whole.
        shard.parent.mkdir(parents=True, exist_ok=True)
        draft = shard.with_name(f"{os.getpid()}.draft.gz")
        rows.write_csv(draft, compression="gzip")
        draft.replace(shard)
    return str(shard)


def validate(shard: str) -> str:
    """Hold a shard to the rules, and let it land where the job looks. Raises DataError with a rule that it breaks."""
    landed = _landed(Path(shard))
    if not landed.exists():
        job.fit(JobConfig.from_yaml(str(HERE / "rules.yaml"), env={**os.environ, "SHARD": shard}))
        landed.parent.mkdir(exist_ok=True)
        Path(shard).replace(landed)
    return str(landed)


def _landed(shard: Path) -> Path:
    return shard.parents[1] / "landing" / shard.name


def train(out: str) -> int:
    """Learn from the rows to train on, write what the model draws, and return the version that it learnt from."""
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture

    table = TrainingTable(f"{out}/table", columns=PIXELS, where={"split": "train"})
    reader = table.reader(global_batch_size=64, seed=SEED)
    rows = np.concatenate([np.column_stack([batch[name] for name in PIXELS]) for batch in reader])
    components = PCA(16, random_state=SEED).fit(rows)
    mixture = GaussianMixture(3, reg_covar=1e-3, random_state=SEED).fit(components.transform(rows))
    drawn, _ = mixture.sample(SAMPLES)
    samples = pl.DataFrame(components.inverse_transform(drawn), schema=PIXELS)
    samples.write_delta(f"{out}/generated", mode="overwrite")
    return table.version


def evaluate(out: str) -> dict[str, Any]:
    """Score what was drawn; the scores as plain JSON, which are in the ledger, too."""
    config = Evaluation.from_yaml(str(HERE / "scores.yaml"), env={**os.environ, "NIGHTLY": out})
    return score(config).to_json()


def gate(scores: dict[str, Any], most: float = MOST) -> float:
    """The Kernel distance. Raises ValueError where it is above what is let through."""
    (value,) = (one["value"] for one in scores["scores"] if one["metric"] == "kernel_distance")
    if not value <= most:
        raise ValueError(f"kernel_distance is {value:.4g}, above {most:g}: the model is not let through")
    return float(value)
