"""Readers for TensorFlow and Keras: micro-batches as a tf.data.Dataset, whose place is kept."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from genspark.readers.reader import Reader
from genspark.readers.state import Position

Batch = dict[str, Any]


class TensorFlowReader:
    """A reader's micro-batches as dictionaries of tensors; lists that differ in length are ragged.

    Iterating counts what was taken. Every pass over `dataset` begins at the position, which moves when a pass has come
    to its end; within an epoch it moves with what is iterated over here, or with `callback()` in Keras's fit. So what
    tf.data or Keras reads ahead, or only to look at it, is not lost.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        _warn_of_second_sharding(reader)
        found = tf.data.Dataset.from_generator(self._batches, output_signature=self._signature())
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        self.dataset = found.with_options(options)

    def __len__(self) -> int:
        """The micro-batches of an epoch."""
        return len(self.reader)

    def __iter__(self) -> Iterator[Batch]:
        start = self.reader.position
        for item, batch in enumerate(self.dataset, start.step * self.reader.accumulation + 1):
            self.reader.move(self.reader.after(start.epoch, item))
            yield batch

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self.reader.epoch

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch; a reader that is in it stays where it is."""
        self.reader.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Where the reader stands: after the last global batch of which every micro-batch was taken."""
        return self.reader.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where any reader of the order stood. Raises SourceError."""
        self.reader.load_state_dict(state)

    def callback(self) -> tf.keras.callbacks.Callback:
        """What counts the batches that Keras's fit has trained on."""
        return _Counting(self.reader)

    def _batches(self) -> Iterator[Batch]:
        start = self.reader.position
        items = range(start.step * self.reader.accumulation, len(self.reader))
        for _, batch in self.reader.read(start.epoch, items):
            yield {name: _tensor(values) for name, values in batch.items()}
        self.reader.move(Position(start.epoch + 1, 0))

    def _signature(self) -> Batch:
        _, first = next(iter(self.reader.read(0, [0])))
        return {name: _spec(_tensor(values)) for name, values in first.items()}


class _Counting(tf.keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self._reader = reader
        self._epoch, self._items = 0, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        start = self._reader.position
        self._epoch, self._items = start.epoch, start.step * self._reader.accumulation

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._items += 1
        self._reader.move(self._reader.after(self._epoch, self._items))


def _tensor(values: np.ndarray[Any, Any]) -> Any:
    if values.dtype.kind in "mM":
        return tf.convert_to_tensor(values.view(np.int64))
    if values.dtype != object:
        return tf.convert_to_tensor(values)
    if len(values) and isinstance(values[0], np.ndarray):
        lengths = [len(value) for value in values]
        return tf.RaggedTensor.from_row_lengths(np.concatenate(list(values)), lengths)
    return tf.convert_to_tensor(["" if value is None else value for value in values], dtype=tf.string)


def _spec(tensor: Any) -> Any:
    if isinstance(tensor, tf.RaggedTensor):
        return tf.RaggedTensorSpec([None, None], tensor.dtype, ragged_rank=1)
    return tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)


def _warn_of_second_sharding(reader: Reader) -> None:
    if reader.world > 1 and tf.distribute.has_strategy() and tf.distribute.get_strategy().num_replicas_in_sync > 1:
        warnings.warn(
            f"each of {reader.world} ranks reads its own share; give the dataset to "
            "strategy.distribute_datasets_from_function, as experimental_distribute_dataset would cut the shares again",
            stacklevel=4,
        )
