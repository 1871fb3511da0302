"""Packed sequences: each token once, documents told apart, on any number of ranks, from any place on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from training_tables import write

from genspark.errors import ConfigError, GensparkError, SchemaError, SourceError
from genspark.readers import TrainingTable

LENGTHS = [(17 * n) % 23 for n in range(200)]
STARTS = np.cumsum([0, *LENGTHS])
LENGTH, BATCH = 16, 5


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> TrainingTable:
    """Documents of up to 22 tokens, none in some, whose tokens are their places in the whole; and one that is null."""
    lists = [list(range(start + 1, start + 1 + size)) for start, size in zip(STARTS, LENGTHS, strict=False)]
    table = pa.table({"id": range(201), "tokens": pa.array([*lists, None], pa.list_(pa.int32()))})
    return TrainingTable(write(tmp_path_factory.mktemp("packing") / "table", table, group=16))


def packed(table: TrainingTable, **options: Any) -> Any:
    return table.packed(
        "tokens", **{"length": LENGTH, "global_batch_size": BATCH, "world_size": 1, "rank": 0, **options}
    )


def whole(batches: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


@pytest.mark.parametrize("shuffle", ["blocks", "full", "sequential"])
def test_each_token_is_there_once_and_each_document_stands_in_its_order(documents: Any, shuffle: str) -> None:
    found = whole(list(packed(documents, shuffle=shuffle, seed=3)))
    tokens, segments = found["tokens"].ravel(), found["segments"].ravel()
    there = tokens[segments > 0]
    assert sorted(there) == list(range(1, sum(LENGTHS) + 1))
    assert tokens.dtype == np.int32
    assert not tokens[segments == 0].any()
    # Only the end is filled up.
    assert (segments > 0).sum() == len(there) == np.flatnonzero(segments)[-1] + 1
    assert found["_mask"].tolist() == (found["segments"][:, 0] > 0).tolist()
    owner = np.searchsorted(STARTS, tokens, side="left")
    for row, of in zip(found["segments"], owner.reshape(-1, LENGTH), strict=True):
        changes = np.r_[True, np.diff(of) != 0] & (row > 0)
        assert (np.cumsum(changes) * (row > 0) == row).all()
    starts = np.r_[True, np.diff(owner) != 0] | (np.arange(len(tokens)) % LENGTH == 0)
    since = np.arange(len(tokens)) - np.maximum.accumulate(np.where(starts, np.arange(len(tokens)), 0))
    assert (found["positions"].ravel() == since * (segments > 0)).all()


def test_another_epoch_has_another_order_and_a_sequential_one_that_of_the_table(documents: Any) -> None:
    reader = packed(documents)
    first, second = whole(list(reader))["tokens"], whole(list(reader))["tokens"]
    assert sorted(first.ravel()) == sorted(second.ravel())
    assert (first != second).any()
    assert reader.state_dict()["epoch"] == 2
    in_order = whole(list(packed(documents, shuffle="sequential", window=1)))["tokens"].ravel()
    assert in_order[: sum(LENGTHS)].tolist() == list(range(1, sum(LENGTHS) + 1))


def test_ranks_share_the_batches_of_one_and_take_as_many_steps(documents: Any) -> None:
    alone = list(packed(documents))
    ranks = [list(packed(documents, rank=rank, world_size=3)) for rank in range(3)]
    assert {len(batches) for batches in ranks} == {len(alone)}
    for step, batch in enumerate(alone):
        for name, values in batch.items():
            assert (np.concatenate([batches[step][name] for batches in ranks]) == values).all()


def test_reading_goes_on_where_it_stood_on_any_number_of_ranks(documents: Any) -> None:
    alone, reader = list(packed(documents)), packed(documents, rank=1, world_size=2)
    for _ in zip(range(7), reader, strict=False):
        pass
    again = packed(documents, threads=0)
    again.load_state_dict(reader.state_dict())
    rest = list(again)
    assert len(rest) == len(alone) - 7
    assert all((mine["tokens"] == theirs["tokens"]).all() for mine, theirs in zip(rest, alone[7:], strict=True))
    with pytest.raises(SourceError, match="the state is of another order"):
        packed(documents, length=8).load_state_dict(reader.state_dict())


@pytest.mark.parametrize(
    ("options", "error", "problem"),
    [
        ({"column": "token"}, SchemaError, "'token' is no column of .*'tokens'"),
        ({"column": "id"}, SchemaError, "'id' is int64; lists of whole numbers are packed"),
        ({"length": 0}, ConfigError, "length: 0 is no number of tokens"),
        ({"global_batch_size": 0}, ConfigError, "global_batch_size: 0 is no number of rows"),
    ],
)
def test_what_cannot_be_packed_is_named(
    documents: Any, options: dict[str, Any], error: type[GensparkError], problem: str
) -> None:
    given = {"column": "tokens", "length": 4, "global_batch_size": 2, **options}
    with pytest.raises(error, match=problem):
        documents.packed(given.pop("column"), **given)
