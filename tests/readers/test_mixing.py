from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pyarrow as pa
import pytest
from training_tables import write

from genspark.errors import ConfigError, SchemaError
from genspark.readers import Mixture, TrainingTable


@pytest.fixture(scope="module")
def mixture(tmp_path_factory) -> Mixture:
    """100 rows from 0 on, 60 from 1,000 on and 40 from 2,000 on, at 5 to 3 to 2."""
    folder = tmp_path_factory.mktemp("mixing")
    tables = []
    for number, (rows, weight) in enumerate([(100, 0.5), (60, 0.3), (40, 0.2)]):
        ids = pa.table({"id": np.arange(rows) + 1000 * number})
        tables.append((TrainingTable(write(folder / str(number), ids, group=7)), weight))
    return Mixture(tables)


def ranks(readable, world: int, **options) -> list:
    given = {"global_batch_size": 20, "seed": 1, "threads": 0, **options}
    return [readable.reader(rank=rank, world_size=world, **given) for rank in range(world)]


def batches(readers) -> list[list[int]]:
    return [np.concatenate([part["id"] for part in parts]).tolist() for parts in zip(*readers, strict=True)]


def test_every_batch_has_rows_of_each_table_by_its_weight(mixture):
    found = [batch for _ in range(3) for batch in batches(ranks(mixture, 1))]
    assert all(Counter(number // 1000 for number in batch) == {0: 10, 1: 6, 2: 4} for batch in found[:10])
    # Ten batches have each row of each table once.
    assert sorted(number for batch in found[:10] for number in batch) == [
        *range(100),
        *range(1000, 1060),
        *range(2000, 2040),
    ]


def test_a_mixture_is_one_sequence_for_all_worlds_and_places(mixture):
    expected = batches(ranks(mixture, 1))
    for world in (2, 3, 7):
        assert batches(ranks(mixture, world)) == expected
    (reader,) = ranks(mixture, 1)
    got = [batch["id"].tolist() for batch in islice(reader, 4)]
    two = ranks(mixture, 2)
    for rank in two:
        rank.load_state_dict(reader.state_dict())
    assert got + batches(two) == expected


def test_each_rank_has_rows_of_each_table(mixture):
    for rank in ranks(mixture, 2):
        assert {len(set((batch["id"] // 1000).tolist())) for batch in rank} == {3}


def test_a_small_table_begins_anew_in_another_order(tmp_path):
    large = TrainingTable(write(tmp_path / "large", pa.table({"id": np.arange(80)}), group=10))
    small = TrainingTable(write(tmp_path / "small", pa.table({"id": np.arange(100, 110)}), group=10))
    found = batches(ranks(Mixture([(large, 1), (small, 1)]), 1, global_batch_size=20))
    assert len(found) == 8
    of_small = [[number for number in batch if number >= 100] for batch in found]
    assert all(sorted(part) == list(range(100, 110)) for part in of_small)
    assert len({tuple(part) for part in of_small}) > 1


def test_strata_have_the_same_numbers_in_every_batch(table):
    (reader,) = ranks(table, 1, global_batch_size=64, stratify="split")
    found = list(reader)
    assert all(Counter(batch["split"].tolist()) == {"test": 16, "train": 48} for batch in found)
    ids = np.concatenate([batch["id"] for batch in found])
    assert len(np.unique(ids)) == len(ids) == 15 * 64
    (even,) = ranks(table, 1, global_batch_size=64, stratify="split", weights={"test": 1, "train": 1})
    assert Counter(next(iter(even))["split"].tolist()) == {"test": 32, "train": 32}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"stratify": "nme"}, SchemaError, "stratify: 'nme' is no column that is read; did you mean 'name'"),
        ({"stratify": "x"}, SchemaError, "stratify: 'x' is double; give a column of text, integers or booleans"),
        ({"stratify": "split", "weights": {"tst": 1}}, ConfigError, "no row has split 'tst'; did you mean 'test'"),
        ({"weights": {"test": 1}}, ConfigError, "name it by stratify"),
        ({"stratify": "split", "coverage": "pad"}, ConfigError, "'pad' cannot be had of a mixture"),
        ({"stratify": "split", "weights": {"test": 1, "train": 99}}, ConfigError, "give 100 or more, or weigh it more"),
        ({"stratify": "split", "weights": {"test": -1, "train": 1}}, ConfigError, "must all be above 0"),
        ({"stratify": "split", "weights": {"test": 1}, "global_batch_size": 400}, ConfigError, "weigh it less"),
    ],
)
def test_wrong_mixtures(table, options, error, message):
    with pytest.raises(error, match=message):
        table.reader(**{"global_batch_size": 20, **options})


def test_tables_of_other_columns_are_refused(table, mixture, tmp_path):
    other = TrainingTable(write(tmp_path / "other", pa.table({"id": ["a"]})))
    one = TrainingTable(write(tmp_path / "one", pa.table({"id": [1]})))
    with pytest.raises(SchemaError, match="differ in 'id'; name the columns that both have alike"):
        Mixture([(one, 1), (other, 1)])
    with pytest.raises(ConfigError, match="there is none to mix"):
        Mixture([])
