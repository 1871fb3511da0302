"""A table as trainers read it: one version, some columns, some partitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genspark.readers.batches import Format
from genspark.readers.log import read_log
from genspark.readers.order import WINDOW, Shuffle
from genspark.readers.plan import ROW_ID, Plan, make_plan
from genspark.readers.ranks import rank_and_world
from genspark.readers.reader import MEMORY, THREADS, Coverage, Reader, Settings
from genspark.readers.share import Share
from genspark.readers.where import Where

if TYPE_CHECKING:
    from genspark.readers.tensorflow import TensorFlowReader
    from genspark.readers.torch import TorchDataset, TorchRows


class TrainingTable:
    """A version of the Delta table at a path or URI, the newest unless `version` is given, for training.

    `columns` are those to read, all if None; `where` maps partition columns to the value, or the values, wanted. Log
    and footers are read here, once; readers and their workers get what they say as plain data, and open files by
    PyArrow. Raises SourceError and SchemaError where that cannot be done.
    """

    def __init__(
        self,
        path: str,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> None:
        log = read_log(str(path), version)
        has_id = any(column.name == ROW_ID for column in log.columns)
        wanted = columns if columns is None or not has_id else [*columns, ROW_ID]
        self.plan: Plan = make_plan(log, wanted, where)

    @property
    def version(self) -> int:
        """The version that is read, whatever is written meanwhile."""
        return self.plan.version

    def __len__(self) -> int:
        """The rows that are read in an epoch."""
        return self.plan.total

    def reader(
        self,
        *,
        global_batch_size: int,
        rank: int | None = None,
        world_size: int | None = None,
        groups: Mapping[int, int] | Any | None = None,
        accumulation: int = 1,
        seed: int = 0,
        epoch: int = 0,
        coverage: Coverage = "exact",
        shuffle: Shuffle = "blocks",
        window: int = WINDOW,
        with_row_id: bool = True,
        batches: Format = "numpy",
        threads: int = THREADS,
        memory: int = MEMORY,
    ) -> Reader:
        """A reader of one rank's share of each global batch.

        `rank` and `world_size` are those of torch.distributed or of the launcher's environment if left out; ranks of
        one of `groups` get the same batches. `accumulation` cuts a share into so many micro-batches. The order depends
        on the version, `where`, `global_batch_size`, `seed`, `shuffle`, `window` and the epoch, and on nothing else.

        `coverage`, of the rows that full batches leave: `exact` makes a last batch whose `_mask` is False for rows that
        only fill it, `pad` the same without a mask, `drop` leaves them out. `shuffle`: `blocks` mixes the rows of
        `window` row groups at a time, `full` all rows (keeping `memory` bytes of row groups), `sequential` none.
        `batches` are `numpy`, `arrow` or `polars`. `threads` read ahead. Raises ConfigError.
        """
        rank, world_size = rank_and_world(rank, world_size, groups)
        share = Share(global_batch_size, rank, world_size, accumulation)
        settings = Settings(share, seed, coverage, shuffle, window, threads, memory, batches)
        return Reader(self.plan if with_row_id else self.plan.without(ROW_ID), settings, epoch)

    def torch(self, **options: Any) -> TorchDataset:
        """The same as a torch IterableDataset of tensors; `.loader(num_workers)` of it keeps its place."""
        from genspark.readers.torch import TorchDataset

        return TorchDataset(self.reader(**options))

    def torch_rows(self, memory: int = MEMORY) -> TorchRows:
        """The rows by number as a torch Dataset, which keeps row groups of `memory` bytes."""
        from genspark.readers.torch import TorchRows

        return TorchRows(self.plan, memory)

    def tensorflow(self, **options: Any) -> TensorFlowReader:
        """The same for TensorFlow: `.dataset` of it is a tf.data.Dataset, and it keeps its place."""
        from genspark.readers.tensorflow import TensorFlowReader

        return TensorFlowReader(self.reader(**options))
