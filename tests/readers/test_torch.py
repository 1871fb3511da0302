from __future__ import annotations

import functools
import json
import subprocess
import sys
from itertools import islice
from typing import Any

import pytest
from training_tables import ROWS

from genspark.errors import SourceError

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create", "ignore:'set_vital'")
torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'genspark[torch]'")

ASKED: dict[str, Any] = {"global_batch_size": 64, "seed": 7, "rank": 0, "world_size": 1}


@pytest.fixture(scope="module")
def expected(table) -> list[list[int]]:
    """The ids of each batch of two epochs, as the plain reader gives them."""
    reader = table.reader(**ASKED, threads=0)
    return [batch["id"].tolist() for _ in range(2) for batch in reader]


def ids(batches) -> list[list[int]]:
    return [batch["id"].tolist() for batch in batches]


@pytest.mark.parametrize("workers", [0, 1, 4, 8])
def test_any_number_of_workers_gives_the_same_batches(table, expected, workers):
    loader = table.torch(**ASKED, threads=1).loader(workers)
    assert ids(loader) == expected[:16]
    assert len(loader) == 16


def test_workers_of_a_loader_read_each_row_group_once_together(table):
    reader = table.reader(**ASKED, threads=0).cut(4)
    read = []
    for worker in range(4):
        one = reader.cut(1)
        list(one.read(0, range(worker, len(one), 4)))
        read.append(one.counts.groups)
    assert sum(read) <= len(table.plan.rows) + 3


def test_micro_batches_come_in_order_from_workers(table):
    options = {**ASKED, "accumulation": 3, "threads": 1}
    assert ids(table.torch(**options).loader(2)) == ids(table.reader(**options))


def test_workers_that_persist_go_on_and_an_early_break_loses_nothing(table, expected):
    loader = table.torch(**ASKED, threads=1).loader(2, persistent_workers=True)
    got = ids(islice(loader, 5))
    got += ids(loader)
    assert loader.epoch == 1
    got += ids(loader)
    assert got == expected


def test_the_state_counts_what_was_taken_and_restores_under_other_workers(table, expected):
    loader = table.torch(**ASKED, threads=1).loader(2, prefetch_factor=4)
    got = ids(islice(loader, 7))
    for workers in (1, 0, 3):
        state = json.loads(json.dumps(loader.state_dict()))
        assert state["step"] == len(got)
        loader = table.torch(**ASKED, threads=1).loader(workers)
        loader.load_state_dict(state)
        got += ids(islice(loader, 2))
    got += ids(loader)
    assert got == expected[:16]
    with pytest.raises(SourceError, match="of another order"):
        table.torch(**{**ASKED, "seed": 8}).loader().load_state_dict(state)


def test_numbers_are_tensors_without_a_copy_and_the_rest_lists(table):
    reader = table.reader(**ASKED, threads=0)
    batch = next(iter(table.torch(**ASKED, threads=0)))
    assert batch["vector"].shape == (64, 4)
    assert batch["vector"].dtype == torch.float32
    assert isinstance(batch["name"], list)
    from genspark.readers.torch import tensors

    array = next(iter(reader))["vector"]
    assert tensors({"vector": array})["vector"].data_ptr() == array.ctypes.data


def test_torchdata_keeps_its_place(table, expected):
    stateful = pytest.importorskip("torchdata.stateful_dataloader", reason="torchdata is not installed")
    for workers in (0, 2):
        make = functools.partial(stateful.StatefulDataLoader, batch_size=None, num_workers=workers)
        first = make(table.torch(**ASKED, threads=1))
        got = ids(islice(first, 5))
        state = first.state_dict()
        second = make(table.torch(**ASKED, threads=1))
        second.load_state_dict(state)
        got += ids(islice(second, 3))
        third = make(table.torch(**ASKED, threads=1))
        third.load_state_dict(second.state_dict())
        got += ids(third)
        assert got == expected[:16]


def test_rows_by_number_read_one_group_at_most(table):
    data = table.torch_rows()
    assert len(data) == ROWS
    counts = data._rows.counts
    row = data[700]
    assert counts.groups == 1
    number = int(row["id"])
    assert row["vector"].tolist() == [number * 4 + place for place in range(4)]
    assert row["name"] == f"row {number}"
    several = data.__getitems__([700, 701, -1])
    assert counts.groups <= 3
    assert several[0]["id"] == row["id"]
    assert sorted(int(data[place]["id"]) for place in range(ROWS)) == list(range(ROWS))
    with pytest.raises(IndexError, match="row 1003 is none of 1003 rows"):
        data[ROWS]
    loader = torch.utils.data.DataLoader(data, batch_size=10, shuffle=True, num_workers=1)
    assert next(iter(loader))["vector"].shape == (10, 4)


SPAWNED = """
import sys, torch
from genspark.readers import TrainingTable

class Look(torch.utils.data.IterableDataset):
    def __init__(self, dataset): self.dataset = dataset
    def __iter__(self):
        for batch in self.dataset:
            yield batch["id"], sorted({"deltalake", "pyspark", "polars"} & set(sys.modules))

if __name__ == "__main__":
    dataset = Look(TrainingTable(sys.argv[1]).torch(global_batch_size=64, rank=0, world_size=1))
    for context in ("fork", "spawn"):
        loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=1, multiprocessing_context=context)
        found = list(loader)
        print(context, sum(len(ids) for ids, _ in found), found[0][1])
"""


def test_workers_import_neither_deltalake_nor_pyspark(path, tmp_path):
    script = tmp_path / "spawned.py"
    script.write_text(SPAWNED)
    done = subprocess.run([sys.executable, str(script), path], capture_output=True, text=True, check=True)
    # A fork has what its parent had imported, but does not use it.
    assert done.stdout.splitlines()[1] == "spawn 1024 []"
    assert done.stdout.splitlines()[0].startswith("fork 1024")


def test_accelerate_is_warned_of(table, monkeypatch):
    import types

    state = types.SimpleNamespace(PartialState=types.SimpleNamespace(_shared_state={"num_processes": 2}))
    monkeypatch.setitem(sys.modules, "accelerate.state", state)
    with pytest.warns(UserWarning, match="do not give the dataset or its loader to Accelerator.prepare"):
        table.torch(**{**ASKED, "world_size": 2})
