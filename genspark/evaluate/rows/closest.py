"""Copies: whether generated rows are training rows, or nearer to them than other real rows are."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genspark.evaluate import parts
from genspark.evaluate.mixing import of_rows
from genspark.evaluate.rows.samples import common_columns, of_frame
from genspark.evaluate.score import Score, share_interval, signature

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

Matrix = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]
_BLOCK = 256


def copies(
    training: Any,
    generated: Any,
    *,
    held_out: Any,
    columns: Sequence[str] | None = None,
    most: int = 5_000,
    quantile: float = 0.05,
) -> Mapping[str, Score]:
    """`exact_copies`, `near_copies` and `closer_to_training` of generated rows, against a held-out part of the real.

    exact_copies: the share of all generated rows that equal a training row in every column, beside that of the
    held-out rows in `parts`. near_copies: the share of generated rows whose closest training record is nearer than
    that of all but the share `quantile` of the held-out rows; about `quantile` where the model has learnt no rows by
    heart. closer_to_training: the share of generated rows that are closer to a training than to a held-out row, ties
    as a half; 0.5 where nothing is copied. The distance is Gower's: over the columns the mean of the differences of
    numbers over the training range, at most 1, and of 1 for unlike or missing values. Distances are between at most
    `most` rows of each side, as many training as held-out ones, those of the smallest hashes: see `row_samples`.
    Sources: J. C. Gower, "A general coefficient of similarity and some of its properties", 1971; M. Platzer,
    T. Reutterer, "Holdout-based empirical assessment of mixed-type synthetic data", 2021.
    """
    names = common_columns(training, generated, columns)
    exact = _exact(training, generated, held_out, names)
    samples = [
        of_frame(frame, names, most, name).expanded()
        for frame, name in ((training, "training"), (generated, "generated"), (held_out, "held_out"))
    ]
    size = min(samples[0].height, samples[2].height)
    train, synthetic, other = (samples[0].head(size), samples[1], samples[2].head(size))
    codes = _coded([train, synthetic, other])
    to_train, to_other = _closest(codes[1], codes[0]), _closest(codes[1], codes[2])
    of_other = _closest(codes[2], codes[0])
    bound = float(np.quantile(of_other, quantile))
    near = float((to_train < bound).mean())
    closer = float((to_train < to_other).mean() + (to_train == to_other).mean() / 2.0)
    distances = {"median": float(np.median(to_train)), "median_held_out": float(np.median(of_other))}
    n, made = len(to_train), {"columns": names, "most": most}
    return {
        "exact_copies": exact,
        "near_copies": Score(
            near,
            n,
            signature("near_copies", quantile=quantile, **made),
            share_interval(near, n),
            {"bound": bound, **distances},
        ),
        "closer_to_training": Score(
            closer, n, signature("closer_to_training", **made), share_interval(closer, n), distances
        ),
    }


@dataclass(frozen=True)
class _Rows:
    """The distinct hashes of rows."""

    hashes: Hashes

    def merged(self, other: _Rows) -> _Rows:
        return _Rows(np.union1d(self.hashes, other.hashes))


@dataclass(frozen=True)
class _Known:
    """Rows, and those of them that are known."""

    rows: int
    known: int

    def merged(self, other: _Known) -> _Known:
        return _Known(self.rows + other.rows, self.known + other.known)


def _exact(training: Any, generated: Any, held_out: Any, names: list[str]) -> Score:
    known = parts.merged(training, names, functools.partial(_distinct, names=names), "training")
    work = functools.partial(_known, names=names, known=known.hashes)
    found = parts.merged(generated, names, work, "generated")
    others = parts.merged(held_out, names, work, "held_out")
    value, beside = (some.known / max(some.rows, 1) for some in (found, others))
    made = signature("exact_copies", columns=names)
    return Score(value, found.rows, made, share_interval(value, max(found.rows, 1)), {"held_out": beside})


def _distinct(found: Iterator[pa.Table], names: list[str]) -> _Rows:
    some = [np.unique(_hashes(table, names)) for table in found if table.num_rows]
    return _Rows(np.unique(np.concatenate(some)) if some else np.zeros(0, np.uint64))


def _known(found: Iterator[pa.Table], names: list[str], known: Hashes) -> _Known:
    rows = inside = 0
    for table in found:
        if table.num_rows:
            rows += table.num_rows
            inside += int(np.isin(_hashes(table, names), known).sum())
    return _Known(rows, inside)


def _hashes(table: pa.Table, names: list[str]) -> Hashes:
    """A hash of each row by its values: numbers of any type alike, NaN as null."""
    import polars as pl

    rows = pl.DataFrame(pl.from_arrow(table)).select(names)
    alike = [
        (pl.col(name).cast(pl.Float64) if dtype.is_numeric() else pl.col(name).cast(pl.String))
        for name, dtype in rows.schema.items()
    ]
    return of_rows(rows.select(alike))


def _coded(frames: Sequence[pl.DataFrame]) -> list[list[tuple[Matrix, bool]]]:
    """Each column of each frame as numbers over the first one's range, or as codes, and whether it is of numbers."""
    import polars as pl

    found: list[list[tuple[Matrix, bool]]] = [[] for _ in frames]
    for name in frames[0].columns:
        if all(frame.schema[name].is_numeric() for frame in frames):
            values = [frame[name].cast(pl.Float64).fill_nan(None).to_numpy() for frame in frames]
            some = values[0][np.isfinite(values[0])]
            width = float(np.ptp(some)) if len(some) else 0.0
            for place, value in enumerate(values):
                # Of a column of one value any other is unlike.
                found[place].append((value / width if width else value, width > 0))
        else:
            texts = [frame[name].cast(pl.String) for frame in frames]
            places = {text: float(place) for place, text in enumerate(pl.concat(texts).unique().sort())}
            for place, text in enumerate(texts):
                found[place].append((np.array([places[value] for value in text]), False))
    return found


def _closest(rows: list[tuple[Matrix, bool]], others: list[tuple[Matrix, bool]]) -> Matrix:
    """The distance of each row to the nearest of the others."""
    found = np.zeros(len(rows[0][0]))
    for start in range(0, len(found), _BLOCK):
        some = slice(start, start + _BLOCK)
        total = np.zeros((len(found[some]), len(others[0][0])))
        for (values, is_number), (other, _) in zip(rows, others, strict=True):
            total += _apart(values[some], other, is_number=is_number)
        found[some] = total.min(axis=1) / len(rows)
    return found


def _apart(values: Matrix, others: Matrix, *, is_number: bool) -> Matrix:
    one, two = values[:, None], others[None, :]
    if not is_number:
        # A missing number is like another missing one.
        unlike: Matrix = (~((one == two) | (np.isnan(one) & np.isnan(two)))).astype(np.float64)
        return unlike
    apart: Matrix = np.minimum(np.abs(one - two), 1.0)
    lacking = np.isnan(apart)
    if lacking.any():
        apart = np.where(lacking, ~(np.isnan(one) & np.isnan(two)), apart)
    return apart
