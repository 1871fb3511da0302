"""Scores of what a model generated: images, text and rows against real ones, and reviewers against each other.

Public functions are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genspark.evaluate import features
    from genspark.evaluate.frechet import frechet_distance
    from genspark.evaluate.inception import inception_score
    from genspark.evaluate.kernel import cmmd, kernel_distance
    from genspark.evaluate.language import perplexity
    from genspark.evaluate.neighbours import precision_recall
    from genspark.evaluate.results import Results
    from genspark.evaluate.reviewers import agreement
    from genspark.evaluate.rows import (
        correlation_distance,
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
    "agreement",
    "bleu",
    "chrf",
    "cmmd",
    "correlation_distance",
    "features",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "ks_distance",
    "perplexity",
    "population_stability_index",
    "precision_recall",
    "run",
    "score_all",
    "slices",
    "ter",
    "total_variation",
    "wasserstein_distance",
]

_HOMES = {
    "Results": "results",
    "Score": "score",
    "agreement": "reviewers",
    "bleu": "text",
    "chrf": "text",
    "cmmd": "kernel",
    "correlation_distance": "rows",
    "frechet_distance": "frechet",
    "inception_score": "inception",
    "kernel_distance": "kernel",
    "ks_distance": "rows",
    "perplexity": "language",
    "population_stability_index": "rows",
    "precision_recall": "neighbours",
    "run": "running",
    "score_all": "running",
    "slices": "slicing",
    "ter": "text",
    "total_variation": "rows",
    "wasserstein_distance": "rows",
}


def __getattr__(name: str) -> Any:
    """A public name, imported now."""
    if name == "features":
        return importlib.import_module("genspark.evaluate.features")
    if name not in _HOMES:
        raise AttributeError(f"module 'genspark.evaluate' has no attribute {name!r}")
    return getattr(importlib.import_module(f"genspark.evaluate.{_HOMES[name]}"), name)
