from __future__ import annotations

import hashlib
import json
import pickle
import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import polars as pl
import pytest
from training_tables import ROWS, rows, write

from genspark.readers import TrainingTable


def readers(table: TrainingTable, world: int, **options: Any) -> list[Any]:
    given = {"global_batch_size": 64, "seed": 7, "threads": 0, **options}
    return [table.reader(rank=rank, world_size=world, **given) for rank in range(world)]


def valid(batch: dict[str, Any]) -> np.ndarray:
    return batch["id"][batch["_mask"]] if "_mask" in batch else batch["id"]


def global_batches(ranks: list[Any], accumulation: int = 1) -> Iterator[np.ndarray]:
    """The ids of each global batch to the end of the epoch, from all ranks at once."""
    for parts in zip(*ranks, strict=True):
        yield np.concatenate([valid(part) for part in parts])


def digest(batches: Iterator[np.ndarray]) -> str:
    return hashlib.sha256(b"".join(batch.tobytes() for batch in batches)).hexdigest()


@pytest.mark.parametrize("shuffle", ["blocks", "full", "sequential"])
def test_worlds_of_any_size_read_one_sequence_of_global_batches(table, shuffle):
    worlds = (1, 2, 3, 4, 8, 16) if shuffle == "blocks" else (1, 3, 16)
    digests = {digest(global_batches(readers(table, world, shuffle=shuffle))) for world in worlds}
    assert len(digests) == 1


def test_micro_batches_are_parts_of_the_same_global_batches(table):
    whole = list(global_batches(readers(table, 2)))
    for accumulation in (2, 3, 32):
        ranks = readers(table, 2, accumulation=accumulation)
        each = [[valid(batch) for batch in rank] for rank in ranks]
        assert [len(rank) for rank in ranks] == [len(whole) * accumulation] * 2
        for step, batch in enumerate(whole):
            parts = [part for rank in each for part in rank[step * accumulation : (step + 1) * accumulation]]
            assert np.concatenate(parts).tolist() == batch.tolist()


def test_row_groups_are_read_once_or_nearly(table, path):
    alone = readers(table, 1)
    list(global_batches(alone))
    bytes_once = alone[0].counts.bytes
    assert alone[0].counts.groups == len(table.plan.rows)
    eight = readers(table, 8)
    list(global_batches(eight))
    assert sum(reader.counts.bytes for reader in eight) <= 1.3 * bytes_once


@pytest.mark.parametrize(("coverage", "steps"), [("exact", 16), ("pad", 16), ("drop", 15)])
def test_coverage(table, coverage, steps):
    for world in (1, 3):
        ranks = readers(table, world, coverage=coverage)
        assert {len(rank) for rank in ranks} == {steps}
        batches = [list(rank) for rank in ranks]
        assert all(len(rank) == steps for rank in batches)
        found = np.concatenate([valid(batch) for rank in batches for batch in rank])
        assert len(found) == {"exact": ROWS, "pad": 16 * 64, "drop": 15 * 64}[coverage]
        assert len(np.unique(found)) == (960 if coverage == "drop" else ROWS)
        # The rest is spread over the ranks, so that none has a batch of which nothing counts.
        assert all(len(valid(rank[-1])) for rank in batches)


def test_fewer_row_groups_than_ranks(tmp_path):
    small = TrainingTable(write(tmp_path / "small", rows(40), group=20))
    found = np.concatenate(list(global_batches(readers(small, 16, global_batch_size=16))))
    assert sorted(found) == list(range(40))


def test_columns_come_dense_and_with_their_values(table):
    batch = next(iter(readers(table, 1)[0]))
    assert {name: (values.dtype.str, values.shape) for name, values in batch.items()} == {
        "id": ("<i8", (64,)),
        "_row_id": ("<i8", (64,)),
        "x": ("<f8", (64,)),
        "vector": ("<f4", (64, 4)),
        "name": ("|O", (64,)),
        "split": ("|O", (64,)),
        "_mask": ("|b1", (64,)),
    }
    ids = batch["id"]
    assert (batch["_row_id"] == ids * 7919 - 4000).all()
    assert (batch["x"] == ids / 2).all()
    assert (batch["vector"] == ids[:, None] * 4 + np.arange(4)).all()
    assert batch["name"].tolist() == [f"row {number}" for number in ids]
    assert batch["split"].tolist() == ["train" if number % 4 else "test" for number in ids]


def test_arrow_and_polars_have_the_same_rows(table):
    numpy, arrow, polars = (readers(table, 1, batches=kind, threads=2)[0] for kind in ("numpy", "arrow", "polars"))
    for one, two, three in zip(numpy, arrow, polars, strict=True):
        assert one["id"].tolist() == two["id"].to_pylist() == three["id"].to_list()
        assert two["vector"].to_pylist() == one["vector"].tolist()
        assert three["_mask"].to_list() == one["_mask"].tolist()
        assert isinstance(three, pl.DataFrame)


def test_the_row_id_can_be_left_out_and_is_there_else(path):
    table = TrainingTable(path, columns=["x"])
    assert set(next(iter(readers(table, 1)[0]))) == {"x", "_row_id", "_mask"}
    assert set(next(iter(readers(table, 1, with_row_id=False)[0]))) == {"x", "_mask"}


def test_a_thousand_kills_lose_and_double_no_row(tmp_path):
    table = TrainingTable(write(tmp_path / "killed", rows(403), group=40), columns=["id"])
    chance = random.Random(13)
    state: dict[str, Any] | None = None
    epoch, seen, ended = 0, [], []
    for _ in range(1000):
        world, accumulation = chance.choice((1, 1, 1, 1, 2, 2, 3, 8)), chance.choice((1, 1, 2, 4))
        ranks = readers(table, world, accumulation=accumulation, global_batch_size=32)
        for rank in ranks if state else ():
            rank.load_state_dict(state)
        steps = chance.randint(0, 3)
        # Killed in the midst of an accumulation, too, which then begins anew.
        more = chance.randrange(accumulation)
        taken = [list(islice(rank, steps * accumulation + more)) for rank in ranks]
        whole = [rank[: len(rank) - len(rank) % accumulation] for rank in taken]
        seen += [valid(batch) for rank in whole for batch in rank]
        states = [rank.state_dict() for rank in ranks]
        assert all(other == states[0] for other in states)
        state = json.loads(json.dumps(states[0]))
        if state["epoch"] > epoch:
            ended.append(np.concatenate(seen))
            epoch, seen = state["epoch"], []
    assert len(ended) > 50
    for found in ended:
        assert sorted(found) == list(range(403))


def test_a_state_is_small_and_restoring_reads_no_more_than_the_next_batch_needs(table):
    reader = readers(table, 1)[0]
    expected = [valid(batch).tolist() for batch in reader]
    first = readers(table, 1)[0]
    list(islice(first, 9))
    state = first.state_dict()
    assert len(json.dumps(state)) <= 200
    assert len(pickle.dumps(state)) <= 200
    second = readers(table, 1)[0]
    second.load_state_dict(state)
    assert [valid(batch).tolist() for batch in islice(second, 2)] == expected[9:11]
    again = readers(table, 1)[0]
    again.load_state_dict(second.state_dict())
    assert [valid(batch).tolist() for batch in again] == expected[11:]


def test_a_reader_goes_on_with_the_next_epoch(table):
    reader = readers(table, 1)[0]
    epochs = [np.concatenate([valid(batch) for batch in reader]) for _ in range(3)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(ROWS))] * 3
    assert epochs[0].tolist() != epochs[1].tolist()
    reader.set_epoch(1)
    assert np.concatenate([valid(batch) for batch in reader]).tolist() == epochs[1].tolist()
    # In the epoch where it stands, it stays.
    next(iter(reader))
    reader.set_epoch(2)
    assert reader.state_dict()["step"] == 1


def test_threads_change_nothing_and_end_with_an_early_break(table):
    import threading

    before = set(threading.enumerate())
    expected = digest(global_batches(readers(table, 1)))
    assert digest(global_batches(readers(table, 1, threads=3))) == expected
    for _ in islice(readers(table, 1, threads=3)[0], 2):
        pass
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before


def test_a_plan_is_plain_data(table):
    plan = pickle.loads(pickle.dumps(table.plan))
    assert plan.fingerprint == table.plan.fingerprint


def test_a_manifest_names_the_rows_of_each_global_batch(table, tmp_path):
    written = table.manifest(3, str(tmp_path / "new" / "epoch-3.parquet"), global_batch_size=64, seed=7)
    manifest = pl.read_parquet(tmp_path / "new" / "epoch-3.parquet")
    assert written == ROWS
    assert manifest["epoch"].unique().to_list() == [3]
    reader = readers(table, 1, epoch=3)[0]
    of_steps = manifest.group_by("step", maintain_order=True).agg("_row_id")["_row_id"].to_list()
    assert of_steps == [batch["_row_id"][batch["_mask"]].tolist() for batch in reader]


def test_a_manifest_needs_ids(tmp_path):
    from genspark.errors import SourceError

    table = TrainingTable(write(tmp_path / "t", rows(10).select(["id"])))
    with pytest.raises(SourceError, match=r"rows have no column _row_id; write it with sink.lineage: true"):
        table.manifest(0, str(tmp_path / "m.parquet"), global_batch_size=2)


def test_text_and_bytes_are_objects_null_among_them(tmp_path):
    import pyarrow as pa

    content = pa.array([b"\0\1", None, b""], pa.binary())
    days = pa.array([1, None, 3], pa.int32()).cast(pa.date32())
    table = TrainingTable(write(tmp_path / "t", pa.table({"text": ["a", None, "ü"], "bytes": content, "day": days})))
    batch = next(iter(table.reader(global_batch_size=3, shuffle="sequential")))
    assert batch["text"].tolist() == ["a", None, "ü"]
    assert batch["bytes"].tolist() == [b"\0\1", None, b""]
    assert batch["day"].astype(str).tolist() == ["1970-01-02", "NaT", "1970-01-04"]
