"""A reader: one rank's share of each global batch, from any place of any epoch on."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from genspark.errors import ConfigError, SourceError, did_you_mean
from genspark.readers.augment.columns import Partners, Shown
from genspark.readers.batches import Finish, Format
from genspark.readers.cache import DiskCache
from genspark.readers.chunks import Chunk, Filled, chunks_of, items_of_chunk
from genspark.readers.groups import Counts, Groups
from genspark.readers.images import Images
from genspark.readers.mixing import Ingredient, MixedOrder
from genspark.readers.order import WINDOW, Order, Shuffle
from genspark.readers.plan import Plan
from genspark.readers.resident import Resident
from genspark.readers.share import Share
from genspark.readers.state import Identity, Place, Position

Coverage = Literal["exact", "pad", "drop"]
AHEAD = 2
"""Chunks whose row groups are read before they are needed."""
THREADS = 2
MEMORY = 1 << 30


@dataclass(frozen=True)
class Cache:
    """A folder for what is read, its bytes at most, and when the reading that uses it began."""

    folder: str
    size: int
    since: float


@dataclass(frozen=True)
class Settings:
    """What a reader is asked for, beside the plan; see `TrainingTable.reader`."""

    share: Share
    seed: int = 0
    coverage: Coverage = "exact"
    shuffle: Shuffle = "blocks"
    window: int = WINDOW
    threads: int = THREADS
    memory: int = MEMORY
    batches: Format = "numpy"
    images: Images | None = None
    shown: Shown | None = None
    dropped: tuple[str, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    cache: Cache | None = None


class Reader(Place):
    """Iterates over a rank's micro-batches, as dictionaries of NumPy arrays.

    A reader is a place in the data: iterating goes on from it to the end of its epoch, and leaves it at the next one.
    """

    def __init__(self, plan: Plan, settings: Settings, epoch: int = 0) -> None:
        self._plan, self._settings = plan, settings
        self.order = order_of(plan, settings)
        self.counts = Counts()
        self.set_epoch(epoch)

    @property
    def path(self) -> str:
        """The table's path or URI."""
        return self._plan.path

    @property
    def world(self) -> int:
        """The ranks that share each global batch."""
        return self._settings.share.world

    @property
    def accumulation(self) -> int:
        """The micro-batches of a rank's share of a global batch."""
        return self._settings.share.accumulation

    @property
    def width(self) -> int:
        """The rows of the smallest micro-batch of any rank."""
        share = self._settings.share
        return share.batch // (share.world * share.accumulation)

    def cut(self, parts: int) -> Reader:
        """A reader of the same rows, which cuts each micro-batch into so many."""
        share = replace(self._settings.share, accumulation=self.accumulation * parts)
        return _moved(self._plan, replace(self._settings, share=share), self._position)

    @property
    def steps(self) -> int:
        """The global batches of an epoch, the same on every rank."""
        is_last = self.order.rest > 0 and self._settings.coverage != "drop"
        return self.order.full_steps + is_last

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self._position.epoch

    def __reduce__(self) -> tuple[Any, ...]:
        # Workers count what they read for themselves.
        return _moved, (self._plan, self._settings, self._position)

    def __len__(self) -> int:
        """The micro-batches of an epoch."""
        return self.steps * self.accumulation

    def __iter__(self) -> Iterator[dict[str, Any]]:
        epoch = self._position.epoch
        for item, batch in self.read(epoch, range(self._position.step * self.accumulation, len(self))):
            # A global batch is consumed when its last micro-batch is.
            self._position = self.after(epoch, item + 1)
            yield batch

    def after(self, epoch: int, items: int) -> Position:
        """The position after so many micro-batches of an epoch."""
        step = items // self.accumulation
        return Position(epoch, step) if step < self.steps else Position(epoch + 1, 0)

    @property
    def position(self) -> Position:
        """Where the reader stands."""
        return self._position

    def move(self, position: Position) -> None:
        """Go to a position."""
        self._position = position

    @property
    def identity(self) -> Identity:
        asked = self._settings
        mixed = [(part.name.rpartition("/")[2], part.weight) for part in asked.ingredients]
        order = f"{asked.share.batch} {asked.seed} {asked.coverage} {asked.shuffle} {asked.window} {mixed or ''}"
        digest = hashlib.sha256(f"{self._plan.fingerprint} {order}".encode()).hexdigest()
        return Identity(self._plan.table[:36], self._plan.version, digest[:16])

    def read(self, epoch: int, items: Sequence[int], threads: int | None = None) -> Iterator[tuple[int, Any]]:
        """Some micro-batches of an epoch by their number in it, whatever the position of the reader.

        `threads`: at most so many of the reader's.
        """
        settings = self._settings
        threads = settings.threads if threads is None else min(threads, settings.threads)
        skips = settings.images is not None and settings.images.on_error == "skip"
        finish = Finish(
            settings.batches, settings.coverage == "exact" or skips, settings.images, settings.shown, settings.dropped
        )
        with self._reading(threads) as (resident, pool):
            ready: deque[tuple[int, Any]] = deque()
            for chunk in self._filled(epoch, items, resident):
                for item, part in chunk.parts():
                    given = part, epoch, self.counts
                    ready.append((item, pool.submit(finish, *given) if pool else finish(*given)))
                    while len(ready) > threads:
                        yield _done(*ready.popleft())
            while ready:
                yield _done(*ready.popleft())

    @contextmanager
    def _reading(self, threads: int) -> Iterator[tuple[Resident, ThreadPoolExecutor | None]]:
        with ExitStack() as stack:
            pool = ThreadPoolExecutor(threads) if threads else None
            if pool:
                stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            spare = self._settings.memory if self._settings.shuffle == "full" else 0
            cache = self._settings.cache
            kept = DiskCache(Path(cache.folder), cache.size, cache.since) if cache else None
            resident = Resident(Groups(self._plan, self.counts, kept), pool, spare)
            stack.callback(resident.close)
            yield resident, pool

    def _filled(self, epoch: int, items: Sequence[int], resident: Resident) -> Iterator[Filled]:
        share = self._settings.share
        most = items_of_chunk(self._plan.bytes_a_row, self.width)
        coming: deque[Chunk] = deque()
        # Of a full shuffle every chunk needs most groups, which may not fit in memory at once.
        shown = self._settings.shown
        partners = Partners(shown.augmentation, shown.row_id, epoch) if shown and shown.augmentation.mixup else None
        given = resident, self._plan.names, self._settings.batches, partners
        ahead = 0 if self._settings.shuffle == "full" else AHEAD
        for chunk in chunks_of(self.order, share, epoch, items, most):
            coming.append(chunk)
            resident.expect(number for near in coming if ahead for number in near.groups)
            if len(coming) > ahead:
                yield coming.popleft().filled(*given)
        while coming:
            yield coming.popleft().filled(*given)


def order_of(plan: Plan, settings: Settings) -> Order | MixedOrder:
    """The order of a plan's rows. Raises SourceError where there are none, and ConfigError for wrong settings."""
    share, total = settings.share, plan.total
    if not total:
        raise SourceError(
            f"{plan.path}: version {plan.version} has no rows to read; check `where` and the job that wrote it"
        )
    if share.batch > total:
        raise ConfigError(f"global_batch_size: {share.batch} is more than the {total} rows; give {total} or less")
    for name, value, known in (
        ("coverage", settings.coverage, get_args(Coverage)),
        ("shuffle", settings.shuffle, get_args(Shuffle)),
        ("batches", settings.batches, get_args(Format)),
    ):
        if value not in known:
            raise ConfigError(f"{name}: {value!r} is none of {', '.join(known)}{did_you_mean(str(value), known)}")
    if settings.threads < 0:
        raise ConfigError(f"threads: {settings.threads} is no number of threads; give 0 or more")
    if settings.window < 1:
        raise ConfigError(f"window: {settings.window} is no number of row groups; give 1 or more")
    given = share.batch, settings.seed, settings.shuffle, settings.window
    if not settings.ingredients:
        return Order(plan.rows, *given)
    mixed = MixedOrder(plan.rows, *given, settings.ingredients, once=settings.coverage == "exact")
    # Wrong weights are to be told of now.
    assert mixed.orders
    return mixed


def _moved(plan: Plan, settings: Settings, position: Position) -> Reader:
    reader = Reader(plan, settings)
    reader.move(position)
    return reader


def _done(item: int, batch: Any) -> tuple[int, Any]:
    return item, batch.result() if isinstance(batch, Future) else batch
