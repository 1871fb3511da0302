from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from training_tables import write

from genspark.errors import ConfigError, DataError
from genspark.readers import TrainingTable


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> str:
    """Nulls in the first row group, of 4 rows, and none in the second."""
    rows = {
        "n": pa.array([1, None, 2**62 + 1, 4, 5, 6], pa.int64()),
        "b": pa.array([None, True, False, True, True, True]),
        "tokens": pa.array([[1, None], [3, 4], [5, 6], None, [7, 8], [9, 10]], pa.list_(pa.int32())),
        "id": pa.array(range(6)),
    }
    return write(tmp_path_factory.mktemp("nulls") / "table", pa.table(rows), group=4)


def read(table: TrainingTable, **options) -> dict:
    return next(iter(table.reader(global_batch_size=6, shuffle="sequential", **options)))


def test_a_mask_tells_where_null_was(path):
    batch = read(TrainingTable(path, columns=["n", "b", "id"], nulls={"n": "mask", "b": "mask"}))
    # No integer went through a float.
    assert batch["n"].tolist() == [1, 0, 2**62 + 1, 4, 5, 6]
    assert batch["n"].dtype == np.int64
    assert batch["n_is_null"].tolist() == [False, True, *[False] * 4]
    assert batch["b"].tolist() == [False, True, False, True, True, True]
    assert batch["b_is_null"].tolist() == [True, *[False] * 5]


def test_a_value_stands_for_null(path):
    batch = read(TrainingTable(path, nulls={"n": -1, "b": True, "tokens": 0}))
    assert batch["n"].tolist() == [1, -1, 2**62 + 1, 4, 5, 6]
    assert batch["b"].tolist() == [True, True, False, True, True, True]
    tokens = [None if one is None else one.tolist() for one in batch["tokens"]]
    assert tokens == [[1, 0], [3, 4], [5, 6], None, [7, 8], [9, 10]]
    table = TrainingTable(path, columns=["n"], nulls={"n": -1}).reader(global_batch_size=6, batches="arrow")
    assert sorted(next(iter(table))["n"].to_pylist()) == [-1, 1, 4, 5, 6, 2**62 + 1]


@pytest.mark.parametrize("column", ["n", "b", "tokens"])
def test_without_a_word_null_is_an_error(path, column):
    with pytest.raises(DataError, match=rf"column '{column}' has nulls.*nulls=\{{'{column}': \.\.\.\}}"):
        read(TrainingTable(path, columns=[column]))


@pytest.mark.parametrize(
    ("nulls", "message"),
    [
        ({"m": 0}, "nulls: 'm' is no column that is read; known: n, b, tokens, id"),
        ({"n": "none"}, "nulls: 'none' is no value of 'n', which is int64"),
        ({"n": 1.5}, "nulls: 1.5 is no value of 'n', which is int64"),
        ({"tokens": "mask"}, "'tokens' is list.*a mask is for integers and booleans; give a value"),
        ({"tokens": 1 << 40}, "1099511627776 is no value of 'tokens'"),
    ],
)
def test_wrong_values_are_refused(path, nulls, message):
    with pytest.raises(ConfigError, match=message):
        TrainingTable(path, nulls=nulls)
