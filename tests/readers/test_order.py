from __future__ import annotations

import numpy as np
import pytest

from genspark.readers.order import Order, permuted

GROUPS = np.random.default_rng(0).integers(0, 90, 40)


def ids(order: Order, epoch: int = 0) -> np.ndarray:
    """The rows of an epoch, steps x slots, as numbers in the table; -1 where there is none."""
    rows = order.rows_of(epoch, np.arange(order.full_steps + (order.rest > 0))[:, None], np.arange(order.batch))
    numbers = (np.cumsum(order.rows) - order.rows)[rows.groups] + rows.places
    return np.where(rows.is_valid, numbers, -1)


@pytest.mark.parametrize("shuffle", ["blocks", "full", "sequential"])
@pytest.mark.parametrize("batch", [1, 7, 64, 1000])
def test_an_epoch_has_each_row_once_in_full_batches_and_a_rest(shuffle, batch):
    order = Order(GROUPS, batch, seed=3, shuffle=shuffle)
    found = ids(order, epoch=2)
    assert sorted(found[found >= 0]) == list(range(GROUPS.sum()))
    assert (found[: order.full_steps] >= 0).all()


def test_the_numbers_are_pinned():
    # As they were first computed: a change would break every training that goes on from a state.
    blocks = Order(np.array([3, 4, 5]), 4, seed=7, window=2)
    full = Order(np.array([3, 4, 5]), 5, seed=7, shuffle="full")
    assert ids(blocks, 0).tolist() == [[10, 8, 6, 3], [7, 11, 4, 5], [9, 0, 2, 1]]
    assert ids(full, 1).tolist() == [[3, 6, 5, 1, 9], [11, 8, 10, 2, 4], [-1, -1, 0, -1, 7]]


def test_epochs_and_seeds_differ():
    one, other, third = ids(Order(GROUPS, 64), 0), ids(Order(GROUPS, 64), 1), ids(Order(GROUPS, 64, seed=1), 0)
    assert not (one == other).all()
    assert not (one == third).all()


def test_a_batch_mixes_as_many_groups_as_the_window_has():
    order = Order(np.full(64, 100), 64, window=16)
    rows = order.rows_of(0, np.arange(order.full_steps)[:, None], np.arange(64))
    assert {len(np.unique(groups)) for groups in rows.groups} == {16}


def test_ranks_of_whole_lanes_share_only_the_groups_at_their_ends():
    order = Order(np.full(50, 100), 64)
    steps = np.arange(order.full_steps)[:, None]
    read = [np.unique(order.rows_of(0, steps, slots).groups) for slots in np.arange(64).reshape(8, 8)]
    assert sum(map(len, read)) <= 50 + 7


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 1000])
def test_permuted_is_a_permutation(size):
    for key in (0, 1, 2**63):
        found = permuted(np.arange(size), np.full(size, size), np.full(size, key, np.uint64))
        assert sorted(found) == list(range(size))


def test_permutations_are_uniform():
    # Where thing 3 of 10 goes, over 5,000 keys: chi-square of 9 degrees of freedom, 27.9 once in a thousand.
    keys = np.arange(5000, dtype=np.uint64)
    counts = np.bincount(permuted(np.full(5000, 3), np.full(5000, 10), keys), minlength=10)
    assert ((counts - 500) ** 2 / 500).sum() < 27.9


def test_neighbours_are_torn_apart():
    found = permuted(np.arange(10_000), np.full(10_000, 10_000), np.full(10_000, 5, np.uint64))
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 0.04
    assert abs(np.corrcoef(found, np.arange(10_000))[0, 1]) < 0.04
