"""Readers for torch: micro-batches as an IterableDataset, with a loader that keeps its place, and rows as a Dataset."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from genspark.readers.plan import Plan
from genspark.readers.reader import Reader
from genspark.readers.rows import RowReader
from genspark.readers.state import Position
from genspark.storage.files import is_uri

Batch = dict[str, Any]
SMALL = 4 << 20
"""Bytes of a tensor up to which it is copied from a worker through its pipe."""


class TorchDataset(IterableDataset[Batch]):  # type: ignore[misc]
    """A reader's micro-batches as dictionaries of tensors; what is no number stays a list.

    Each worker of a DataLoader (`batch_size=None`) makes its turn of the micro-batches, so that they come in the same
    order from any number of workers. Iterating begins where `set_epoch` or `load_state_dict` has put it; `loader`
    makes a DataLoader that goes on by itself, and whose state counts what was taken and not what was made ready.
    """

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.reader = reader
        # Shared, since workers that persist have a copy of all else.
        self._start = torch.zeros(2, dtype=torch.int64).share_memory_()
        self.move(reader.position)
        self._next: tuple[int, int] | None = None
        self._resumed: int | None = None
        _warn_of_second_sharding(reader)

    def __len__(self) -> int:
        """The micro-batches of an epoch."""
        return len(self.reader)

    def __iter__(self) -> Iterator[Batch]:
        position = self.position
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        # Workers are as many as are to run at once already.
        threads = 1 if worker else None
        first = position.step * self.reader.accumulation + number
        if self._resumed is not None:
            first, self._resumed = self._resumed, None
        for item, batch in self.reader.read(position.epoch, range(first, len(self), workers), threads):
            self._next = position.epoch, item + workers
            yield tensors(batch)
        self._next = None

    @property
    def position(self) -> Position:
        """Where iterating begins."""
        return Position(*self._start.tolist())

    def move(self, position: Position) -> None:
        """Let iterating begin at a position."""
        self._start[:] = torch.tensor([position.epoch, position.step])

    def set_epoch(self, epoch: int) -> None:
        """Let iterating begin at the start of an epoch; if it began within this epoch, it does so again."""
        self.reader.move(self.position)
        self.reader.set_epoch(epoch)
        self.move(self.reader.position)

    def state_dict(self) -> dict[str, Any]:
        """Where this process stands; in a worker of torchdata's StatefulDataLoader, after what the worker has made."""
        if self._next is None:
            return self.reader.identity.state(self.position)
        epoch, item = self._next
        return {**self.reader.identity.state(Position(epoch, item // self.reader.accumulation)), "item": item}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where a reader or a dataset stood. Raises SourceError for one of another table, version or order."""
        position = self.reader.identity.position(state)
        self.move(position)
        self._resumed = int(state["item"]) if "item" in state else None

    def loader(self, num_workers: int = 0, **options: Any) -> Loader:
        """A DataLoader of so many worker processes, which also takes the options of torch's."""
        return Loader(self, num_workers, options)


class Loader:
    """A DataLoader that counts what was taken from it: iterating goes on from there, epoch after epoch.

    Each of several workers makes a part of every micro-batch, and here the parts are joined: so workers read each row
    group once together, where each would read all of them if it made whole micro-batches.
    """

    def __init__(self, dataset: TorchDataset, num_workers: int, options: Mapping[str, Any]) -> None:
        self.dataset = dataset
        reader = dataset.reader
        if num_workers and "multiprocessing_context" not in options and is_uri(reader.path):
            # Clients of object stores do not outlive a fork.
            options = {**options, "multiprocessing_context": "spawn"}
        if num_workers:
            options = {"persistent_workers": True, **options}
        self._parts = num_workers if 1 < num_workers <= reader.width else 1
        self._source = TorchDataset(reader.cut(self._parts))
        self._loader: DataLoader[Batch] = DataLoader(
            self._source, batch_size=None, num_workers=num_workers, collate_fn=_light, **options
        )
        self._position = dataset.position

    def __len__(self) -> int:
        """The micro-batches of an epoch."""
        return len(self.dataset)

    def __iter__(self) -> Iterator[Batch]:
        reader, start = self.dataset.reader, self._position
        self._source.move(start)
        parts = iter(self._loader)
        taken = start.step * reader.accumulation
        while batch := list(islice(parts, self._parts)):
            taken += 1
            self._position = reader.after(start.epoch, taken)
            whole = [_with_tensors(part) for part in batch]
            yield whole[0] if len(whole) == 1 else _joined(whole)

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self._position.epoch

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch; a loader that is in it stays where it is."""
        if epoch != self._position.epoch:
            self._position = Position(epoch, 0)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands: after the last global batch of which every micro-batch was taken."""
        return self.dataset.reader.identity.state(self._position)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where any reader of the order stood. Raises SourceError."""
        self._position = self.dataset.reader.identity.position(state)


class TorchRows(Dataset[Batch]):  # type: ignore[misc]
    """The rows of a plan by their number, in the table's order: a look at one reads at most one row group."""

    def __init__(self, plan: Plan, memory: int) -> None:
        self._rows = RowReader(plan, memory)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> Batch:
        return self.__getitems__([number])[0]

    def __getitems__(self, numbers: Sequence[int]) -> list[Batch]:
        """Several rows, of which those of one row group are read together."""
        return [
            {name: torch.as_tensor(value) if _is_number(value) else value for name, value in row.items()}
            for row in self._rows.rows(numbers)
        ]


def tensors(batch: Mapping[str, Any]) -> Batch:
    """A batch with tensors in place of arrays of numbers, without a copy; times are their integers, the rest lists."""
    return {name: _tensor(values) for name, values in batch.items()}


def _tensor(values: np.ndarray[Any, Any]) -> Any:
    if values.dtype == object:
        return values.tolist()
    return torch.from_numpy(values.view(np.int64) if values.dtype.kind in "mM" else values)


def _is_number(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf"


def _joined(parts: Sequence[Batch]) -> Batch:
    """One batch of its parts. Images may be of one size in a part, and of several in all."""
    found: Batch = {}
    for name in parts[0]:
        values = [part[name] for part in parts]
        are_alike = all(isinstance(value, torch.Tensor) for value in values)
        if are_alike and len({value.shape[1:] for value in values}) == 1:
            found[name] = torch.cat(values)
        else:
            found[name] = [one for value in values for one in value]
    return found


def _light(batch: Batch) -> Batch:
    """A batch for the way from its worker: a tensor takes a file of shared memory, which for small ones costs more."""
    if get_worker_info() is None:
        return batch
    return {
        name: value.numpy() if isinstance(value, torch.Tensor) and value.nbytes < SMALL else value
        for name, value in batch.items()
    }


def _with_tensors(batch: Batch) -> Batch:
    return {name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in batch.items()}


def _warn_of_second_sharding(reader: Reader) -> None:
    """Accelerate cuts the batches of an iterable dataset among its processes, which have a share each already."""
    state = getattr(sys.modules.get("accelerate.state"), "PartialState", None)
    processes = getattr(state, "_shared_state", {}).get("num_processes", 1) if state else 1
    if reader.world > 1 and processes > 1:
        warnings.warn(
            f"each of {reader.world} ranks reads its own share; do not give the dataset or its loader to "
            "Accelerator.prepare, which would cut the shares again",
            stacklevel=4,
        )
