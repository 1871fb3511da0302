"""Ray Data: its preprocessors, a filter on Arrow batches between them, nothing cached."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from peers.task import Outcome, Skipped, Task

if TYPE_CHECKING:
    import pyarrow as pa


def run(task: Task, outcome: Outcome) -> None:
    """A Ray of this machine alone, which is started and ended here."""
    with outcome.timed("session"):
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        try:
            import ray
            from ray.data.preprocessors import SimpleImputer, StandardScaler
        except ModuleNotFoundError:
            raise Skipped("ray is not installed; benchmarks/README.md tells how to name a Python that has it") from None
        from peers.commit import DELTALAKE, commit_parquet

        ray.init(num_cpus=task.cores, include_dashboard=False, log_to_driver=False, _temp_dir=task.scratch)
        ray.data.DataContext.get_current().enable_progress_bars = False
    columns = list(task.columns)
    with outcome.timed("total"):
        source = ray.data.read_parquet(task.shards)
        with outcome.timed("fit"):
            imputer = SimpleImputer(columns, strategy="mean").fit(source)
            imputed = imputer.transform(source)
            everything = StandardScaler(columns).fit(imputed).stats_
            kept = imputed.map_batches(_near(everything, task), batch_format="pyarrow", zero_copy_batch=True)
            scaler = StandardScaler(columns).fit(kept)
        with outcome.timed("write"):
            scaler.transform(kept).write_parquet(task.table, partition_cols=["group"], compression="snappy")
            commit_parquet(task.table, columns)
    outcome.fill = [imputer.stats_[f"mean({column})"] for column in columns]
    outcome.mean, outcome.std = ([scaler.stats_[f"{what}({c})"] for c in columns] for what in ("mean", "std"))
    outcome.scans = 4
    outcome.versions = {"ray": ray.__version__, "deltalake": DELTALAKE}
    ray.shutdown()


def _near(stats: Mapping[str, float], task: Task) -> Callable[[pa.Table], pa.Table]:
    """Keeps the rows of a batch that are within the deviations allowed, everywhere."""
    bounds = {c: (stats[f"mean({c})"], task.threshold * stats[f"std({c})"]) for c in task.columns}

    def near(batch: pa.Table) -> pa.Table:
        from functools import reduce

        import pyarrow.compute as pc

        within = (pc.less_equal(pc.abs(pc.subtract(batch[c], mean)), far) for c, (mean, far) in bounds.items())
        return batch.filter(reduce(pc.and_, within))

    return near
