"""What a report counts equals NumPy's counts, and what it says of drift the published formulas."""

from __future__ import annotations

import datetime as dt
import decimal

import numpy as np
import polars as pl
import pytest

from genspark.report.bins import Shape, Tally, drift, shape_of
from genspark.report.drawing import number, told


def counted(values: pl.Series, *samples: pl.Series) -> Tally:
    tally = Tally(shape_of(samples or (values,)))
    for start in range(0, len(values), 70):
        tally.add(values.slice(start, 70))
    return tally


def test_bins_of_numbers_are_numpys() -> None:
    chance = np.random.default_rng(0)
    given = chance.normal(size=1000) + 1e6
    given[:30] = np.nan
    given[30] = np.inf
    given[31] = 1e9
    tally = counted(pl.Series("x", [None, *given.tolist()]))
    there = given[np.isfinite(given)]
    edges = np.array(tally.shape.edges)
    assert tally.bins is not None
    assert tally.bins[1:-1].tolist() == np.histogram(there[there < edges[-1]], edges)[0].tolist()
    assert (tally.rows, tally.missing, tally.infinite) == (1001, 31, 1)
    assert tally.bins.sum() == tally.n == 969
    assert tally.outliers == 1
    assert tally.mean == pytest.approx(there.mean(), rel=1e-12)
    assert tally.deviation == pytest.approx(there.std(), rel=1e-9)


def test_whole_numbers_names_times_and_texts_have_bins_of_their_kind() -> None:
    whole = counted(pl.Series("n", [0.0, 1.0, 1.0, 3.0, None]))
    assert whole.shape.edges == (-0.5, 0.5, 1.5, 2.5, 3.5)
    assert whole.shares.tolist() == [0, 0.25, 0.5, 0, 0.25, 0]
    names = counted(pl.Series("c", ["b", "a", "b", None]))
    assert names.shape.names == ("b", "a")
    assert names.shares.tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    days = counted(pl.Series("d", [dt.date(2024, 1, 1), dt.date(2024, 3, 1)]))
    assert number(days.least, days.shape) == "2024-01-01"
    moment = counted(pl.Series("t", [dt.datetime(2024, 5, 6, tzinfo=dt.UTC)]))
    assert number(moment.mean, moment.shape) == "2024-05-06"
    texts = counted(pl.Series("t", [f"text {'x' * i}" for i in range(100)]))
    assert texts.shape.kind == "text"
    assert texts.greatest == 104
    lists = counted(pl.Series("l", [[1], None]))
    assert (lists.shape.kind, lists.missing) == ("other", 1)
    exact = counted(pl.Series("e", [decimal.Decimal("0.5"), decimal.Decimal("1.5")]))
    assert (exact.least, exact.greatest) == (0.5, 1.5)
    large = counted(pl.Series("i", [2**62, 2**62 + 1]))
    assert large.shares[1:-1].sum() == 1.0
    constant = counted(pl.Series("k", [0.5, 0.5]))
    assert constant.shares[1:-1].sum() == 1.0


def test_names_beyond_those_shown_are_counted_together() -> None:
    values = pl.Series("c", [f"n{i % 30:02d}" for i in range(90)])
    tally = counted(values)
    assert len(tally.shape.names) == 12
    assert tally.others == 54


def test_drift_is_that_of_the_shares() -> None:
    one, two = pl.Series("c", ["a"] * 6 + ["b"] * 4), pl.Series("c", ["a"] * 2 + ["b"] * 6 + [None] * 2)
    found = drift(counted(one, one, two), counted(two, one, two))
    p, q = np.array([0.6, 0.4]), np.array([0.25, 0.75])
    assert found["variation"] == pytest.approx(0.35)
    assert found["stability"] == pytest.approx(((q - p) * np.log(q / p)).sum(), rel=1e-9)
    assert found["missing"] == pytest.approx(0.2)
    assert drift(counted(one), counted(one)) == {"variation": 0.0, "stability": 0.0, "missing": 0.0}


def test_a_picture_is_told_in_words() -> None:
    tally = counted(pl.Series("n", [0.0, 1.0, 1.0, 3.0]))
    assert told("n", [("mine", tally)]) == ("Shares of n. mine: from 0 to 3, the fullest bin 0.5 to 1.5 with 50%.")


def test_a_day_that_no_calendar_has_is_told_in_words() -> None:
    assert number(4e6, Shape("time", "Date")) == "beyond the year 9999"
    assert number(-4e6, Shape("time", "Date")) == "before the year 1"
