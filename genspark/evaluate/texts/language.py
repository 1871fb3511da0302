"""Perplexity: how well a language model foretells a text, from the log-probabilities that it gave each token."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError
from genspark.evaluate import parts
from genspark.evaluate.mixing import of_texts, weights
from genspark.evaluate.score import Score, signature

if TYPE_CHECKING:
    import pyarrow as pa

REPLICATES = 200


@dataclass(frozen=True)
class Tokens:
    """Sums: [sequences, tokens, log-probability, perplexity of each sequence, words, bytes], and by replicate."""

    sums: npt.NDArray[np.float64]
    replicates: npt.NDArray[np.float64]

    def merged(self, other: Tokens) -> Tokens:
        """The sums of the sequences of both."""
        return Tokens(self.sums + other.sums, self.replicates + other.replicates)


def perplexity(frame: Any, *, log_probabilities: str, text: str | None = None) -> Score:
    """The perplexity of a corpus: exp(-mean log-probability of a token), 1 is best.

    The column holds a list of natural logarithms for each sequence; a null in it is a token that is not scored, such as
    padding. `text` is the column of the sequences' texts, for the perplexities of words and bytes and the bits per byte
    in `parts`, beside the mean of the sequences' perplexities. The interval is by the bootstrap over sequences. Raises
    DataError for a probability above 1, NaN, and where no token is scored.
    """
    columns = [log_probabilities, *([text] if text else [])]
    work = functools.partial(_sums, column=log_probabilities, text=text)
    state = parts.merged(frame, columns, work)
    if not state.sums[1]:
        raise DataError(f"column {log_probabilities!r} has no token that is scored")
    made = signature("perplexity", column=log_probabilities, unit="token")
    return score_of(state, made, has_text=text is not None)


def score_of(state: Tokens, made: Mapping[str, Any], *, has_text: bool) -> Score:
    """The perplexity of some sequences, one of whose tokens is scored at least."""
    sequences, tokens, total, means, words, size = state.sums.tolist()
    by_replicate = state.replicates[state.replicates[:, 1] > 0]
    low, high = np.exp(-np.quantile(by_replicate[:, 2] / by_replicate[:, 1], [0.975, 0.025]))
    found = {"sequences": sequences, "mean_of_sequences": means / sequences}
    if has_text:
        found |= {"word": math.exp(-total / words) if words else math.nan}
        found |= {"byte": math.exp(-total / size), "bits_per_byte": -total / size / math.log(2)} if size else {}
    return Score(math.exp(-total / tokens), int(tokens), made, (float(low), float(high)), found)


def no_tokens() -> Tokens:
    """The sums of no sequence."""
    return Tokens(np.zeros(6), np.zeros((REPLICATES, 6)))


def tokens_of(each: Sequence[tuple[str, Any, str]]) -> Tokens:
    """The sums of some sequences: what tells one from another, the logarithms of its tokens, and its text."""
    if not each:
        return no_tokens()
    rows = [
        (1.0, len(logs), logs.sum(), math.exp(-logs.mean()), len(text.split()), len(text.encode()))
        for _, logs, text in each
    ]
    sums = np.array(rows, dtype=np.float64)
    return Tokens(sums.sum(axis=0), weights(of_texts([told for told, _, _ in each]), REPLICATES) @ sums)


def _sums(found: Iterator[pa.Table], column: str, text: str | None) -> Tokens:
    state = no_tokens()
    for table in found:
        state = state.merged(tokens_of(list(_each(table, column, text))))
    return state


def _each(table: pa.Table, column: str, text: str | None) -> Iterator[tuple[str, Any, str]]:
    """Each sequence that has a token to be scored."""
    texts = table.column(text).to_pylist() if text else [""] * table.num_rows
    for row, (values, of) in enumerate(zip(table.column(column).to_pylist(), texts, strict=True)):
        scored = np.array([value for value in values or () if value is not None], dtype=np.float64)
        if not len(scored):
            continue
        if not (scored <= 0.0).all():
            raise DataError(
                f"column {column!r} has {scored[~(scored <= 0.0)][0]} in row {row} of a batch; "
                "logarithms of probabilities are 0 at most"
            )
        if text and of is None:
            raise DataError(f"column {text!r} has a null in row {row} of a batch, whose tokens are scored")
        yield repr(values), scored, of
