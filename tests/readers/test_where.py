"""Rows picked, and dealt into strata, by columns that the table is not partitioned by."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from training_tables import write

from genspark.errors import ConfigError, SchemaError, SourceError
from genspark.readers import Mixture, TrainingTable


def ids(reader, count: int | None = None) -> list[int]:
    return [int(n) for batch in islice(reader, count) for n in batch["id"][batch.get("_mask", slice(None))]]


def passes(where, n: np.ndarray) -> list[int]:
    return n[where].tolist()


N = np.arange(1003)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"name": ["row 3", "row 700"]}, [3, 700]),
        ({"split": "test", "id": list(range(20))}, [0, 4, 8, 12, 16]),
        ((pl.col("x") > 400) & (pl.col("split") == "train"), passes((N / 2 > 400) & (N % 4 != 0), N)),
        (pl.col("vector").list.first() < 400, list(range(100))),
    ],
)
def test_rows_that_pass_are_read_and_no_others(path, where, expected):
    table = TrainingTable(path, columns=["id"], where=where)
    assert len(table) == len(expected)
    assert sorted(ids(table.reader(global_batch_size=min(7, len(expected)), seed=3))) == expected


def test_null_passes_where_it_is_asked_for(tmp_path):
    path = write(tmp_path / "t", pa.table({"id": range(6), "n": [1, None, 2, None, 3, 1]}), group=2)
    for where, expected in [
        ({"n": None}, [1, 3]),
        ({"n": [1, None]}, [0, 1, 3, 5]),
        (pl.col("n") > 1, [2, 4]),
        (pl.col("n").is_null(), [1, 3]),
    ]:
        table = TrainingTable(path, columns=["id"], where=where)
        assert sorted(ids(table.reader(global_batch_size=1))) == expected


def test_a_filtered_table_is_covered_and_resumed_exactly(path):
    where = pl.col("id") % 3 == 0
    expected = N[N % 3 == 0].tolist()
    chance = np.random.default_rng(0)
    table = TrainingTable(path, columns=["id"], where=where)
    for _ in range(20):
        worlds = chance.integers(1, 9, 2).tolist()
        stop = int(chance.integers(0, 10))
        options = {"global_batch_size": 32, "seed": 5, "threads": 0}
        before = [table.reader(rank=rank, world_size=worlds[0], **options) for rank in range(worlds[0])]
        got = [n for reader in before for n in ids(reader, stop)]
        again = TrainingTable(path, columns=["id"], where=where)
        after = [again.reader(rank=rank, world_size=worlds[1], **options) for rank in range(worlds[1])]
        for reader in after:
            reader.load_state_dict(before[0].state_dict())
            got += ids(reader)
        assert sorted(got) == expected


def test_a_state_of_other_rows_is_refused_though_they_are_as_many(path):
    one, other = (TrainingTable(path, where=pl.col("id") % 2 == rest) for rest in (0, 1))
    where = pl.col("id") % 2 == 0
    state = one.reader(global_batch_size=10).state_dict()
    assert TrainingTable(path, where=where).reader(global_batch_size=10).state_dict() == state
    with pytest.raises(SourceError, match="of another order"):
        other.reader(global_batch_size=10).load_state_dict(state)


def test_rows_deleted_and_filtered_are_both_left_out(table):
    from genspark.readers.parts_of_groups import cut

    # As a deletion vector has it: of each row group the even places are there, and of these the third ones pass.
    evens = cut(table.plan, [[np.arange(0, count, 2)] for count in table.plan.rows])
    thirds = cut(evens, [[np.arange(0, count, 3)] for count in evens.rows])
    assert all(places.tolist() == list(range(0, int(table.plan.rows[n]), 6)) for n, places in thirds.kept.items())


@pytest.mark.parametrize(
    ("where", "error", "message"),
    [
        (pl.col("idd") > 1, SchemaError, "where: 'idd' is no column; did you mean 'id'"),
        (pl.col("x") > pl.col("x").mean(), SchemaError, "is not of each row's own values"),
        (pl.col("x") + 1, SchemaError, "is Float64; give a condition"),
        (pl.lit(value=True), ConfigError, "names no column"),
        ("id > 3", ConfigError, "'id > 3' is neither a mapping"),
        (pl.col("name") > 1, SchemaError, "cannot be computed"),
    ],
)
def test_wrong_conditions(path, where, error, message):
    with pytest.raises(error, match=message):
        TrainingTable(path, where=where)


def test_strata_of_any_column_have_the_same_numbers_in_every_batch(tmp_path):
    # A third of the rows are of class 1, a sixth of class None, mixed within row groups.
    classes = [[0, 1, 0, 1, 0, None][n % 6] for n in range(300)]
    path = write(tmp_path / "t", pa.table({"id": range(300), "class": pa.array(classes)}), group=25)
    table = TrainingTable(path, nulls={"class": -1})
    reader = table.reader(global_batch_size=30, stratify="class", seed=2)
    batches = list(reader)
    assert [Counter(batch["class"].tolist()) for batch in batches] == [{0: 15, 1: 10, -1: 5}] * 10
    assert sorted(np.concatenate([batch["id"] for batch in batches])) == list(range(300))
    assert reader.counts.groups == 12 * 3
    even = table.reader(global_batch_size=30, stratify="class", weights={0: 1, None: 2})
    assert Counter(next(iter(even))["class"].tolist()) == {0: 10, -1: 20}
    # One sequence for all worlds.
    parts = [list(table.reader(global_batch_size=30, stratify="class", seed=2, rank=r, world_size=3)) for r in range(3)]
    for step, batch in enumerate(batches):
        assert np.concatenate([part[step]["id"] for part in parts]).tolist() == batch["id"].tolist()


def test_exact_coverage_of_a_weighted_mixture_has_each_row_once(tmp_path):
    sizes = (100, 33, 7)
    tables = [
        TrainingTable(write(tmp_path / str(n), pa.table({"id": np.arange(size) + 1000 * n}), group=6))
        for n, size in enumerate(sizes)
    ]
    mixture = Mixture(list(zip(tables, (1, 2, 1), strict=True)))
    expected = sorted(n * 1000 + i for n, size in enumerate(sizes) for i in range(size))
    options = {"global_batch_size": 16, "coverage": "exact", "seed": 4}
    for world in (1, 3):
        readers = [mixture.reader(rank=rank, world_size=world, **options) for rank in range(world)]
        # 100 rows, 4 a batch.
        assert {len(reader) for reader in readers} == {25}
        for _ in range(2):
            assert sorted(n for reader in readers for n in ids(reader)) == expected
    reader = mixture.reader(**options)
    first = ids(reader, 9)
    later = mixture.reader(**options)
    later.load_state_dict(reader.state_dict())
    assert sorted(first + ids(later)) == expected
    batch = next(iter(later))
    assert Counter((batch["id"] // 1000).tolist()) == {0: 4, 1: 8, 2: 4}
