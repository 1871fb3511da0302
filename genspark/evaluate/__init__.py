"""Scores of what a model generated: images, text and rows against real ones, and reviewers against each other.

Public functions are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genspark.evaluate import features
    from genspark.evaluate.images.frechet import frechet_distance
    from genspark.evaluate.images.inception import inception_score
    from genspark.evaluate.images.kernel import cmmd, kernel_distance
    from genspark.evaluate.images.neighbours import precision_recall
    from genspark.evaluate.review.agreement import agreement
    from genspark.evaluate.rows.closest import copies
    from genspark.evaluate.rows.columns import (
        column_distances,
        ks_distance,
        population_stability_index,
        total_variation,
        wasserstein_distance,
    )
    from genspark.evaluate.rows.domains import adherence
    from genspark.evaluate.rows.learners import classifier_two_sample, train_on_synthetic
    from genspark.evaluate.rows.pairs import contingency_distance, correlation_distance
    from genspark.evaluate.runs.results import Results
    from genspark.evaluate.runs.running import run, score_all
    from genspark.evaluate.runs.slicing import slices
    from genspark.evaluate.score import Score
    from genspark.evaluate.texts.against_references import bleu, chrf, ter
    from genspark.evaluate.texts.diversity import distinct_n, self_bleu
    from genspark.evaluate.texts.foretelling import causal_perplexity, ngram_perplexity
    from genspark.evaluate.texts.frontier import mauve
    from genspark.evaluate.texts.language import perplexity

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
    "Results": "runs.results",
    "Score": "score",
    "adherence": "rows.domains",
    "agreement": "review.agreement",
    "bleu": "texts.against_references",
    "causal_perplexity": "texts.foretelling",
    "chrf": "texts.against_references",
    "classifier_two_sample": "rows.learners",
    "cmmd": "images.kernel",
    "column_distances": "rows.columns",
    "contingency_distance": "rows.pairs",
    "copies": "rows.closest",
    "correlation_distance": "rows.pairs",
    "distinct_n": "texts.diversity",
    "frechet_distance": "images.frechet",
    "inception_score": "images.inception",
    "kernel_distance": "images.kernel",
    "ks_distance": "rows.columns",
    "mauve": "texts.frontier",
    "ngram_perplexity": "texts.foretelling",
    "perplexity": "texts.language",
    "population_stability_index": "rows.columns",
    "precision_recall": "images.neighbours",
    "run": "runs.running",
    "score_all": "runs.running",
    "self_bleu": "texts.diversity",
    "slices": "runs.slicing",
    "ter": "texts.against_references",
    "total_variation": "rows.columns",
    "train_on_synthetic": "rows.learners",
    "wasserstein_distance": "rows.columns",
}


def __getattr__(name: str) -> Any:
    """A public name, imported now."""
    if name == "features":
        return importlib.import_module("genspark.evaluate.features")
    if name not in _HOMES:
        raise AttributeError(f"module 'genspark.evaluate' has no attribute {name!r}")
    return getattr(importlib.import_module(f"genspark.evaluate.{_HOMES[name]}"), name)
