"""Scores of whole rows: adherence, joint distributions, copies and classifiers, against SciPy and scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

from genspark import evaluate
from genspark.errors import DataError
from genspark.evaluate.rows import learners

COLUMNS = ["x", "y", "colour"]


def rows(count: int, seed: int, slope: float = 1.0) -> pl.DataFrame:
    chance = np.random.default_rng(seed)
    x = chance.normal(size=count)
    y = slope * x + 0.5 * chance.normal(size=count)
    colours = np.where(x + 0.3 * chance.normal(size=count) > 0, "red", "blue")
    frame = pl.DataFrame({"x": x, "y": y, "colour": colours})
    lacking = pl.int_range(count) % 10 == 0
    return frame.with_columns(pl.when(~lacking).then("x").alias("x"), pl.when(~lacking).then("colour").alias("colour"))


def test_adherence_by_hand() -> None:
    real = pl.DataFrame({"n": [1, 5, 3], "c": ["a", None, "b"], "f": [0.0, 1.0, 2.0]})
    generated = pl.DataFrame({"n": [0, 5, 1, 6], "c": ["a", None, "z", "b"], "f": [1.0, float("nan"), None, 2.5]})
    score = evaluate.adherence(real, generated)
    assert score.parts == {"n": 0.5, "c": 0.75, "f": 0.25}
    assert score.value == 0.5
    assert evaluate.adherence(real, real).value == 1.0


def test_joint_distributions_against_crosstab() -> None:
    real, generated = rows(1000, 1), rows(900, 2, slope=-1.0)
    score = evaluate.contingency_distance(real, generated, columns=["y", "colour"], bins=4)
    edges = np.quantile(real["y"].to_numpy(), [0.25, 0.5, 0.75])

    def shares(frame: pl.DataFrame) -> dict[Any, float]:
        place = np.searchsorted(edges, frame["y"].to_numpy(), side="right")
        pairs, counts = np.unique([f"{a} {b}" for a, b in zip(place, frame["colour"], strict=True)], return_counts=True)
        return dict(zip(pairs.tolist(), counts / frame.height, strict=True))

    one, two = shares(real), shares(generated)
    expected = sum(abs(one.get(key, 0.0) - two.get(key, 0.0)) for key in {*one, *two}) / 2
    assert score.value == pytest.approx(expected, abs=1e-12)
    assert (
        evaluate.contingency_distance(real, rows(1000, 3)).value < evaluate.contingency_distance(real, generated).value
    )


def test_copies_against_every_pair() -> None:
    train, other = rows(150, 4), rows(150, 5)
    generated = pl.concat([rows(60, 6), train.head(40)])
    found = evaluate.copies(train, generated, held_out=other)
    ranges = [np.nanmax(train[c].to_numpy()) - np.nanmin(train[c].to_numpy()) for c in "xy"]

    def apart(one: pl.DataFrame, two: pl.DataFrame) -> np.ndarray:
        total = np.zeros((one.height, two.height))
        for column, width in zip("xy", ranges, strict=True):
            a, b = (frame[column].fill_null(1e9).to_numpy()[:, None] / width for frame in (one, two))
            total += np.minimum(cdist(a, b, "cityblock"), 1.0)
        a, b = (
            frame["colour"].replace_strict({"red": 0, "blue": 1, None: 2}).to_numpy()[:, None] for frame in (one, two)
        )
        return ((total + cdist(a, b, "hamming")) / 3).min(axis=1)

    near, far, of_other = apart(generated, train), apart(generated, other), apart(other, train)
    assert found["exact_copies"].value == 0.4
    assert found["exact_copies"].parts["held_out"] == 0.0
    assert found["near_copies"].value == pytest.approx((near < np.quantile(of_other, 0.05)).mean())
    assert found["near_copies"].value >= 0.4
    assert found["closer_to_training"].value == pytest.approx((near < far).mean() + (near == far).mean() / 2)
    honest = evaluate.copies(train, rows(150, 7), held_out=other)
    assert honest["near_copies"].value < 0.15
    assert abs(honest["closer_to_training"].value - 0.5) < 0.15


def test_a_classifier_tells_other_rows_alone() -> None:
    same = evaluate.classifier_two_sample(rows(600, 8), rows(600, 9), columns=COLUMNS)
    other = evaluate.classifier_two_sample(rows(600, 8), rows(600, 9, slope=-1.0), columns=COLUMNS)
    assert same.value == pytest.approx(0.5, abs=0.06)
    assert same.parts["p_value"] > 0.01
    assert other.value > 0.75
    assert other.parts["p_value"] < 1e-9
    assert other.parts["auc"] > 0.85


def test_columns_of_any_kind_are_learnt_from() -> None:
    real, generated = (
        rows(60, seed).with_columns(
            pl.lit(None, pl.Float64).alias("nothing"),
            pl.lit(None, pl.String).alias("no_name"),
            pl.when(pl.col("y") > 0.5).then(float("inf")).otherwise("y").alias("infinite"),
            pl.date(2024, 1, 1).alias("day"),
            pl.concat_list("y").alias("vector"),
            pl.lit(b"bytes").alias("picture"),
        )
        for seed in (1, 2)
    )
    score = evaluate.classifier_two_sample(real, generated)
    assert "nothing" in score.signature["columns"]
    assert not {"vector", "picture"} & set(score.signature["columns"])
    assert 0.2 < score.value < 0.8
    assert evaluate.train_on_synthetic(real, generated, test=real, target="colour").value > 0.5


def test_the_area_under_the_curve_is_scikit_learns() -> None:
    chance = np.random.default_rng(0)
    labels, foreseen = chance.integers(0, 2, 300), chance.integers(0, 20, 300) / 20
    assert learners._auc(foreseen, labels) == pytest.approx(roc_auc_score(labels, foreseen), rel=1e-12)


@pytest.mark.parametrize(("target", "task"), [("y", "numbers"), ("colour", "classes")])
def test_rows_that_keep_what_hangs_together_teach_as_much(target: str, task: str) -> None:
    real, test = rows(600, 10), rows(400, 11)
    good = evaluate.train_on_synthetic(real, rows(600, 12), test=test, target=target)
    shuffled = real.with_columns(pl.col(target).shuffle(seed=1))
    bad = evaluate.train_on_synthetic(real, shuffled, test=test, target=target)
    assert good.signature["task"] == task
    assert good.parts["of_real"] == bad.parts["of_real"]
    assert good.parts["ratio"] == pytest.approx(1.0, abs=0.1)
    assert bad.value < good.value - 0.2
    assert good.interval is not None
    assert good.interval[0] < good.value < good.interval[1]


def of_all(real: Any, generated: Any, held_out: Any) -> list[evaluate.Score]:
    return [
        evaluate.adherence(real, generated),
        evaluate.contingency_distance(real, generated),
        evaluate.correlation_distance(real, generated, columns=["x", "y"]),
        *evaluate.copies(real, generated, held_out=held_out, most=100).values(),
        evaluate.classifier_two_sample(real, generated, most=200),
        evaluate.train_on_synthetic(real, generated, test=held_out, target="colour", most=200),
    ]


def test_scores_are_the_same_from_any_frame() -> None:
    frames = [rows(400, seed) for seed in (13, 14, 15)]
    kinds: list[Callable[[pl.DataFrame], Any]] = [lambda f: f.reverse().lazy(), pl.DataFrame.to_arrow]
    for kind in kinds:
        for score, other in zip(of_all(*frames), of_all(*map(kind, frames)), strict=True):
            assert other.value == pytest.approx(score.value, rel=1e-9), score.metric


def test_scores_are_the_same_on_spark(spark: Any) -> None:
    frames = [rows(400, seed) for seed in (13, 14, 15)]
    on_spark = [spark.createDataFrame(f.rows(), "x double, y double, colour string").repartition(3) for f in frames]
    for score, other in zip(of_all(*frames), of_all(*on_spark), strict=True):
        assert other.value == pytest.approx(score.value, rel=1e-9), score.metric
        assert other.signature == score.signature


def test_bad_rows_are_told() -> None:
    good = rows(100, 1)
    with pytest.raises(DataError, match="no column of plain values in common"):
        evaluate.adherence(good, good.rename({"x": "a", "y": "b", "colour": "c"}))
    with pytest.raises(DataError, match="generated has 5 rows; a classifier needs 20"):
        evaluate.classifier_two_sample(good, good.head(5))
    with pytest.raises(DataError, match="held_out has no rows"):
        evaluate.copies(good, good, held_out=good.clear())
    with pytest.raises(DataError, match="'x' holds List"):
        evaluate.adherence(good, good.with_columns(x=pl.concat_list("x", "y")), columns=["x"])
    with pytest.raises(DataError, match="no column but the target"):
        evaluate.train_on_synthetic(good, good, test=good, target="y", columns=["y"])
