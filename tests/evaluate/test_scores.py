"""Each score equals its oracle: a value computed apart with NumPy or SciPy, a published one, or a library's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from sacrebleu.metrics import BLEU, CHRF, TER
from scipy import linalg

from genspark import evaluate
from genspark.errors import DataError


def frame(vectors: np.ndarray, column: str = "features") -> pl.DataFrame:
    return pl.DataFrame({column: vectors}, schema={column: pl.Array(pl.Float64, vectors.shape[1])})


def test_frechet_of_two_normal_distributions_that_are_known() -> None:
    # Four points with mean 0 and the covariance that is asked for, moved to their mean.
    square = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]) * np.sqrt(3 / 4)
    one = square * [1, 2] + [1, 2]
    two = square * [3, 1]
    assert evaluate.frechet_distance(frame(two), frame(one), interval=False).value == pytest.approx(10, rel=1e-12)


@pytest.mark.parametrize(
    ("seed", "shape", "scale", "shift", "value"),
    [
        (0, (500, 8), 1.5, 0.5, 4.5735046902285),
        (0, (100, 64), 1.5, 0.5, 65.002648849313),
        # Fewer vectors than numbers: exact by the singular values of the data; matrix roots are off by 1e-5.
        (1, (50, 256), 1.0, 0.1, 326.472283780013),
    ],
)
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_frechet_distance(
    seed: int, shape: tuple[int, int], scale: float, shift: float, value: float, offset: float
) -> None:
    chance = np.random.default_rng(seed)
    x = chance.normal(size=shape)
    y = scale * chance.normal(size=shape) + shift
    score = evaluate.frechet_distance(frame(x + offset), frame(y + offset))
    assert score.value == pytest.approx(value, rel=1e-9 if not offset else 1e-7)
    assert score.n == shape[0]
    assert score.interval is not None
    assert score.interval[0] < value < score.interval[1]
    assert bool(score.warnings) == (shape[0] < 10 * shape[1])


def test_the_bias_of_few_samples_is_extrapolated() -> None:
    chance = np.random.default_rng(5)
    x, y = chance.normal(size=(2000, 32)), chance.normal(size=(2000, 32))
    score = evaluate.frechet_distance(frame(x), frame(y))
    assert score.value > 0.2, "of equal distributions it is 0"
    assert abs(score.parts["at_infinity"]) < score.value / 4


@pytest.mark.parametrize(
    ("order", "splits", "value", "std"),
    [
        ("permuted", 10, 3.8559055, 0.1251723),
        ("rows", 10, 3.8687970, 0.2003799),
        ("rows", 1, 3.9197473714733, 0.0),
        ("hash", 1, 3.9197473714733, 0.0),
    ],
)
def test_inception_score(order: Any, splits: int, value: float, std: float) -> None:
    logits = np.random.RandomState(0).randn(1000, 10) * 3
    score = evaluate.inception_score(frame(logits, "logits"), splits=splits, order=order)
    assert score.value == pytest.approx(value, abs=1e-7)
    assert score.parts["std"] == pytest.approx(std, abs=1e-7)


def test_a_sorted_table_has_the_inception_score_of_any_other() -> None:
    logits = np.random.RandomState(0).randn(1000, 10) * 3
    by_class = logits[np.argsort(logits.argmax(axis=1))]
    mixed, ordered = (evaluate.inception_score(frame(some, "logits")) for some in (logits, by_class))
    assert ordered.value == pytest.approx(mixed.value, rel=1e-12)


def test_kernel_distance() -> None:
    chance = np.random.RandomState(0)
    x = chance.randn(200, 16)
    y = 1.2 * chance.randn(200, 16) + 0.3
    assert evaluate.kernel_distance(frame(x), frame(y)).value == pytest.approx(0.45822222, abs=1e-8)
    drawn = evaluate.kernel_distance(frame(x), frame(y), subset_size=100)
    assert drawn.interval is not None
    assert drawn.value == pytest.approx(0.458, abs=0.1)


def test_cmmd_against_the_sum_over_all_pairs() -> None:
    chance = np.random.default_rng(0)
    x, y = chance.normal(size=(40, 5)), chance.normal(size=(30, 5)) + 1

    def mean(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / (2 * 10**2)).mean())

    value = evaluate.cmmd(frame(x), frame(y)).value
    assert value == pytest.approx(1000 * (mean(x, x) + mean(y, y) - 2 * mean(x, y)), rel=1e-9)


def test_precision_recall_density_and_coverage_against_every_pair() -> None:
    chance, k = np.random.default_rng(3), 3
    x, y = chance.normal(size=(120, 2)), 0.6 * chance.normal(size=(90, 2)) + 0.8
    apart = np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1))

    def radii(v: np.ndarray) -> np.ndarray:
        return np.sort(np.sqrt(((v[:, None] - v[None]) ** 2).sum(-1)), axis=1)[:, k]

    scores = evaluate.precision_recall(frame(x), frame(y), k=k)
    inside = apart <= radii(x)[:, None]
    assert scores["precision"].value == pytest.approx(inside.any(axis=0).mean())
    assert scores["recall"].value == pytest.approx((apart <= radii(y)[None]).any(axis=1).mean())
    assert scores["density"].value == pytest.approx(inside.sum() / (k * len(y)))
    assert scores["coverage"].value == pytest.approx((apart.min(axis=1) <= radii(x)).mean())


HYPOTHESES = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
REFERENCES = [
    ["The dog bit the man.", "It was not unexpected.", "The man bit him first."],
    ["The dog had bit the man.", "No one was surprised.", "The man had bitten the dog."],
]


def test_bleu_of_sacrebleus_own_example() -> None:
    texts = pl.DataFrame({"h": HYPOTHESES, "r": REFERENCES[0], "s": REFERENCES[1]})
    score = evaluate.bleu(texts, hypothesis="h", references=["r", "s"])
    assert score.value == 48.530827009929865
    assert score.interval is not None
    assert score.interval[0] < score.value < score.interval[1]


@pytest.mark.parametrize(
    ("ours", "metric", "options"),
    [
        (evaluate.bleu, BLEU, {"tokenize": "char", "smooth_method": "floor"}),
        (evaluate.bleu, BLEU, {"tokenize": "intl", "smooth_method": "add-k", "lowercase": True}),
        (evaluate.bleu, BLEU, {"tokenize": "zh", "smooth_method": "none"}),
        (evaluate.chrf, CHRF, {}),
        (evaluate.chrf, CHRF, {"word_order": 2}),
        (evaluate.ter, TER, {"normalized": True}),
    ],
)
def test_scores_of_text_equal_sacrebleus(ours: Callable[..., evaluate.Score], metric: Any, options: Any) -> None:
    words = np.random.default_rng(7).choice(["the", "dog", "bit", "a", "man", "上海", "x,y"], (200, 3, 9))
    hypotheses, one, two = ([" ".join(row) for row in words[:, i]] for i in range(3))
    second = [text if i % 3 else None for i, text in enumerate(two)]
    texts = pl.DataFrame({"h": hypotheses, "r": one, "s": second})
    score = ours(texts, hypothesis="h", references=["r", "s"], interval=False, **options)
    assert score.value == metric(**options).corpus_score(hypotheses, [one, second]).score


def test_perplexity() -> None:
    chance = np.random.RandomState(0)
    logits = chance.randn(2, 8, 5)
    targets = chance.randint(0, 5, (2, 8))
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    given = np.take_along_axis(logs, targets[..., None], -1)[..., 0]
    lists = [[*given[0, :6].tolist(), None, None], given[1].tolist()]
    score = evaluate.perplexity(pl.DataFrame({"lp": lists}), log_probabilities="lp")
    assert score.value == pytest.approx(6.8865020514, abs=1e-10)
    assert score.parts["mean_of_sequences"] == pytest.approx(6.8198054, abs=1e-7)
    assert score.n == 14


def test_perplexity_of_words_and_bytes() -> None:
    texts = pl.DataFrame({"lp": [[-1.0, -2.0, -3.0]], "t": ["zwei Häuser"]})
    parts = evaluate.perplexity(texts, log_probabilities="lp", text="t").parts
    assert parts["word"] == pytest.approx(np.exp(3.0))
    assert parts["byte"] == pytest.approx(np.exp(6 / 12))
    assert parts["bits_per_byte"] == pytest.approx(0.5 / np.log(2))


NONE = None
# Three observers of fifteen units, of Krippendorff's.
OBSERVERS = {
    "A": [NONE, NONE, NONE, NONE, NONE, 3, 4, 1, 2, 1, 1, 3, 3, NONE, 3],
    "B": [1, NONE, 2, 1, 3, 3, 4, 3, NONE, NONE, NONE, NONE, NONE, NONE, NONE],
    "C": [NONE, NONE, 2, 1, 3, 4, 4, NONE, 2, 1, 1, 3, 3, NONE, 4],
}


@pytest.mark.parametrize(
    ("level", "value"), [("nominal", 0.691358), ("ordinal", 0.806721), ("interval", 0.810845), ("ratio", 0.808944)]
)
def test_krippendorffs_alpha(level: Any, value: float) -> None:
    rows = [(unit, who, rating) for who, ratings in OBSERVERS.items() for unit, rating in enumerate(ratings)]
    ratings = pl.DataFrame(rows, schema=["item", "who", "value"], orient="row")
    score = evaluate.agreement(ratings, unit="item", reviewer="who", rating="value", level=level)
    assert score.value == pytest.approx(value, abs=1e-6)
    assert score.interval is not None
    assert score.interval[0] < value < score.interval[1]


def test_fleiss_kappa_of_the_published_example() -> None:
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    rows = []
    for unit, counts in enumerate(table):
        ratings = [rating for rating, count in enumerate(counts) for _ in range(count)]
        rows += [(unit, who, rating) for who, rating in enumerate(ratings)]
    ratings = pl.DataFrame(rows, schema=["item", "who", "value"], orient="row")
    score = evaluate.agreement(ratings, unit="item", reviewer="who", rating="value")
    assert score.parts["fleiss_kappa"] == pytest.approx(0.2099307, abs=1e-7)


def scores(some: Any, other: Any) -> list[evaluate.Score]:
    return [
        evaluate.frechet_distance(some, other),
        evaluate.inception_score(other, column="features", splits=4),
        evaluate.kernel_distance(some, other, subset_size=50, subsets=5),
        *evaluate.precision_recall(some, other).values(),
    ]


@pytest.fixture(scope="module")
def vectors() -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(11)
    return chance.normal(size=(300, 6)), chance.normal(size=(280, 6)) + 0.2


def test_scores_are_the_same_from_any_frame(vectors: tuple[np.ndarray, np.ndarray]) -> None:
    one, two = (frame(some) for some in vectors)
    expected = scores(one, two)
    for kind in (pl.DataFrame.lazy, pl.DataFrame.to_arrow, lambda f: f.reverse()):
        for score, other in zip(expected, scores(kind(one), kind(two)), strict=True):
            assert other.value == pytest.approx(score.value, rel=1e-9), score.metric
            assert other.signature == score.signature


def test_scores_are_the_same_on_spark(spark: Any, vectors: tuple[np.ndarray, np.ndarray]) -> None:
    pytest.importorskip("pyspark")
    one, two = (frame(some) for some in vectors)
    on_spark = [spark.createDataFrame([(row,) for row in some.tolist()], "features array<double>") for some in vectors]
    some, other = (each.repartition(5) for each in on_spark)
    for score, theirs in zip(scores(one, two), scores(some, other), strict=True):
        assert theirs.value == pytest.approx(score.value, rel=1e-9), score.metric
    texts = pl.DataFrame({"h": HYPOTHESES, "r": REFERENCES[0], "s": REFERENCES[1]})
    rows = spark.createDataFrame(texts.rows(), "h string, r string, s string").repartition(3)
    both = (evaluate.bleu(f, hypothesis="h", references=["r", "s"]) for f in (texts, rows))
    assert len({(score.value, score.interval) for score in both}) == 1


def test_unlike_signatures_are_not_compared() -> None:
    texts = pl.DataFrame({"h": HYPOTHESES, "r": REFERENCES[0]})
    one = evaluate.bleu(texts, hypothesis="h", references=["r"], interval=False)
    two = evaluate.bleu(texts, hypothesis="h", references=["r"], interval=False, tokenize="char")
    assert one.minus(one) == 0.0
    assert one.digest != two.digest
    with pytest.raises(DataError, match="differ in tokenize None and 'char'"):
        one.minus(two)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: evaluate.frechet_distance(frame(np.ones((1, 2))), frame(np.ones((5, 2)))), "real has 1 vectors"),
        (lambda: evaluate.frechet_distance(frame(np.ones((5, 3))), frame(np.ones((5, 2)))), "have 3 and 2 numbers"),
        (lambda: evaluate.cmmd(frame(np.full((5, 3), np.nan)), frame(np.ones((5, 3)))), "NaN or infinity in row 0"),
        (lambda: evaluate.cmmd(pl.DataFrame({"f": [1]}), frame(np.ones((5, 3)))), "real has no column 'features'"),
        (lambda: evaluate.inception_score(frame(np.ones((5, 3)), "logits")), "5 images cannot be dealt into 10"),
        (
            lambda: evaluate.inception_score(frame(np.ones((5, 3)), "logits"), probabilities=True),
            "must not be negative, and sum to 1",
        ),
        (
            lambda: evaluate.perplexity(pl.DataFrame({"lp": [[0.5]]}), log_probabilities="lp"),
            "0.5 in row 0 of a batch; logarithms",
        ),
        (
            lambda: evaluate.bleu(pl.DataFrame({"h": ["a", "b"], "r": ["a", None]}), hypothesis="h", references=["r"]),
            "row 1 of a batch has no reference: 'b'",
        ),
        (
            lambda: evaluate.agreement(
                pl.DataFrame({"i": [1, 1], "w": ["a", "a"], "v": [1, 2]}), unit="i", reviewer="w", rating="v"
            ),
            "reviewer 'a' judged 1 twice",
        ),
        (
            lambda: evaluate.cmmd(pa.table({"features": [[1.0], [1.0, 2.0]]}), frame(np.ones((5, 1)))),
            "vectors of different lengths",
        ),
    ],
)
def test_bad_input_is_told(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()


def test_the_root_is_scipys() -> None:
    chance = np.random.default_rng(2)
    x, y = chance.normal(size=(300, 5)), chance.normal(size=(300, 5)) @ chance.normal(size=(5, 5))
    s1, s2 = np.cov(x.T), np.cov(y.T)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s1 + s2 - 2 * linalg.sqrtm(s1 @ s2).real)
    assert evaluate.frechet_distance(frame(x), frame(y), interval=False).value == pytest.approx(expected, rel=1e-9)
