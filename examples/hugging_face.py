"""A table as a Hugging Face IterableDataset: python examples/hugging_face.py TABLE."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from datasets import IterableDataset

from genspark import TrainingTable


def rows(table: TrainingTable, epoch: int) -> Iterator[dict[str, Any]]:
    """The rows of an epoch in its order."""
    for batch in table.reader(global_batch_size=64, rank=0, world_size=1, epoch=epoch, coverage="exact"):
        kept = batch.pop("_mask")
        for place in kept.nonzero()[0]:
            yield {name: values[place] for name, values in batch.items()}


if __name__ == "__main__":
    data = IterableDataset.from_generator(rows, gen_kwargs={"table": TrainingTable(sys.argv[1]), "epoch": 0})
    print(sum(1 for _ in data), "rows; the first has", sorted(next(iter(data))))
