"""A table as trainers read it: one version, some columns, some partitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from genspark.errors import ConfigError, did_you_mean
from genspark.readers.augment.views import Augmentation
from genspark.readers.batches import Format
from genspark.readers.images import Images, OnError, require_pillow
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
        images: Sequence[str] | str = (),
        augment: bool = False,
        on_error: OnError = "raise",
    ) -> Reader:
        """A reader of one rank's share of each global batch.

        `rank` and `world_size` are those of torch.distributed or of the launcher's environment if left out; ranks of
        one of `groups` get the same batches. `accumulation` cuts a share into so many micro-batches. The order depends
        on the version, `where`, `global_batch_size`, `seed`, `shuffle`, `window` and the epoch, and on nothing else.

        `coverage`, of the rows that full batches leave: `exact` makes a last batch whose `_mask` is False for rows that
        only fill it, `pad` the same without a mask, `drop` leaves them out. `shuffle`: `blocks` mixes the rows of
        `window` row groups at a time, `full` all rows (keeping `memory` bytes of row groups), `sequential` none.
        `batches` are `numpy`, `arrow` or `polars`. `threads` read ahead.

        `images` are columns of PNG, JPEG and the like, which become RGB pixels: uint8 of N x height x width x 3, or an
        array of arrays where sizes differ. With `augment` the table's column of images is one of them, and shows the
        view of the epoch's number that the step `augment` described. `on_error`: `skip` makes images that cannot be
        decoded black, their `_mask` False, and counts them in `counts.corrupt`. Raises ConfigError and SourceError.
        """
        rank, world_size = rank_and_world(rank, world_size, groups)
        share = Share(global_batch_size, rank, world_size, accumulation)
        pixels = self._images(images, on_error, batches, augment=augment)
        # Without ids there are no views.
        dropped = (ROW_ID,) if augment and not with_row_id else ()
        settings = Settings(share, seed, coverage, shuffle, window, threads, memory, batches, pixels, dropped)
        return Reader(self.plan if with_row_id or augment else self.plan.without(ROW_ID), settings, epoch)

    def _images(
        self, images: Sequence[str] | str, on_error: OnError, batches: Format, *, augment: bool
    ) -> Images | None:
        names = [images] if isinstance(images, str) else list(images)
        augmentation = Augmentation.of(self.plan.properties, self.plan.path) if augment else None
        if augmentation:
            names = list(dict.fromkeys([*names, augmentation.image]))
        if not names:
            return None
        require_pillow()
        needed = [*names, *([ROW_ID] if augment else [])]
        problems = [
            f"images: {name!r} is no column that is read{did_you_mean(name, self.plan.names)}"
            for name in needed
            if name not in self.plan.names
        ]
        if batches != "numpy":
            problems.append(f"batches: {batches!r} holds no pixels; images are for 'numpy'")
        if on_error not in get_args(OnError):
            problems.append(f"on_error: {on_error!r} is none of {', '.join(get_args(OnError))}")
        if problems:
            raise ConfigError(problems)
        return Images(tuple(names), augmentation, on_error)

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
