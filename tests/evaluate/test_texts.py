"""Scores of text that need no reference: diversity, perplexity by a model, and the divergence frontier."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from nltk.lm import NgramCounter, Vocabulary
from nltk.lm.smoothing import KneserNey
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from genspark import evaluate
from genspark.errors import DataError
from genspark.evaluate.texts import causal, frontier
from genspark.evaluate.texts.distinct import Distinct


def texts(count: int, seed: int, words: str = "the dog bit a man and ran off") -> pl.DataFrame:
    chance = np.random.default_rng(seed)
    each = [" ".join(chance.choice(words.split(), chance.integers(1, 9))) for _ in range(count)]
    return pl.DataFrame({"t": each})


@pytest.mark.parametrize("n", [1, 2, 3])
def test_distinct_n_against_sets(n: int) -> None:
    frame = texts(200, 1)
    grams = [tuple(ws[i : i + n]) for ws in map(str.split, frame["t"]) for i in range(len(ws) - n + 1)]
    score = evaluate.distinct_n(frame, column="t", n=n)
    assert score.value == len(set(grams)) / len(grams)
    assert score.n == len(grams)


def test_more_distinct_things_than_are_kept_are_estimated() -> None:
    frame = pl.DataFrame({"t": [f"{i} {i + 1}" for i in range(20_000)]})
    score = evaluate.distinct_n(frame, column="t", n=2, most=2048)
    assert score.interval is not None
    assert score.interval[0] < 1.0 < score.interval[1]
    assert score.interval[1] - score.interval[0] < 0.1
    parted = [Distinct.of(np.random.default_rng(i).integers(0, 1 << 62, 3000).astype(np.uint64), 500) for i in (1, 2)]
    assert parted[0].merged(parted[1]).count == parted[1].merged(parted[0]).count


@pytest.mark.parametrize("order", [2, 4])
def test_self_bleu_is_nltks(order: int) -> None:
    frame = texts(60, 2)
    rows = [text.split() for text in frame["t"]]
    assert len(set(frame["t"])) < len(rows), "some texts stand there twice"
    smooth = SmoothingFunction().method1
    each = [
        sentence_bleu([*rows[:i], *rows[i + 1 :]], row, [1 / order] * order, smoothing_function=smooth)
        for i, row in enumerate(rows)
    ]
    assert evaluate.self_bleu(frame, column="t", order=order).value == pytest.approx(100 * np.mean(each), rel=1e-12)


class Interpolated(KneserNey):
    """nltk's, but that single tokens are mixed with the uniform distribution."""

    def unigram_score(self, word: str) -> float:
        count, total = self._continuation_counts(word) if self._order > 1 else (self.counts[word], self.counts[1].N())
        kinds = len({gram[-1] for gram in GRAMS})
        return (max(count - self.discount, 0) + self.discount * kinds / (kinds + 1)) / total


GRAMS: list[tuple[str, ...]] = []


@pytest.mark.parametrize("order", [2, 3])
def test_ngram_perplexity_is_nltks(order: int) -> None:
    real, generated = texts(80, 3), texts(40, 4, "the dog bit a cat and man")

    def grams(text: str) -> list[tuple[str, ...]]:
        padded = ["<s>"] * (order - 1) + [*text.split(), "</s>"]
        return [tuple(padded[i : i + order]) for i in range(len(padded) - order + 1)]

    GRAMS[:] = [gram for text in real["t"] for gram in grams(text)]
    counter = NgramCounter([[gram[k:] for gram in GRAMS for k in range(order)]])
    model = Interpolated(Vocabulary(["x"]), counter, order, discount=0.75)

    def probability(gram: tuple[str, ...]) -> float:
        word, before = gram[-1], gram[:-1]
        if not before:
            return model.unigram_score(word)
        if not counter[before].N():
            return probability(gram[1:])
        alpha, gamma = model.alpha_gamma(word, before)
        return alpha + gamma * probability(gram[1:])

    scored = [gram for text in generated["t"] for gram in grams(text)]
    expected = math.exp(-np.mean([math.log(probability(gram)) for gram in scored]))
    score = evaluate.ngram_perplexity(real, generated, column="t", order=order)
    assert score.value == pytest.approx(expected, rel=1e-12)
    assert score.n == len(scored)
    assert score.parts["byte"] == pytest.approx(expected ** (len(scored) / sum(map(len, generated["t"]))), rel=1e-9)
    assert evaluate.ngram_perplexity(real, real, column="t", order=order).value < score.value


def test_probabilities_of_single_words_by_hand() -> None:
    # Four tokens: a twice, b, the end; three kinds and the unknown one. D = 0.5, so 0.5 * 3 / 4 is shared by four.
    score = evaluate.ngram_perplexity(
        pl.DataFrame({"t": ["a a b"]}), pl.DataFrame({"t": ["a new"]}), column="t", order=1, discount=0.5
    )
    of_a, of_new, of_end = (1.5 + 0.375) / 4, 0.375 / 4, (0.5 + 0.375) / 4
    assert score.value == pytest.approx((of_a * of_new * of_end) ** (-1 / 3), rel=1e-12)


@pytest.mark.parametrize(
    ("context", "overlap", "found"),
    [
        (4, 1, [([9, 0, 1, 2, 3], 4), ([3, 4, 5, 6, 7], 4), ([5, 6, 7, 8, 9], 2)]),
        (4, 3, [([9, 0, 1, 2, 3], 4), ([1, 2, 3, 4, 5], 2), ([3, 4, 5, 6, 7], 2), ([5, 6, 7, 8, 9], 2)]),
        (20, 1, [([9, *range(10)], 10)]),
    ],
)
def test_windows_score_each_token_once(context: int, overlap: int, found: Any) -> None:
    assert [(list(tokens), n) for tokens, n in causal.windows(range(10), 9, context, overlap)] == found
    assert list(causal.windows([], 9, context, overlap)) == []


def test_perplexity_by_a_causal_model(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {
        word: i for i, word in enumerate(["<s>", "<unk>", "the", "dog", "bit", "a", "man", "and", "ran", "off"])
    }
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", unk_token="<unk>")
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=10, n_positions=8, n_embd=16, n_layer=2, n_head=2)
    model = transformers.GPT2LMHeadModel(config).eval()
    for part in (tokenizer, model):
        part.save_pretrained(tmp_path)
    frame = texts(12, 5).vstack(pl.DataFrame({"t": ["the dog bit a man and ran off and bit the man"]}))

    def loss(tokens: list[int], scored: int) -> float:
        given = model(torch.tensor([tokens[:-1]])).logits[0].double().log_softmax(-1)
        return float(given[range(len(tokens) - 1), tokens[1:]][-scored:].sum())

    total, count = 0.0, 0
    with torch.no_grad():
        for text in frame["t"]:
            ids = [0, *(vocabulary[word] for word in text.split())]
            total += loss(ids, len(ids) - 1) if len(ids) <= 9 else loss(ids[:9], 8) + loss(ids[4:], 4)
            count += len(ids) - 1
    score = evaluate.causal_perplexity(frame, column="t", model=str(tmp_path), batch=5)
    assert score.n == count
    assert score.value == pytest.approx(math.exp(-total / count), rel=1e-6)


def test_the_frontier_of_histograms_apart_is_the_beta_integral() -> None:
    # Of p = (1, 0) and q = (0, 1) the curve is ((1 - s)^5, s^5): below it lie 5 B(6, 5), the paper's 0.004.
    p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    exact = 5 * math.factorial(5) * math.factorial(4) / math.factorial(10)
    assert frontier.area(p, q, points=4000) == pytest.approx(exact, rel=1e-4)
    assert frontier.area(p, q) == pytest.approx(0.004, abs=1e-3)
    assert frontier.area(p, p) == pytest.approx(1.0, abs=1e-12)


def test_mauve_falls_with_the_distance_of_embeddings() -> None:
    chance = np.random.default_rng(6)

    def frame(shift: float) -> pl.DataFrame:
        vectors = chance.normal(size=(400, 8)) + shift * np.eye(8)[0]
        return pl.DataFrame({"features": vectors}, schema={"features": pl.Array(pl.Float64, 8)})

    real = frame(0.0)
    scores = [evaluate.mauve(real, frame(shift)) for shift in (0.0, 1.0, 30.0)]
    values = [score.value for score in scores]
    assert values[0] > 0.9 > values[1] > values[2]
    assert values[2] == pytest.approx(0.004, abs=2e-3)
    assert scores[0].warnings
    assert evaluate.mauve(real.reverse(), real).value == evaluate.mauve(real, real).value == pytest.approx(1.0)


def of_all(real: Any, generated: Any) -> list[evaluate.Score]:
    return [
        evaluate.distinct_n(generated, column="t"),
        evaluate.self_bleu(generated, column="t", most=30),
        evaluate.ngram_perplexity(real, generated, column="t"),
    ]


def test_scores_are_the_same_from_any_frame_and_on_spark(spark: Any) -> None:
    real, generated = texts(80, 3), texts(60, 4)
    expected = of_all(real, generated)
    on_spark = [spark.createDataFrame(frame.rows(), "t string").repartition(4) for frame in (real, generated)]
    others = [(real.reverse().lazy(), generated.to_arrow()), on_spark]
    for other, place in itertools.product(others, range(3)):
        score = of_all(*other)[place]
        assert score.value == pytest.approx(expected[place].value, rel=1e-12)
        assert score.interval == pytest.approx(expected[place].interval)
        assert score.signature == expected[place].signature


def test_bad_texts_are_told(tmp_path: Path) -> None:
    good, bad = texts(5, 1), pl.DataFrame({"t": ["a", None]})
    with pytest.raises(DataError, match="'t' has a null in row 1 of a batch"):
        evaluate.distinct_n(bad, column="t")
    with pytest.raises(DataError, match="no text of column 't' has 12 words"):
        evaluate.distinct_n(good, column="t", n=12)
    with pytest.raises(DataError, match="self-BLEU needs two"):
        evaluate.self_bleu(good.head(1), column="t")
    with pytest.raises(DataError, match="real has no texts"):
        evaluate.ngram_perplexity(good.clear(), good, column="t")
    with pytest.raises(DataError, match="is no folder of a language model"):
        evaluate.causal_perplexity(good, column="t", model=str(tmp_path))
