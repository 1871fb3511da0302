"""Scores of rows equal SciPy's and NumPy's, on any engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from genspark import evaluate
from genspark.errors import DataError


@pytest.fixture(scope="module")
def both() -> tuple[pl.DataFrame, pl.DataFrame]:
    chance = np.random.default_rng(4)

    def rows(count: int, shift: float, weights: list[float]) -> pl.DataFrame:
        x = chance.normal(size=count) + shift
        y = 0.5 * x + chance.normal(size=count)
        colours = chance.choice(["red", "green", "blue"], count, p=weights)
        frame = pl.DataFrame({"x": x, "y": y, "n": chance.integers(0, 9, count), "colour": colours})
        return frame.with_columns(pl.when(pl.int_range(count) % 10 > 0).then("x").alias("x"))

    return rows(1500, 0.0, [0.5, 0.3, 0.2]), rows(1200, 0.4, [0.4, 0.3, 0.3])


def test_distances_of_numbers_are_scipys(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    x, y = (frame["x"].drop_nulls().to_numpy() for frame in both)
    ks = evaluate.ks_distance(*both, column="x")
    assert ks.value == pytest.approx(stats.ks_2samp(x, y).statistic, rel=1e-12)
    assert ks.interval is not None
    assert ks.interval[0] < ks.value < ks.interval[1]
    assert ks.n == len(y)
    moved = evaluate.wasserstein_distance(*both, column="x")
    assert moved.value == pytest.approx(stats.wasserstein_distance(x, y), rel=1e-12)
    whole = evaluate.ks_distance(*both, column="n")
    assert whole.value == pytest.approx(stats.ks_2samp(*(frame["n"].to_numpy() for frame in both)).statistic, rel=1e-12)


def test_stability_index_by_the_published_formula(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    x, y = (frame["x"].drop_nulls().to_numpy() for frame in both)
    edges = [-np.inf, *np.quantile(x, np.arange(1, 10) / 10), np.inf]
    r, g = (np.histogram(each, edges)[0] / len(each) for each in (x, y))
    expected = sum((b - a) * np.log(b / a) for a, b in zip(r, g, strict=True))
    assert evaluate.population_stability_index(*both, column="x").value == pytest.approx(expected, rel=1e-9)
    assert evaluate.population_stability_index(both[0], both[0], column="x").value == 0.0


def test_total_variation_of_shares(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    shares = [np.unique(frame["colour"].to_numpy(), return_counts=True)[1] / frame.height for frame in both]
    expected = np.abs(shares[0] - shares[1]).sum() / 2
    assert evaluate.total_variation(*both, column="colour").value == pytest.approx(expected, rel=1e-12)
    with_null = both[0].with_columns(colour=pl.lit(None, dtype=pl.String))
    assert evaluate.total_variation(with_null, both[1], column="colour").value == 1.0


def test_correlations_are_pandas(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    shifted = [frame.with_columns(pl.col("y") + 1e6) for frame in both]
    score = evaluate.correlation_distance(*shifted, columns=["x", "y", "n"])
    one, two = (frame.select("x", "y", "n").to_pandas().corr().to_numpy() for frame in both)
    assert score.parts["x x y"] == pytest.approx(abs(one[0, 1] - two[0, 1]), abs=1e-9)
    assert score.value == pytest.approx(np.abs(one - two)[np.triu_indices(3, 1)].mean(), abs=1e-9)
    halves = [pl.concat([frame.slice(700), frame.slice(0, 700)]) for frame in shifted]
    assert evaluate.correlation_distance(*halves, columns=["x", "y", "n"]).value == pytest.approx(score.value, abs=1e-9)


def test_all_columns_from_one_sample_are_those_one_by_one(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    found = evaluate.column_distances(*(frame.with_columns(v=pl.concat_list("x")) for frame in both), interval=True)
    assert len(found) == 10
    single = evaluate.population_stability_index(*both, column="y")
    assert found["population_stability_index of y"] == single
    assert found["total_variation of colour"] == evaluate.total_variation(*both, column="colour")
    assert evaluate.column_distances(*both, columns=["y"])["ks_distance of y"].interval is None


def test_a_sample_of_rows_is_the_same_on_spark(spark: Any, both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    schema = "x double, y double, n long, colour string"
    on_spark = [spark.createDataFrame(frame.rows(), schema).repartition(4) for frame in both]
    for column, most in (("x", 200_000), ("n", 300)):
        here, there = (evaluate.ks_distance(*some, column=column, most=most) for some in (both, on_spark))
        assert there.value == pytest.approx(here.value, rel=1e-12)


def test_a_sample_of_rows_is_one_of_its_values_too(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    # Of a column of three values 300 rows of all kinds are taken, and not those of the value of the smallest hash.
    sampled = evaluate.total_variation(*both, column="colour", most=300)
    whole = evaluate.total_variation(*both, column="colour")
    assert sampled.value == pytest.approx(whole.value, abs=0.1)
    alone = both[0].select("colour")
    assert evaluate.total_variation(alone, alone, column="colour", most=3).n == alone.height


def test_bad_columns_are_told(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    with pytest.raises(DataError, match="'colour' holds String, and this score is of numbers"):
        evaluate.ks_distance(*both, column="colour")
    with pytest.raises(DataError, match="real has no rows"):
        evaluate.ks_distance(both[0].clear(), both[1], column="x")
    with pytest.raises(DataError, match="'x' of real has no number"):
        evaluate.ks_distance(both[0].with_columns(x=pl.lit(None, dtype=pl.Float64)), both[1], column="x")
    with pytest.raises(DataError, match="'k' of generated has one value"):
        evaluate.correlation_distance(both[0].with_columns(k="n"), both[1].with_columns(k=1), columns=["x", "k"])
