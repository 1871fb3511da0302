"""MAUVE: how far the distribution of generated texts is from that of real ones, both ways, by their embeddings.

The texts' embeddings are put into clusters; of the two histograms p and q the frontier of their divergences from every
mixture r of both is the curve (exp(-c KL(q|r)), exp(-c KL(p|r))), and the score the area under it. Source: K. Pillutla
et al., "MAUVE: measuring the gap between neural text and human text using divergence frontiers", 2021.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError, GensparkError
from genspark.evaluate import samples
from genspark.evaluate.score import Score, signature

Matrix = npt.NDArray[np.float64]

SCALE = 5.0
"""The paper's c."""


def mauve(
    real: Any,
    generated: Any,
    *,
    column: str = "features",
    clusters: int | None = None,
    most: int = 5_000,
    seed: int = 25,
    extractor: str = "given",
) -> Score:
    """The area under the divergence frontier of the embeddings in a column, from about 0.004 to 1, which is best.

    As in the paper: embeddings of length 1, the principal components that hold 90 % of the variance, k-means into
    `clusters`, a tenth of the smaller side if left out. At most `most` vectors of each side are taken, those of the
    smallest hashes. Compare scores of equally many. `parts` has the Jensen-Shannon divergence of the clusters, in
    nats. Needs `pip install 'genspark[models]'`. Raises DataError for fewer than ten vectors.
    """
    one, two = samples.both(real, generated, column, most, 10)
    size = clusters or max(2, min(len(one.vectors), len(two.vectors)) // 10)
    if not 2 <= size <= len(one.vectors) + len(two.vectors):
        raise DataError(f"clusters is {size}; have 2 at least, and no more than there are vectors")
    labels = _clustered(np.concatenate([one.vectors, two.vectors]), size, seed)
    cut = len(one.vectors)
    p, q = (np.bincount(some, minlength=size) / len(some) for some in (labels[:cut], labels[cut:]))
    made = signature("mauve", column=column, clusters=clusters, most=most, seed=seed, scale=SCALE, extractor=extractor)
    middle = (p + q) / 2.0
    told = {"real_n": float(one.n), "clusters": float(size)}
    told["jensen_shannon"] = (divergence(p, middle) + divergence(q, middle)) / 2.0
    few = min(one.n, two.n)
    warnings = [f"{few:,} texts: the score of so few is too high; have 5,000 of each side"] if few < 5_000 else []
    return Score(area(p, q), two.n, made, None, told, warnings)


def area(p: Matrix, q: Matrix, points: int = 25) -> float:
    """The area under the divergence frontier of two histograms, through `points` mixtures of them, by trapezoids."""
    shares = np.linspace(1e-6, 1.0 - 1e-6, points)
    mixtures = [share * p + (1.0 - share) * q for share in shares]
    curve = [(divergence(q, r), divergence(p, r)) for r in mixtures]
    found = np.exp(-SCALE * np.array(curve))
    # The curve ends on both axes: there one histogram alone is asked for.
    x = np.concatenate([[1.0], found[:, 0], [0.0]])
    y = np.concatenate([[0.0], found[:, 1], [1.0]])
    return float(np.trapezoid(x, y))


def divergence(p: Matrix, r: Matrix) -> float:
    """The divergence of Kullback and Leibler of p from r, in nats."""
    some = p > 0
    return float((p[some] * np.log(p[some] / r[some])).sum())


def _clustered(vectors: Matrix, clusters: int, seed: int) -> npt.NDArray[np.int64]:
    try:
        from sklearn.cluster import KMeans
        from sklearn.decomposition import PCA
    except ImportError:
        raise GensparkError("mauve needs scikit-learn: pip install 'genspark[models]'") from None
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    if scaled.shape[1] > 1 and np.ptp(scaled, axis=0).any():
        reduced = PCA(n_components=None, whiten=False, random_state=seed).fit(scaled)
        enough = int(np.searchsorted(np.cumsum(reduced.explained_variance_ratio_), 0.9)) + 1
        scaled = reduced.transform(scaled)[:, :enough]
    labels = KMeans(clusters, n_init=5, max_iter=500, random_state=seed).fit_predict(scaled)
    return np.asarray(labels, np.int64)
