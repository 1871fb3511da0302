"""Scores of what a model generated: images, text and rows against real ones, and reviewers against each other.

Public functions are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genspark.evaluate import features
    from genspark.evaluate.closest import copies
    from genspark.evaluate.diversity import distinct_n, self_bleu
    from genspark.evaluate.domains import adherence
    from genspark.evaluate.foretelling import causal_perplexity, ngram_perplexity
    from genspark.evaluate.frechet import frechet_distance
    from genspark.evaluate.frontier import mauve
    from genspark.evaluate.inception import inception_score
    from genspark.evaluate.kernel import cmmd, kernel_distance
    from genspark.evaluate.language import perplexity
    from genspark.evaluate.learners import classifier_two_sample, train_on_synthetic
    from genspark.evaluate.neighbours import precision_recall
    from genspark.evaluate.pairs import contingency_distance, correlation_distance
    from genspark.evaluate.results import Results
    from genspark.evaluate.reviewers import agreement
    from genspark.evaluate.rows import (
        column_distances,
        ks_distance,
        population_stability_index,
        total_variation,
        wasserstein_distance,
    )
    from genspark.evaluate.running import run, score_all
    from genspark.evaluate.score import Score
    from genspark.evaluate.slicing import slices
    from genspark.evaluate.text import bleu, chrf, ter

__all__ = [
    "Results",
    "Score",
    "adherence",
    "agreement",
    "bleu",
    "causal_perplexity",
    "chrf",
    "classifier_two_sample",
    "cmmd",
    "column_distances",
    "contingency_distance",
    "copies",
    "correlation_distance",
    "distinct_n",
    "features",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "ks_distance",
    "mauve",
    "ngram_perplexity",
    "perplexity",
    "population_stability_index",
    "precision_recall",
    "run",
    "score_all",
    "self_bleu",
    "slices",
    "ter",
    "total_variation",
    "train_on_synthetic",
    "wasserstein_distance",
]

_HOMES = {
    "Results": "results",
    "Score": "score",
    "adherence": "domains",
    "agreement": "reviewers",
    "bleu": "text",
    "causal_perplexity": "foretelling",
    "chrf": "text",
    "classifier_two_sample": "learners",
    "cmmd": "kernel",
    "column_distances": "rows",
    "contingency_distance": "pairs",
    "copies": "closest",
    "correlation_distance": "pairs",
    "distinct_n": "diversity",
    "frechet_distance": "frechet",
    "inception_score": "inception",
    "kernel_distance": "kernel",
    "ks_distance": "rows",
    "mauve": "frontier",
    "ngram_perplexity": "foretelling",
    "perplexity": "language",
    "population_stability_index": "rows",
    "precision_recall": "neighbours",
    "run": "running",
    "score_all": "running",
    "self_bleu": "diversity",
    "slices": "slicing",
    "ter": "text",
    "total_variation": "rows",
    "train_on_synthetic": "learners",
    "wasserstein_distance": "rows",
}


def __getattr__(name: str) -> Any:
    """A public name, imported now."""
    if name == "features":
        return importlib.import_module("genspark.evaluate.features")
    if name not in _HOMES:
        raise AttributeError(f"module 'genspark.evaluate' has no attribute {name!r}")
    return getattr(importlib.import_module(f"genspark.evaluate.{_HOMES[name]}"), name)
