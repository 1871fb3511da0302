from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from training_tables import rows, write

from genspark.readers import TrainingTable
from genspark.readers.cache import DiskCache


def epoch(reader) -> list[int]:
    return np.concatenate([batch["id"][batch["_mask"]] for batch in reader]).tolist()


def test_a_second_epoch_reads_nothing_of_the_table(tmp_path):
    table = TrainingTable(write(tmp_path / "t", rows(500), group=50))
    reader = table.reader(global_batch_size=20, cache=str(tmp_path / "cache"))
    assert sorted(epoch(reader)) == list(range(500))
    fetched = reader.counts.fetched
    assert fetched > 0
    # With the files gone, whatever is read comes from the cache: the second epoch, and a reader of another rank.
    shutil.rmtree(tmp_path / "t")
    assert sorted(epoch(reader)) == list(range(500))
    assert reader.counts.fetched == fetched
    other = table.reader(global_batch_size=20, cache=str(tmp_path / "cache"), seed=5)
    assert sorted(epoch(other)) == list(range(500))


@pytest.mark.parametrize("share", [0.5, 0.001])
def test_the_cap_holds_and_what_does_not_fit_is_read_afresh(tmp_path, share):
    table = TrainingTable(write(tmp_path / "t", rows(2000), group=50))
    cap = int(share * sum(table.plan.sizes))
    folder = tmp_path / "cache"
    reader = table.reader(global_batch_size=20, cache=str(folder), cache_size=cap)
    for _ in range(2):
        assert sorted(epoch(reader)) == list(range(2000))
        assert DiskCache(folder).used() <= cap
    if share == 0.5:
        # A cache of half of the table saves about half of the second epoch.
        assert DiskCache(folder).used() > 0.8 * cap


def test_several_writers_hold_the_cap_together(tmp_path):
    caches = [DiskCache(tmp_path / "c", size=100_000) for _ in range(4)]

    def fill(cache: DiskCache, number: int) -> None:
        for place in range(100):
            got = cache.get(f"file {number}", place, 900, lambda: bytes([number]) * 900)
            assert got == bytes([number]) * 900

    threads = [threading.Thread(target=fill, args=(cache, number)) for number, cache in enumerate(caches)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 90_000 <= caches[0].used() <= 101_000


def test_what_earlier_readings_left_makes_room(tmp_path):
    old = DiskCache(tmp_path / "c", size=10_000, since=0)
    for place in range(10):
        old.get("old", place, 1000, lambda: b"o" * 1000)
    import time

    new = DiskCache(tmp_path / "c", size=10_000, since=time.time() + 1)
    new.get("new", 0, 1000, lambda: b"n" * 1000)
    assert new.get("new", 0, 1000, lambda: pytest.fail("fetched again")) == b"n" * 1000
    assert new.used() <= 10_000


def test_damaged_ranges_and_a_full_disk_are_passed_over(tmp_path):
    cache = DiskCache(tmp_path / "c", size=10_000)
    cache.get("file", 0, 100, lambda: b"x" * 100)
    (kept,) = Path(tmp_path / "c").glob("*.range")
    kept.write_bytes(b"short")
    assert cache.get("file", 0, 100, lambda: b"y" * 100) == b"y" * 100
    shutil.rmtree(tmp_path / "c")
    assert cache.get("file", 1, 100, lambda: b"z" * 100) == b"z" * 100
