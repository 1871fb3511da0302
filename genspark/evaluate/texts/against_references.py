"""Scores of text against references by sacrebleu: BLEU, chrF and TER; the parts' integers add up to the corpus's."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError, GensparkError
from genspark.evaluate import parts
from genspark.evaluate.mixing import of_texts, weights
from genspark.evaluate.score import Score, signature

if TYPE_CHECKING:
    import pyarrow as pa

REPLICATES = 200


@dataclass(frozen=True)
class Segments:
    """The number of segments, the sums of their statistics, and those of each replicate of the bootstrap."""

    n: int
    sums: npt.NDArray[np.float64]
    replicates: npt.NDArray[np.float64]

    def merged(self, other: Segments) -> Segments:
        """The sums of the segments of both."""
        if not self.n or not other.n:
            return self if self.n else other
        return Segments(self.n + other.n, self.sums + other.sums, self.replicates + other.replicates)


def bleu(frame: Any, *, hypothesis: str, references: Sequence[str], interval: bool = True, **options: Any) -> Score:
    """BLEU of a column of hypotheses against columns of references, from 0 to 100; `options` are sacrebleu's.

    It equals sacrebleu's corpus score to the last digit. A null reference is one that a segment does not have; a null
    hypothesis, or a segment without a reference, raises DataError. `interval`: by the bootstrap, in the same pass.
    Source: K. Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002.
    """
    return _score("BLEU", frame, hypothesis, references, options, interval=interval)


def chrf(frame: Any, *, hypothesis: str, references: Sequence[str], interval: bool = True, **options: Any) -> Score:
    """chrF, or with `word_order=2` chrF++, as `bleu`. Source: M. Popovic, "chrF: character n-gram F-score", 2015."""
    return _score("CHRF", frame, hypothesis, references, options, interval=interval)


def ter(frame: Any, *, hypothesis: str, references: Sequence[str], interval: bool = True, **options: Any) -> Score:
    """Translation edit rate, as `bleu`; 0 is best. Source: M. Snover et al., "Translation edit rate", 2006."""
    return _score("TER", frame, hypothesis, references, options, interval=interval)


def _score(
    name: str, frame: Any, hypothesis: str, references: Sequence[str], options: dict[str, Any], *, interval: bool
) -> Score:
    if not references:
        raise DataError(f"{name.lower()} needs the columns of references; name one at least")
    replicates = REPLICATES if interval else 0
    work = functools.partial(
        _sums, name=name, hypothesis=hypothesis, references=list(references), replicates=replicates, options=options
    )
    metric = _metric(name, options)
    state = parts.merged(frame, [hypothesis, *references], work, in_python=True)
    if not state.n:
        raise DataError(f"{name.lower()} of no segments: column {hypothesis!r} is empty")
    whole = metric._compute_score_from_stats(_as_list(state.sums))
    bounds = None
    if interval:
        each = [metric._compute_score_from_stats(_as_list(sums)).score for sums in state.replicates]
        low, high = np.quantile(each, [0.025, 0.975])
        bounds = (float(low), float(high))
    made = signature(name.lower(), references=len(references), sacrebleu=_version(), **options)
    return Score(float(whole.score), state.n, made, bounds)


def _sums(
    found: Iterator[pa.Table],
    name: str,
    hypothesis: str,
    references: list[str],
    replicates: int,
    options: dict[str, Any],
) -> Segments:
    metric = _metric(name, options)
    state = Segments(0, np.zeros(0), np.zeros((replicates, 0)))
    for table in found:
        if not table.num_rows:
            continue
        texts = table.column(hypothesis).to_pylist()
        others = [table.column(column).to_pylist() for column in references]
        _check(texts, others, hypothesis)
        each = np.array(metric._extract_corpus_statistics(texts, others), dtype=np.float64)
        drawn = (
            weights(of_texts([_whole(row) for row in zip(texts, *others, strict=True)]), replicates)
            if replicates
            else None
        )
        by_replicate = drawn @ each if drawn is not None else np.zeros((0, each.shape[1]))
        state = state.merged(Segments(len(texts), each.sum(axis=0), by_replicate))
    return state


def _whole(row: Sequence[str | None]) -> str:
    return "\0".join(text or "" for text in row)


def _check(texts: Sequence[str | None], references: Sequence[Sequence[str | None]], hypothesis: str) -> None:
    for row, text in enumerate(texts):
        if text is None:
            raise DataError(
                f"column {hypothesis!r} has a null in row {row} of a batch; a missing hypothesis is the text ''"
            )
        if all(column[row] is None for column in references):
            raise DataError(f"row {row} of a batch has no reference: {text[:60]!r}; leave it out, or give one")


def _as_list(sums: npt.NDArray[np.float64]) -> list[Any]:
    return [int(total) for total in sums] if (sums == np.floor(sums)).all() else sums.tolist()


def _metric(name: str, options: dict[str, Any]) -> Any:
    try:
        from sacrebleu import metrics
    except ImportError:
        raise GensparkError("scores of text need sacrebleu: pip install 'genspark[evaluate]'") from None
    try:
        return getattr(metrics, name)(**options)
    except TypeError as error:
        raise DataError(f"{name.lower()}: {error}; see sacrebleu's options") from None


def _version() -> str:
    import sacrebleu

    return str(sacrebleu.__version__)
