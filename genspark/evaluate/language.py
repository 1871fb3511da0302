"""Perplexity: how well a language model foretells a text, from the log-probabilities that it gave each token."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
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
    sequences, tokens, total, means, words, size = state.sums.tolist()
    if not tokens:
        raise DataError(f"column {log_probabilities!r} has no token that is scored")
    made = signature("perplexity", column=log_probabilities, unit="token")
    by_replicate = state.replicates[state.replicates[:, 1] > 0]
    low, high = np.exp(-np.quantile(by_replicate[:, 2] / by_replicate[:, 1], [0.975, 0.025]))
    found = {"sequences": sequences, "mean_of_sequences": means / sequences}
    if text:
        found |= {"word": math.exp(-total / words) if words else math.nan, "byte": math.exp(-total / size)}
        found["bits_per_byte"] = -total / size / math.log(2)
    return Score(math.exp(-total / tokens), int(tokens), made, (float(low), float(high)), found)


def _sums(found: Iterator[pa.Table], column: str, text: str | None) -> Tokens:
    state = Tokens(np.zeros(6), np.zeros((REPLICATES, 6)))
    for table in found:
        each = list(_each(table, column, text))
        if each:
            sums = np.array([sums for _, sums in each], dtype=np.float64)
            drawn = weights(of_texts([told for told, _ in each]), REPLICATES)
            state = state.merged(Tokens(sums.sum(axis=0), drawn @ sums))
    return state


def _each(table: pa.Table, column: str, text: str | None) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Each sequence that has a token to be scored, as text, and its sums."""
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
        total = scored.sum()
        sums = 1.0, len(scored), total, math.exp(-total / len(scored)), len(of.split()), len(of.encode())
        yield repr(values), sums
