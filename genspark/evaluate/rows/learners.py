"""Scores by a classifier: whether one tells generated rows from real ones, and whether they teach as much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError, GensparkError
from genspark.evaluate.rows.samples import both, common_columns, of_frame
from genspark.evaluate.score import Score, share_interval, signature

if TYPE_CHECKING:
    import polars as pl

Matrix = npt.NDArray[np.float64]
Task = Literal["classes", "numbers"]
MOST = 20_000
"""Rows of each side that are looked at, at most."""
LEAST = 20
REPLICATES = 200
_MOST_CODES = 250
"""Values of a column of names that are told apart, the most frequent ones."""


def classifier_two_sample(
    real: Any,
    generated: Any,
    *,
    columns: Sequence[str] | None = None,
    folds: int = 5,
    most: int = MOST,
    seed: int = 0,
) -> Score:
    """How often a classifier tells generated rows from real ones that it has not seen: 0.5 is best, 1 is worst.

    Gradient boosted trees, cross-fitted over `folds`, on as many rows of each side, at most `most` of the smallest
    hashes (see `row_samples`); names are coded by frequency, and missing values are kept. `parts`: `auc`, the area
    under the curve of the receiver's operating characteristic, and `p_value` that the rows are of one distribution.
    Needs `pip install 'genspark[models]'`. Raises DataError for fewer than 20 rows of a side. Source: D. Lopez-Paz,
    M. Oquab, "Revisiting classifier two-sample tests", 2017.
    """
    names = common_columns(real, generated, columns)
    one, two = (sample.expanded() for sample in both(real, generated, names, most))
    size = min(one.height, two.height)
    _check({"real": one.height, "generated": two.height})
    chance = np.random.default_rng(seed)
    sides = [frame[np.sort(chance.choice(frame.height, size, replace=False))] for frame in (one, two)]
    values = np.concatenate(_coded(sides, names))
    labels = np.repeat([0, 1], size)
    foreseen = np.zeros(len(labels))
    # Each fold has as many rows of each side.
    dealt = np.concatenate([chance.permutation(np.arange(size) % folds) for _ in sides])
    for fold in range(folds):
        held = dealt == fold
        known, new = _seen(values[~held], values[held])
        foreseen[held] = _trees("classes", seed).fit(known, labels[~held]).predict_proba(new)[:, 1]
    right = float(((foreseen > 0.5) == labels).mean())
    n = len(labels)
    told = {"auc": _auc(foreseen, labels), "p_value": _tail((right - 0.5) / (0.25 / n) ** 0.5), "rows_of_each": size}
    made = signature("classifier_two_sample", columns=names, folds=folds, most=most, seed=seed, learner="trees")
    return Score(right, n, made, share_interval(right, n), told)


def train_on_synthetic(
    real: Any,
    generated: Any,
    *,
    test: Any,
    target: str,
    columns: Sequence[str] | None = None,
    task: Task | None = None,
    most: int = MOST,
    seed: int = 0,
) -> Score:
    """How well what was learnt from generated rows holds on real ones that neither side has seen.

    Gradient boosted trees foretell the column `target` from the others, once trained on generated and once on real
    rows, as many of each, at most `most` of the smallest hashes (see `row_samples`); `test` are held-out real rows, at
    most `most` too. The value is the accuracy, or for `task: numbers` the coefficient of determination; `parts` has it
    `of_real`, and the `ratio` of both. `task` is by the target's type if left out: floats are numbers, all else are
    classes. The interval is by the bootstrap over the test's rows. Needs `pip install 'genspark[models]'`. Rows
    without a target are left out. Source: C. Esteban et al., "Real-valued (medical) time series generation with
    recurrent conditional GANs", 2017. Raises DataError for fewer than 20 rows of a side.
    """
    names = [name for name in common_columns(real, generated, columns) if name != target]
    if not names:
        raise DataError(f"no column but the target {target!r} is common; there is nothing to learn from")
    frames = {
        name: of_frame(frame, [*names, target], most, name).expanded().drop_nulls(target)
        for name, frame in (("real", real), ("generated", generated), ("test", test))
    }
    _check({name: frame.height for name, frame in frames.items()})
    size = min(frames["real"].height, frames["generated"].height)
    sides = [frames["generated"].head(size), frames["real"].head(size), frames["test"]]
    kind: Task = task or ("numbers" if sides[1].schema[target].is_float() else "classes")
    values = _coded(sides, names)
    targets = [_targets(side, target, kind) for side in sides]
    foreseen = [_foreseen(kind, seed, values[place], targets[place], values[2]) for place in (0, 1)]
    chance = np.random.default_rng(seed)
    value, of_real = (_worth(kind, targets[2], some) for some in foreseen)
    draws = (chance.integers(0, len(targets[2]), len(targets[2])) for _ in range(REPLICATES))
    low, high = np.quantile([_worth(kind, targets[2][draw], foreseen[0][draw]) for draw in draws], [0.025, 0.975])
    told = {"of_real": of_real, "ratio": value / of_real if of_real else float("nan"), "trained_on": float(size)}
    made = signature(
        "train_on_synthetic", columns=names, target=target, task=kind, most=most, seed=seed, learner="trees"
    )
    return Score(value, len(targets[2]), made, (float(low), float(high)), told)


def _trees(kind: Task, seed: int) -> Any:
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    except ImportError:
        raise GensparkError("scores by a classifier need scikit-learn: pip install 'genspark[models]'") from None
    made = HistGradientBoostingClassifier if kind == "classes" else HistGradientBoostingRegressor
    return made(random_state=seed, early_stopping=False)


def _foreseen(kind: Task, seed: int, values: Matrix, targets: Any, of: Matrix) -> Any:
    if kind == "classes" and len(set(targets.tolist())) == 1:
        return np.full(len(of), targets[0])
    known, new = _seen(values, of)
    return _trees(kind, seed).fit(known, targets).predict(new)


def _seen(values: Matrix, of: Matrix) -> tuple[Matrix, Matrix]:
    """The rows to learn from and those to foretell, by the columns in which the first have a value; infinities kept."""
    some = ~np.isnan(values).all(axis=0)
    if not some.any():
        return np.zeros((len(values), 1)), np.zeros((len(of), 1))
    most = np.finfo(np.float64).max
    known, new = (np.clip(each[:, some], -most, most) for each in (values, of))
    return known, new


def _worth(kind: Task, true: Any, foreseen: Any) -> float:
    """The accuracy, or the coefficient of determination."""
    if kind == "classes":
        return float((true == foreseen).mean())
    spread = ((true - true.mean()) ** 2).sum()
    return float(1.0 - ((true - foreseen) ** 2).sum() / spread) if spread else 0.0


def _targets(rows: pl.DataFrame, target: str, kind: Task) -> Any:
    import polars as pl

    if kind == "classes":
        return rows[target].cast(pl.String).to_numpy().astype(str)
    return rows[target].cast(pl.Float64).to_numpy()


def _coded(frames: Sequence[pl.DataFrame], names: Sequence[str]) -> list[Matrix]:
    """The columns as numbers, NaN where one is missing; names by their rank among the most frequent of all frames."""
    import polars as pl

    found: list[list[Matrix]] = [[] for _ in frames]
    for name in names:
        if all(frame.schema[name].is_numeric() or frame.schema[name].is_temporal() for frame in frames):
            each = [_numbers(frame[name]) for frame in frames]
        else:
            texts = [frame[name].cast(pl.String) for frame in frames]
            ranked = pl.concat(texts).drop_nulls().value_counts().sort(["count", name], descending=[True, False])
            known = ranked[name].head(_MOST_CODES).to_list()
            codes = dict(zip(known, range(len(known)), strict=True))
            each = [
                np.array([np.nan if value is None else codes.get(value, _MOST_CODES) for value in text], np.float64)
                for text in texts
            ]
        for place, values in enumerate(each):
            found[place].append(values)
    return [np.stack(columns, axis=1) for columns in found]


def _numbers(values: pl.Series) -> Matrix:
    import polars as pl

    plain = values.to_physical() if values.dtype.is_temporal() else values
    return plain.cast(pl.Float64).to_numpy()


def _auc(foreseen: Matrix, labels: Any) -> float:
    """The chance that a generated row looks more generated than a real one; ties count as a half."""
    _, place, times = np.unique(foreseen, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(times) - (times - 1) / 2.0)[place]
    positive = int(labels.sum())
    negative = len(labels) - positive
    return float((ranks[labels == 1].sum() - positive * (positive + 1) / 2.0) / (positive * negative))


def _tail(z: float) -> float:
    """The probability that a standard normal number is above z."""
    from math import erfc

    return 0.5 * erfc(z / 2**0.5)


def _check(sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        if size < LEAST:
            raise DataError(f"{name} has {size} rows; a classifier needs {LEAST} at least")
