"""Fill what is missing: with one value, with the value of a group, or with what the other columns tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import narwhals as nw
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema, is_number, is_plain
from genspark.columns.kernels import Kernel
from genspark.columns.vectors import is_vector
from genspark.errors import SchemaError
from genspark.statistics.groups import check_by
from genspark.statistics.quantiles import DEFAULT_RANK_ERROR
from genspark.steps.base import STEP_CONFIG, ColumnStep, check_fields
from genspark.steps.impute.filling import Filling
from genspark.steps.impute.model import Regression
from genspark.steps.impute.nearest import Nearest, check_installed
from genspark.steps.impute.values import OneValue, ValueOfGroup
from genspark.steps.impute.vectors import OfVectors
from genspark.steps.learner import Parameters
from genspark.steps.matching import By, match, refuse_taken

OF_NUMBERS = ("mean", "median", "model", "nearest")
OF_ROWS = ("model", "nearest")
STRATEGIES_OF = {
    "elements": ("mean", "constant"),
    "by": ("mean", "median", "mode"),
    "iterations": ("model",),
    "ridge": ("model",),
    "holdout": ("model",),
    "neighbors": ("nearest",),
    "sample_size": ("nearest",),
    "seed": OF_ROWS,
}
"""The strategies that each field is for."""


@dataclass(config=STEP_CONFIG)
class Impute(ColumnStep):
    """Replace the missing values (null or NaN) of each column.

    mean and median take numeric columns, which become Float64; mode takes numbers, strings and
    booleans, and of values that tie the smallest; constant takes what its value fits. With `by` the mean, median
    or mode is that of the row's group, null being a group too; a group that was not seen, or has no value in
    the column, gets that of all rows.

    model and nearest look at all of `columns` together, numbers that become Float64. model predicts what is
    missing from the row's other columns, by ridge regressions: those of one normal distribution, learnt by
    expectation-maximization in `iterations` scans. `ridge` is added to the variance of each standardised column,
    so that columns that are constant, or follow from others, do no harm. A share `holdout` of each column's cells,
    at most one cell of a row, drawn by the row's key, is hidden from learning, and one more scan measures on them
    the root mean squared errors of the model and of the column's mean: `rmse`, `rmse_of_mean`, `cells`. nearest takes
    the mean of the `neighbors` nearest rows that have the column, out of `sample_size` rows drawn by their key, by
    Euclidean distance over the standardised columns that both rows have: scikit-learn's KNNImputer. In
    both a row with no value at all gets the means.

    With `elements` the columns are vectors: arrays of one length, or image bytes, which become lists of floats.
    A missing element becomes the mean of its place, or of all elements, or the constant; a null vector
    becomes a vector of these. Raises DataError, with an example, where vectors differ in length.

    A column with no value at all has nothing to learn from and keeps its nulls. Infinities are values, not missing,
    and enter no mean, median, mode, regression or distance. With `indicator` a Boolean `<column>_is_missing` tells
    what was filled. Sources: A. Dempster, N. Laird, D. Rubin, 1977; O. Troyanskaya et al., "Missing value
    estimation methods for DNA microarrays", 2001.
    """

    strategy: Literal["mean", "median", "mode", "constant", "model", "nearest"] = Field(
        default="mean", description="What to fill with."
    )
    value: bool | int | float | str | None = Field(
        default=None, description="The constant, for strategy 'constant' alone.", examples=[0]
    )
    indicator: bool = Field(default=False, description="Add `<column>_is_missing`.")
    rank_error: float = Field(
        default=DEFAULT_RANK_ERROR,
        ge=0,
        lt=0.5,
        description="How far, as a share of the rows, the median may lie from the middle; 0 is exact.",
    )
    by: By = Field(default=(), description="mean, median, mode: within each group, told by these columns.")
    iterations: int = Field(
        default=4,
        ge=1,
        description="model: how often the regressions are learnt, a scan each; more for columns nearly collinear.",
    )
    ridge: float = Field(default=1e-3, gt=0, description="model: what is added to each variance, as a share of it.")
    holdout: float = Field(
        default=0.05,
        ge=0,
        lt=1,
        description="model: the share of each column's cells that its error is measured on, at most 1 / columns.",
    )
    elements: Literal["each", "all"] | None = Field(
        default=None, description="For columns of vectors: the mean of each place in them, or of all elements."
    )
    neighbors: int = Field(default=5, ge=1, description="nearest: how many rows a value is the mean of.")
    sample_size: int = Field(default=2000, ge=1, description="nearest: how many rows are kept to be near to.")
    seed: int = Field(default=0, description="model, nearest: another number hides other cells, keeps other rows.")

    kind: ClassVar[str] = "impute"

    @model_validator(mode="after")
    def _constant_has_a_value(self) -> Self:
        if (self.strategy == "constant") != (self.value is not None):
            is_needed = self.value is None
            problem = "is needed for strategy 'constant'" if is_needed else "goes with strategy 'constant' alone"
            raise ValueError(f"value: {problem}; strategy is {self.strategy!r}")
        return self

    @model_validator(mode="after")
    def _fields_go_with_the_strategy(self) -> Self:
        check_fields(self, "strategy", STRATEGIES_OF)
        if self.elements and self.by:
            raise ValueError("elements: vectors are not filled within groups; leave out `by`")
        if self.by and self.strategy == "median" and not self.rank_error:
            raise ValueError(
                f"rank_error: exact medians of groups do not merge, so it must be above 0, such as {DEFAULT_RANK_ERROR}"
            )
        return self

    def bind(self, schema: Schema) -> Self:
        columns = match(self.columns, schema, *self._wanted())
        check_by(self.by, schema)
        problems = [
            f"value: {self.value!r} does not fit column {c!r}, which is {schema[c]}"
            for c in columns
            if self.value is not None and not _fits(self.value, nw.Float64() if self.elements else schema[c])
        ]
        problems += [f"by: {c!r} is also filled; name the columns without it" for c in self.by if c in columns]
        if self.strategy in OF_ROWS and len(columns) < 2:
            problems.append(
                f"columns: strategy {self.strategy!r} fills a column from the others, and {columns[0]!r} is alone; "
                "name more, or take another strategy"
            )
        if problems:
            raise SchemaError(problems)
        if self.strategy == "nearest":
            check_installed()
        bound = replace(self, columns=columns)
        refuse_taken(bound._filling.indicators, schema)
        return bound

    def reads(self) -> frozenset[str]:
        return frozenset((*self.columns, *self.by))

    def writes(self) -> frozenset[str]:
        return frozenset((*self.columns, *self._filling.indicators))

    def made_from(self, column: str) -> frozenset[str]:
        if column in self.columns:
            others = self.columns if self.strategy in OF_ROWS else self.by
            return frozenset((column, *others))
        told = dict(zip(self._filling.indicators, self.columns, strict=False))
        return frozenset([told.get(column, column)])

    def output_schema(self, schema: Schema) -> Schema:
        filled = {c: self._filling.filled_type(schema[c]) for c in self.columns}
        return {**schema, **filled, **dict.fromkeys(self._filling.indicators, nw.Boolean())}

    def learner(self) -> Filling:
        return self._filling

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        return self._filling.kernels(parameters)

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        filling, to_float = self._filling, frozenset(parameters["to_float"])
        given = {c: nw.col(c).cast(nw.Float64) if c in to_float else nw.col(c) for c in self.columns}
        types = {**frame.collect_schema(), **dict.fromkeys(to_float, nw.Float64())}
        filled = filling.filled(given, types, parameters)
        if not self.indicator:
            return frame.with_columns(*filled)
        names = zip(self.columns, filling.indicators, strict=True)
        return frame.with_columns(*filled, *(filling.is_missing(c).alias(name) for c, name in names))

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        return frame.drop(self._filling.indicators, strict=False) if self.indicator else frame

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.told_as}: imputed values of {c!r} stay; which were missing is not undone" for c in self.columns]

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        learnt = self._filling.learnt(parameters)
        return {"filled": [self._filling.is_missing(column) for column in learnt]} if learnt else {}

    @property
    def _filling(self) -> Filling:
        filled = (self.columns, self.indicator)
        if self.strategy == "model":
            return Regression(*filled, self.iterations, self.ridge, self.holdout, self.seed)
        if self.elements:
            value = None if self.value is None else float(self.value)
            return OfVectors(*filled, "mean" if value is None else "constant", value, self.elements)
        if self.strategy == "nearest":
            return Nearest(*filled, self.neighbors, self.sample_size, self.seed)
        if self.by:
            return ValueOfGroup(*filled, self.strategy, self.value, self.rank_error, self.by)
        return OneValue(*filled, self.strategy, self.value, self.rank_error)

    def _wanted(self) -> tuple[Callable[[Any], bool], str]:
        """The check of the dtypes that the strategy takes, and their name in messages."""
        if self.elements:
            return is_vector, "arrays of numbers, or images"
        return (is_number, "numbers") if self.strategy in OF_NUMBERS else (is_plain, "numbers, strings or booleans")


def _fits(value: Any, dtype: Any) -> bool:
    if isinstance(value, str):
        return isinstance(dtype, nw.String)
    return isinstance(dtype, nw.Boolean) if isinstance(value, bool) else is_number(dtype)
