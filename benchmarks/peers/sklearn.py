"""scikit-learn on one matrix in memory, read and written through Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from peers.task import Outcome, Skipped, Task

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

# Matrices that are held at the peak: the data, and what numpy makes of it on the way.
COPIES = 4


def run(task: Task, outcome: Outcome) -> None:
    """Read once; everything else is done in memory, so it is skipped where that is too small."""
    need = task.rows * len(task.columns) * 8 * COPIES
    if need > task.free_memory:
        raise Skipped(f"about {need / 1e9:.0f} GB of memory would be needed, {task.free_memory / 1e9:.0f} GB are free")
    with outcome.timed("session"):
        import pyarrow as pa
        import pyarrow.parquet as pq
        import sklearn
        from sklearn.impute import SimpleImputer
        from sklearn.preprocessing import StandardScaler

        from peers.commit import DELTALAKE, commit_parquet

        pa.set_cpu_count(task.cores)
    with outcome.timed("total"):
        with outcome.timed("fit"):
            table = pq.read_table(task.shards)
            keys, values = table.select(["id", "group"]), _matrix(table, task.columns)
            del table
            imputer = SimpleImputer(strategy="mean", copy=False)
            values = imputer.fit_transform(values)
            near = _near(values, task.threshold)
            keys, values = keys.filter(pa.array(near)), values[near]
            scaler = StandardScaler(copy=False).fit(values)
        with outcome.timed("write"):
            _write(keys, scaler.transform(values), task)
            commit_parquet(task.table, task.columns)
    outcome.fill, outcome.mean = imputer.statistics_.tolist(), scaler.mean_.tolist()
    outcome.std = scaler.scale_.tolist()
    outcome.scans = 1
    outcome.versions = {"scikit-learn": sklearn.__version__, "pyarrow": pa.__version__, "deltalake": DELTALAKE}


def _matrix(table: pa.Table, columns: Sequence[str]) -> npt.NDArray[np.float64]:
    """Nulls as NaN; column after column in memory, as Parquet has them."""
    import numpy as np

    values = np.empty((table.num_rows, len(columns)), order="F")
    for position, column in enumerate(columns):
        values[:, position] = table[column].to_numpy()
    return values


def _near(values: npt.NDArray[np.float64], threshold: float) -> npt.NDArray[np.bool_]:
    """The rows within the deviations allowed everywhere; a column at a time keeps temporaries small."""
    import numpy as np

    near = np.ones(len(values), dtype=bool)
    for column in values.T:
        near &= np.abs(column - column.mean()) <= threshold * column.std()
    return near


def _write(keys: pa.Table, values: npt.NDArray[np.float64], task: Task) -> None:
    import pyarrow as pa
    from pyarrow import dataset

    arrays = [*keys.columns, *(pa.array(column) for column in values.T)]
    parquet = dataset.ParquetFileFormat()
    dataset.write_dataset(
        pa.table(arrays, names=[*keys.column_names, *task.columns]),
        task.table,
        format=parquet,
        file_options=parquet.make_write_options(compression="snappy"),
        partitioning=dataset.partitioning(pa.schema({"group": pa.string()}), flavor="hive"),
    )
