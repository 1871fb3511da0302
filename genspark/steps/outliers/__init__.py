"""Find values, or rows, far from the rest, and act on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self, cast

import narwhals as nw
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema, is_number
from genspark.columns.expressions import any_of, changed
from genspark.columns.kernels import Kernel
from genspark.columns.vectors import is_vector
from genspark.errors import SchemaError
from genspark.statistics.groups import check_by
from genspark.statistics.quantiles import DEFAULT_RANK_ERROR
from genspark.steps.base import STEP_CONFIG, ColumnStep, check_fields
from genspark.steps.learner import Parameters
from genspark.steps.matching import By, match, refuse_taken
from genspark.steps.outliers.bounds import ColumnBounds
from genspark.steps.outliers.kmeans import KMeans
from genspark.steps.outliers.mahalanobis import Mahalanobis
from genspark.steps.outliers.norm import Norm
from genspark.steps.outliers.rule import Rule
from genspark.steps.rejection import Rejection

DEFAULT_THRESHOLD = {"zscore": 3.0, "iqr": 1.5, "mad": 3.5, "norm": 3.0}
METHODS_OF = {
    "threshold": ("zscore", "iqr", "mad", "norm", "mahalanobis"),
    "by": ("zscore", "iqr", "mad"),
    "rank_error": ("iqr", "mad"),
    "ridge": ("mahalanobis",),
    "clusters": ("kmeans",),
    "quantile": ("kmeans",),
    "sample_size": ("kmeans",),
    "seed": ("kmeans",),
}
"""The methods that each field is for."""


@dataclass(config=STEP_CONFIG)
class Outliers(ColumnStep):
    """Act on values beyond two bounds that are learnt for each column, or on rows that lie far out as a whole.

    Each column by itself. Infinities lie beyond any bounds and missing values are never outliers.
    zscore: mean +- threshold x population standard deviation (default 3). iqr: Tukey's fences, the
    first quartile less and the third quartile plus threshold x (q3 - q1) (default 1.5). mad: where
    0.6745 |x - median| / MAD is above threshold (default 3.5), MAD being the median of |x - median|,
    at most twice `rank_error` off in rank. norm: for columns of vectors, the z-score of the Euclidean
    norm (default 3); a vector with a missing element is not judged. A constant column has no z-score,
    one in which most values are equal no MAD, an all-null one no bounds: nothing in them is an outlier.
    With `by` each group has its own bounds, null being a group too; a group that was not seen, or has
    no value in the column, is held to the bounds of all rows.

    All columns together, by a distance. A row with a missing value is not judged, one with an infinity
    is infinitely far; where there are no values nothing is an outlier. mahalanobis: from the mean, by
    the inverse of the covariance; threshold is a distance (default: the root of the chi-square quantile
    0.999). Raises DataError naming the columns without variance, and those that are a linear combination
    of others unless `ridge` times its variance is added to each. kmeans: from the nearest of `clusters`
    centers, which scikit-learn finds in `sample_size` rows drawn by their key, each column standardised;
    the threshold is the `quantile` of their distances.

    drop removes the row; quarantine removes it to the quarantine table with its reasons. clip moves the
    value to the nearer bound, the vector to the nearer norm, the row straight towards its center up to
    the threshold: numbers become Float64, vectors lists of floats. null erases the value, or the row's
    values in all of the columns. flag adds a Boolean `<column>_is_outlier`; for rows `is_outlier`, or
    `<name>_is_outlier` where the step has a name.

    Sources: J. Tukey, "Exploratory Data Analysis", 1977; B. Iglewicz, D. Hoaglin, "How to Detect and
    Handle Outliers", 1993; P. Mahalanobis, "On the Generalised Distance in Statistics", 1936.
    """

    method: Literal["zscore", "iqr", "mad", "norm", "mahalanobis", "kmeans"] = Field(
        default="zscore", description="How outliers are found."
    )
    threshold: float | None = Field(
        default=None,
        gt=0,
        description="Deviations (zscore, norm), ranges (iqr), modified z-score (mad) or distance (mahalanobis).",
    )
    action: Literal["drop", "quarantine", "clip", "null", "flag"] = Field(
        default="drop", description="What is done to an outlier."
    )
    rank_error: float = Field(
        default=DEFAULT_RANK_ERROR,
        ge=0,
        lt=0.25,
        description="How far, as a share of the rows, a quartile or median may lie from its place; 0 is exact (iqr).",
    )
    by: By = Field(default=(), description="Learn the bounds within each group: the columns whose values make them.")
    ridge: float = Field(
        default=0.0, ge=0, description="mahalanobis: what is added to each variance, as a share of it."
    )
    clusters: int = Field(default=8, ge=1, description="kmeans: how many centers.")
    quantile: float = Field(
        default=0.99, gt=0, lt=1, description="kmeans: the share of the sampled rows that is within the threshold."
    )
    sample_size: int = Field(default=10_000, ge=1, description="kmeans: how many rows it is fitted on.")
    seed: int = Field(default=0, ge=0, lt=2**32, description="kmeans: another number is another sample and start.")

    kind: ClassVar[str] = "outliers"

    @model_validator(mode="after")
    def _fields_go_with_the_method(self) -> Self:
        check_fields(self, "method", METHODS_OF)
        if not self.rank_error and (self.method == "mad" or self.by):
            what = "mad reads a sketch" if self.method == "mad" else "exact quartiles of groups do not merge"
            raise ValueError(f"rank_error: {what}, so it must be above 0, such as {DEFAULT_RANK_ERROR}")
        return self

    @property
    def filters(self) -> bool:
        return self.action in ("drop", "quarantine")

    def bind(self, schema: Schema) -> Self:
        wanted, what = (is_vector, "arrays of numbers, or images") if self.method == "norm" else (is_number, "numbers")
        bound = replace(self, columns=match(self.columns, schema, wanted, what))
        check_by(self.by, schema)
        if both := [c for c in self.by if c in bound.columns]:
            raise SchemaError([f"by: {c!r} is also judged; name the columns without it" for c in both])
        refuse_taken(bound._rule.flags() if self.action == "flag" else (), schema)
        return bound

    def reads(self) -> frozenset[str]:
        return frozenset((*self.columns, *self.by))

    def writes(self) -> frozenset[str]:
        if self.action == "flag":
            return frozenset(self._rule.flags())
        return frozenset() if self.filters else frozenset(self.columns)

    def made_from(self, column: str) -> frozenset[str]:
        if column not in self.writes():
            return frozenset([column])
        if self.method not in DEFAULT_THRESHOLD:
            return frozenset(self.columns)
        flagged = dict(zip(self._rule.flags(), self.columns, strict=True))
        return frozenset((flagged.get(column, column), *self.by))

    def output_schema(self, schema: Schema) -> Schema:
        if self.action == "flag":
            return {**schema, **dict.fromkeys(self._rule.flags(), nw.Boolean())}
        if self.action == "clip":
            return {**schema, **{c: self._rule.clipped_type(schema[c]) for c in self.columns}}
        return schema

    def learner(self) -> Rule:
        return self._rule

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        return self._rule.kernels(parameters)

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        if not self.filters:
            return []
        action = cast("Literal['drop', 'quarantine']", self.action)
        return [
            Rejection(
                judgement.column,
                self.method,
                judgement.is_outlier,
                judgement.value,
                (judgement.lower, judgement.upper),
                action,
            )
            for judgement in self._rule.judgements(parameters)
        ]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        judgements = self._rule.judgements(parameters)
        if self.action == "clip":
            return frame.with_columns(*self._rule.clipped(parameters))
        if self.action == "null":
            kept = [
                (column, ~any_of([judgement.is_outlier])) for judgement in judgements for column in judgement.columns
            ]
            return changed(frame, (nw.when(is_kept).then(nw.col(c)).alias(c) for c, is_kept in kept))
        if self.action == "flag":
            nothing = dict.fromkeys(self._rule.flags(), nw.lit(False))
            flags = {**nothing, **{judgement.flag: any_of([judgement.is_outlier]) for judgement in judgements}}
            return frame.with_columns(**flags)
        return frame

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        return frame.drop(self._rule.flags(), strict=False) if self.action == "flag" else frame

    def losses(self, parameters: Parameters) -> Sequence[str]:
        lost = {
            "clip": "clipped values stay at the bound",
            "null": "erased outliers stay null",
            "drop": "dropped rows stay out",
            "quarantine": "quarantined rows stay out",
        }
        return [f"{self.told_as}: {lost[self.action]} ({c!r})" for c in self.columns if self.action in lost]

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        judgements = self._rule.judgements(parameters)
        if self.filters or not judgements:
            return {}
        return {self.method: [judgement.is_outlier for judgement in judgements]}

    @property
    def _rule(self) -> Rule:
        clips = self.action == "clip"
        if self.method in DEFAULT_THRESHOLD:
            threshold = DEFAULT_THRESHOLD[self.method] if self.threshold is None else self.threshold
            if self.method == "norm":
                return Norm(self.columns, clips, threshold)
            return ColumnBounds(self.columns, clips, self.method, threshold, self.by, self.rank_error)
        flag = "is_outlier" if self.name is None else f"{self.name}_is_outlier"
        if self.method == "mahalanobis":
            return Mahalanobis(self.columns, clips, self.told_as, flag, self.threshold, self.ridge)
        return KMeans(
            self.columns, clips, self.told_as, flag, self.clusters, self.quantile, self.sample_size, self.seed
        )
