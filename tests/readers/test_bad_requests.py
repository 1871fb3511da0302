from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from training_tables import LogByHand, write

from genspark.errors import ConfigError, DataError, SourceError
from genspark.readers import TrainingTable
from genspark.readers.ranks import rank_and_world


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"global_batch_size": 0}, "global_batch_size: 0 is no number of rows"),
        ({"global_batch_size": 2000}, "global_batch_size: 2000 is more than the 1003 rows"),
        ({"rank": 4, "world_size": 4}, "rank: 4 is none of 4 ranks; give 0 to 3"),
        ({"rank": 0, "world_size": 0}, "world_size: 0 is no number of ranks"),
        ({"rank": 1}, "rank, world_size: give both, or neither"),
        ({"accumulation": 0}, "accumulation: 0 is no number"),
        ({"rank": 0, "world_size": 8, "accumulation": 16}, "64 rows do not give each of 8 ranks and 16 micro-batches"),
        ({"shuffle": "block"}, "shuffle: 'block' is none of .*; did you mean 'blocks'"),
        ({"coverage": "all"}, "coverage: 'all' is none of exact, pad, drop"),
        ({"window": 0}, "window: 0 is no number of row groups"),
        ({"threads": -1}, "threads: -1 is no number of threads"),
        ({"epoch": -1}, "epoch: -1 is none; give 0 or more"),
    ],
)
def test_wrong_arguments(table, options, message):
    with pytest.raises(ConfigError, match=message):
        table.reader(**{"global_batch_size": 64, **options})


def test_an_empty_table(tmp_path):
    empty = LogByHand(tmp_path / "t").column("id", "long").commit()
    with pytest.raises(SourceError, match="version 0 has no rows to read"):
        TrainingTable(empty).reader(global_batch_size=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"table": "0" * 36}, "the state is of table 0000"),
        ({"version": 1}, "of version 1 of the table, and this is 0; open the table with version=1"),
        ({"plan": "0" * 16}, "of another order; where, global_batch_size, seed"),
        ({"step": -1}, "is no place in an epoch"),
        ({"epoch": "x"}, "is no state of a training reader"),
    ],
)
def test_a_state_of_something_else_is_refused(table, change, message):
    state = table.reader(global_batch_size=64).state_dict()
    with pytest.raises(SourceError, match=message):
        table.reader(global_batch_size=64).load_state_dict({**state, **change})


@pytest.mark.parametrize("options", [{"seed": 1}, {"global_batch_size": 32}, {"shuffle": "full"}, {"coverage": "pad"}])
def test_a_state_of_another_order_is_refused(table, options):
    state = table.reader(global_batch_size=64).state_dict()
    with pytest.raises(SourceError, match="of another order"):
        table.reader(**{"global_batch_size": 64, **options}).load_state_dict(state)


def test_nulls_among_integers_are_refused_with_the_column(tmp_path):
    path = write(tmp_path / "t", pa.table({"n": [1, None, 3], "x": [1.0, None, 3.0]}))
    with pytest.raises(DataError, match="column 'n' has nulls, for which int64 has no value; name one"):
        next(iter(TrainingTable(path).reader(global_batch_size=3)))
    batch = next(iter(TrainingTable(path, columns=["x"]).reader(global_batch_size=3, shuffle="sequential")))
    assert np.isnan(batch["x"]).tolist() == [False, True, False]


def test_lists_of_several_lengths_come_as_arrays(tmp_path):
    path = write(tmp_path / "t", pa.table({"tokens": [[1, 2], [3], []]}))
    batch = next(iter(TrainingTable(path).reader(global_batch_size=3, shuffle="sequential")))
    assert [tokens.tolist() for tokens in batch["tokens"]] == [[1, 2], [3], []]


def tf_config(kind: str, index: int, **cluster: list[str]) -> str:
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (0, 1)),
        ({"RANK": "3", "WORLD_SIZE": "8"}, (3, 8)),
        ({"HOROVOD_RANK": "1", "HOROVOD_SIZE": "2"}, (1, 2)),
        ({"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4"}, (2, 4)),
        ({"PMI_RANK": "0", "PMI_SIZE": "2"}, (0, 2)),
        ({"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "6"}, (5, 6)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "6"}, (0, 1)),
        ({"TF_CONFIG": tf_config("worker", 0, chief=["a"], worker=["b"])}, (1, 2)),
        ({"TF_CONFIG": tf_config("worker", 1, worker=["a", "b"])}, (1, 2)),
    ],
)
def test_ranks_of_launchers(monkeypatch, environment, expected):
    for name in ("RANK", "WORLD_SIZE", "TF_CONFIG", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert rank_and_world(None, None) == expected


def test_ranks_of_one_model_get_the_same_batches(table):
    groups = {0: 0, 1: 0, 2: 1, 3: 1}
    ids = [
        next(iter(table.reader(global_batch_size=64, rank=rank, world_size=4, groups=groups)))["id"].tolist()
        for rank in range(4)
    ]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert len(ids[0]) == 32


@pytest.mark.parametrize(
    ("groups", "message"),
    [({0: 0, 1: 2}, r"numbered \[0, 2\]"), ({1: 0}, "rank 0 is in none")],
)
def test_wrong_groups(groups, message):
    with pytest.raises(ConfigError, match=message):
        rank_and_world(0, 2, groups)


def test_bad_tf_config(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(ConfigError, match="TF_CONFIG: '{}' names no task"):
        rank_and_world(None, None)
