"""What readers are made of: a plan, and all that can be asked of a reader."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from genspark.errors import ConfigError, SourceError, did_you_mean
from genspark.readers.augment.columns import Shown
from genspark.readers.augment.views import Augmentation
from genspark.readers.batches import Format
from genspark.readers.cache import SIZE
from genspark.readers.images import Images, OnError, require_pillow
from genspark.readers.manifest import write_manifest
from genspark.readers.mixing import Ingredient, strata, weighed
from genspark.readers.order import WINDOW, Shuffle
from genspark.readers.plan import ROW_ID, Plan
from genspark.readers.ranks import rank_and_world
from genspark.readers.reader import MEMORY, THREADS, Cache, Coverage, Reader, Settings
from genspark.readers.share import Share

if TYPE_CHECKING:
    from genspark.readers.tensorflow import TensorFlowReader
    from genspark.readers.torch import TorchDataset, TorchRows

Parted: TypeAlias = tuple[Plan, tuple[Ingredient, ...]]
"""A plan, and the parts of it that batches are mixed of, if they are."""


class Readable:
    """What is read by a plan: a table or a mixture of tables."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._strata: dict[str, tuple[Plan, dict[Any, Ingredient]]] = {}

    def __len__(self) -> int:
        """The rows that are read."""
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
        coverage: Coverage | None = None,
        shuffle: Shuffle = "blocks",
        window: int = WINDOW,
        with_row_id: bool = True,
        batches: Format = "numpy",
        threads: int = THREADS,
        memory: int = MEMORY,
        images: Sequence[str] | str = (),
        augment: bool = False,
        on_error: OnError = "raise",
        stratify: str | None = None,
        weights: Mapping[Any, float] | None = None,
        cache: str | None = None,
        cache_size: int = SIZE,
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
        array of arrays where sizes differ. With `augment` rows are shown in the view of the epoch's number that the
        step `augment` described, the table's column of images among them. `on_error`: `skip` makes images that cannot
        be decoded black, their `_mask` False, and counts them in `counts.corrupt`.

        `stratify` names a column of whose values every batch has the same numbers of rows: by their rows in the table,
        or by `weights`. It is one that the table is partitioned by, or another of text, integers or booleans, which is
        read for it once; then a row group is read once for each value it has. In it and in a mixture parts that have
        too few rows begin anew; with coverage `exact` they do not, and their places in later batches are masked.

        `cache` is a local folder that keeps what is read of a remote table, `cache_size` bytes at most. Raises
        ConfigError, SchemaError and SourceError.
        """
        rank, world_size = rank_and_world(rank, world_size, groups)
        share = Share(global_batch_size, rank, world_size, accumulation)
        augmentation = Augmentation.of(self.plan.properties, self.plan.path) if augment else None
        pixels = self._images(images, on_error, batches, augmentation)
        shown = self._shown(batches, augmentation) if augmentation else None
        # Without ids there are no views.
        dropped = (ROW_ID,) if augment and not with_row_id else ()
        plan, parts = self._parted(stratify, weights)
        if parts and coverage == "pad":
            raise ConfigError("coverage: 'pad' cannot be had of a mixture, whose parts end at different times")
        settings = Settings(
            share,
            seed=seed,
            coverage=coverage or ("drop" if parts else "exact"),
            shuffle=shuffle,
            window=window,
            threads=threads,
            memory=memory,
            batches=batches,
            images=pixels,
            shown=shown,
            dropped=dropped,
            ingredients=parts,
            cache=Cache(str(cache), cache_size, time.time()) if cache else None,
        )
        return Reader(plan if with_row_id or augment else plan.without(ROW_ID), settings, epoch)

    def _parted(self, stratify: str | None, weights: Mapping[Any, float] | None) -> Parted:
        if stratify is None and weights is not None:
            raise ConfigError("weights: they are those of the values of a column; name it by stratify")
        if stratify is None:
            return self.plan, ()
        if stratify not in self._strata:
            self._strata[stratify] = strata(self.plan, stratify)
        plan, parts = self._strata[stratify]
        return plan, weighed(parts, weights, stratify)

    def _shown(self, batches: Format, augmentation: Augmentation) -> Shown:
        mixup = augmentation.mixup or {}
        needed = [ROW_ID, *mixup.get("columns", ()), *mixup.get("labels", ())]
        problems = [
            f"augment: {name!r} is needed, and is no column that is read; name it in `columns`"
            for name in needed
            if name not in self.plan.names
        ]
        if batches != "numpy":
            problems.append(f"batches: {batches!r} shows no views; augment is for 'numpy'")
        if problems:
            raise ConfigError(problems)
        return Shown(augmentation, ROW_ID)

    def _images(
        self, images: Sequence[str] | str, on_error: OnError, batches: Format, augmentation: Augmentation | None
    ) -> Images | None:
        names = [images] if isinstance(images, str) else list(images)
        if augmentation and augmentation.image:
            names = list(dict.fromkeys([*names, augmentation.image]))
        if not names:
            return None
        require_pillow()
        problems = [
            f"images: {name!r} is no column that is read{did_you_mean(name, self.plan.names)}"
            for name in names
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

    def manifest(self, epoch: int, path: str, **options: Any) -> int:
        """Write which rows make which global batch of an epoch to a Parquet file, and return their number.

        Columns: `epoch`, `step`, `slot` (the row's place in the global batch), `_row_id`. The options are those of
        `reader` that make the order. Raises SourceError where rows have no id.
        """
        if ROW_ID not in self.plan.names:
            raise SourceError(f"{self.plan.path}: rows have no column {ROW_ID}; write it with sink.lineage: true")
        column = tuple(one for one in self.plan.columns if one.name == ROW_ID)
        only_ids = copy(self)
        only_ids.plan = replace(self.plan.bare, columns=column, bytes_a_row=8.0)
        alone = {**options, "rank": 0, "world_size": 1, "accumulation": 1}
        return write_manifest(only_ids.reader(**alone), epoch, path)
