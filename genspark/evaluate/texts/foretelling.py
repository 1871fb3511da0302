"""Perplexity by a model that is here: an n-gram model of the real texts, or a causal language model in a folder."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError
from genspark.evaluate import parts
from genspark.evaluate.score import Score, signature
from genspark.evaluate.texts import causal
from genspark.evaluate.texts.language import Tokens, no_tokens, score_of, tokens_of
from genspark.evaluate.texts.ngrams import NgramModel, count, padded, tokens

if TYPE_CHECKING:
    import pyarrow as pa

Logs = npt.NDArray[np.float64]


def ngram_perplexity(real: Any, generated: Any, *, column: str, order: int = 3, discount: float = 0.75) -> Score:
    """The perplexity of the generated texts under a model of the n-grams of the real ones, which one scan fits.

    Words are parted by white space; the end of a text is a token that is scored too. Smoothing is Kneser and Ney's,
    interpolated, with one `discount`; single tokens are interpolated with the uniform distribution over the real
    words, the end and one unknown word, so that a new word makes the perplexity high and not infinite. The model holds
    the distinct n-grams of the real texts in memory. `parts`: of words and bytes, and bits per byte.
    Raises DataError for a null, and where a side has no texts.
    """
    if order < 1 or not 0 < discount < 1:
        raise DataError(f"order is {order} and discount {discount}; an order is 1 at least, a discount between 0 and 1")
    grams = parts.merged(real, [column], functools.partial(count, column=column, order=order), "real")
    if not len(grams.counts):
        raise DataError(f"real has no texts in column {column!r}; a model needs some")
    work = functools.partial(_by_ngrams, column=column, model=NgramModel(grams, discount), order=order)
    state = parts.merged(generated, [column], work, "generated")
    if not state.sums[1]:
        raise DataError(f"generated has no texts in column {column!r}; nothing can be scored")
    made = signature("ngram_perplexity", column=column, order=order, discount=discount, smoothing="kneser-ney")
    return score_of(state, made, has_text=True)


def causal_perplexity(
    frame: Any, *, column: str, model: str, context: int | None = None, overlap: int = 1, batch: int = 8
) -> Score:
    """The perplexity of the texts in a column under a causal language model in a local folder of Hugging Face's form.

    Longer texts are scored in windows of `context` tokens (the model's own length if left out), as lm-eval's rolling
    log-likelihood has them: each token once, the first after the model's token of the beginning, and each window after
    the first with at least `overlap` tokens before those that it scores. Padding is never scored. `parts`: of words
    and bytes, and bits per byte. Needs `pip install transformers torch`. Raises DataError for a null, and where no
    text has a token.
    """
    if overlap < 1:
        raise DataError(f"overlap is {overlap}, and a window needs a token before those that it scores")
    digest = causal.digest(model)
    work = functools.partial(
        _by_texts, column=column, logs=functools.partial(causal.logs, model, digest, context, overlap, batch)
    )
    state = parts.merged(frame, [column], work)
    if not state.sums[1]:
        raise DataError(f"column {column!r} has no token that is scored")
    made = signature("causal_perplexity", column=column, model=digest, context=context, overlap=overlap)
    return score_of(state, made, has_text=True)


def _by_ngrams(found: Iterator[pa.Table], column: str, model: NgramModel, order: int) -> Tokens:
    state = no_tokens()
    for table in found:
        rows = list(tokens(table, column))
        if not rows:
            continue
        grams = [padded(words, order) for _, words in rows]
        logs = model.log_probabilities(np.concatenate(grams))
        cut = np.split(logs, np.cumsum([len(some) for some in grams])[:-1])
        state = state.merged(tokens_of([(text, own, text) for (text, _), own in zip(rows, cut, strict=True)]))
    return state


def _by_texts(found: Iterator[pa.Table], column: str, logs: Callable[[list[str]], list[Logs]]) -> Tokens:
    state = no_tokens()
    for table in found:
        texts = [text for text, _ in tokens(table, column)]
        each = [(text, own, text) for text, own in zip(texts, logs(texts), strict=True) if len(own)]
        state = state.merged(tokens_of(each))
    return state
