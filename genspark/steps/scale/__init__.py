"""Bring columns to a common scale."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import narwhals as nw
import pyarrow as pa
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema, is_number
from genspark.columns.expressions import HIDDEN, changed, number, present
from genspark.columns.kernels import Kernel
from genspark.columns.vectors import element_type, is_array, is_vector
from genspark.statistics.quantiles import DEFAULT_RANK_ERROR
from genspark.steps.base import STEP_CONFIG, ColumnStep, check_fields
from genspark.steps.learner import Learner, Parameters
from genspark.steps.matching import match
from genspark.steps.scale.maps import Maps
from genspark.steps.scale.ranks import Curve, Ranks, References, Values, normal_distribution
from genspark.steps.scale.vectors import Mapped, VectorMaps

OF_VECTORS = ("standard", "minmax", "maxabs")


@dataclass(config=STEP_CONFIG)
class Scale(ColumnStep):
    """Replace x by (x - center) / scale + offset, or by its rank; the columns become Float64.

    standard: center is the mean, scale the population standard deviation. minmax: the smallest value
    goes to the lower end of `range`, the largest to the upper. robust: center is the median, scale
    the interquartile range, so that outliers decide nothing. maxabs: scale is the largest absolute
    value, and 0 stays 0. A constant column goes to 0 (standard, robust), to the lower end (minmax) or
    to its sign (maxabs), and where the scale would be 0 it is 1; an all-null column stays null. All as
    in scikit-learn's StandardScaler, MinMaxScaler, RobustScaler and MaxAbsScaler. Infinities stay.

    quantile: the share of values that lie below x, by linear interpolation between `quantiles`
    references (a sketch of fewer values has one reference a value); with output normal, the point of
    the standard normal distribution below which that share lies. What lies beyond the values seen,
    infinities among it, goes to the ends: 0 and 1, or +-5.2. A constant column goes to the lower end;
    where there was no value at all, any value becomes null. As in scikit-learn's QuantileTransformer.

    With `elements` the columns are vectors: arrays of one length, or image bytes, which become lists of
    floats. each: every place in the vector has a center and a scale of its own; all: one for the whole
    vector. For standard, minmax and maxabs. Raises DataError, with an example, where vectors differ in length.

    With `defer` the columns stay as they are: center and scale become part of the model and of the table's
    property `genspark.scale.NAME`, by the step's name, and training readers scale what they read, to the same
    numbers but for rounding. So the inverse leaves the columns alone, too; `TrainingTable.unscaled` brings
    scaled values back. No later step may write the columns. Not for quantile, nor for image bytes.

    NaN becomes null. Inverse: exact up to rounding; of quantile, exact as far as the references tell.
    Raises GensparkError where output normal lacks SciPy, which the extra 'models' installs.
    """

    method: Literal["standard", "minmax", "robust", "maxabs", "quantile"] = Field(
        default="standard", description="How center and scale are learnt, or ranks."
    )
    range: tuple[float, float] = Field(default=(0.0, 1.0), description="The ends that minmax maps to.")
    output: Literal["uniform", "normal"] = Field(default="uniform", description="The distribution quantile maps to.")
    quantiles: int = Field(default=1000, ge=2, description="The references that quantile interpolates between.")
    rank_error: float = Field(
        default=DEFAULT_RANK_ERROR,
        ge=0,
        lt=0.25,
        description="How far, as a share of the rows, a quantile of robust or quantile may lie from its place; "
        "0 is exact.",
    )

    elements: Literal["each", "all"] | None = Field(
        default=None, description="For columns of vectors: a scale for each place in them, or one for all."
    )

    defer: bool = Field(default=False, description="Leave the scaling to the table's readers.")

    kind: ClassVar[str] = "scale"

    @model_validator(mode="after")
    def _method_knows_vectors(self) -> Self:
        check_fields(self, "method", {"elements": OF_VECTORS})
        return self

    @model_validator(mode="after")
    def _method_can_be_deferred(self) -> Self:
        if self.defer and self._is_ranked:
            raise ValueError("defer: is for methods with a center and a scale; method is 'quantile'")
        return self

    @model_validator(mode="after")
    def _range_ascends(self) -> Self:
        lower, upper = self.range
        if not lower < upper:
            raise ValueError(f"range: the lower end must be below the upper; got [{lower}, {upper}]")
        return self

    def bind(self, schema: Schema) -> Self:
        if self._is_ranked and self.output == "normal":
            normal_distribution()
        vectors = (is_array, "arrays of numbers") if self.defer else (is_vector, "arrays of numbers, or images")
        wanted = vectors if self.elements else (is_number, "numbers")
        return replace(self, columns=match(self.columns, schema, *wanted))

    def writes(self) -> frozenset[str]:
        return frozenset() if self.defer else super().writes()

    def deferred(self) -> frozenset[str]:
        return frozenset(self.columns) if self.defer else frozenset()

    def output_schema(self, schema: Schema) -> Schema:
        if self.defer:
            return schema
        if self.elements:
            return {**schema, **{c: nw.List(element_type(schema[c])) for c in self.columns}}
        return super().output_schema(schema)

    def learner(self) -> Learner:
        if self.method == "quantile":
            return References(self.columns, self.quantiles, self.rank_error)
        if self.elements:
            return VectorMaps(self.columns, self.method, self.range, self.elements)
        return Maps(self.columns, self.method, self.range, self.rank_error)

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        if self.defer:
            return ()
        if self.elements:
            return [self._vector_kernel(column, parameters) for column in self.columns]
        return self._rank_kernels(parameters, self.columns, Ranks)

    def inverse_kernels(self, parameters: Parameters, columns: frozenset[str]) -> Sequence[Kernel]:
        here = [column for column in self.columns if column in columns and not self.defer]
        if self.elements:
            return [self._vector_kernel(column, parameters, inverse=True) for column in here]
        return self._rank_kernels(parameters, here, Values)

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        if self.defer:
            return frame
        if self._is_ranked or self.elements:
            return frame.with_columns(*(nw.col(self._hidden(column)).alias(column) for column in self.columns))
        maps = parameters["maps"]
        return frame.with_columns(*(_forward(column, *maps[column]) for column in self.columns))

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        if self.defer:
            return frame
        here = present(frame, self.columns)
        if self._is_ranked or self.elements:
            return changed(frame, (nw.col(self._hidden(column)).alias(column) for column in here))
        maps = parameters["maps"]
        return changed(frame, (_backward(column, *maps[column]) for column in here))

    def losses(self, parameters: Parameters) -> Sequence[str]:
        if not self._is_ranked:
            return []
        loss = "values of {!r} come back as the references have them, and those beyond the ends as the ends"
        return [f"{self.told_as}: {loss.format(column)}" for column in self.columns]

    def table_properties(self, parameters: Parameters) -> Mapping[str, str]:
        """Of deferred columns: maps (one, or one for each place), and of vectors their length and elements' type."""
        if not self.defer:
            return {}
        maps = parameters["maps"]
        told = {
            column: {"maps": maps[column], "size": parameters["sizes"][column], "type": parameters["types"][column]}
            if self.elements
            else {"maps": [maps[column]]}
            for column in self.columns
        }
        return {f"genspark.scale.{self.told_as}": json.dumps(told, sort_keys=True)}

    @property
    def _is_ranked(self) -> bool:
        return self.method == "quantile"

    def _hidden(self, column: str) -> str:
        return f"{HIDDEN}{self.told_as}_{column}"

    def _vector_kernel(self, column: str, parameters: Parameters, *, inverse: bool = False) -> Kernel:
        maps = tuple(tuple(one) for one in parameters["maps"][column]) or ((0.0, 1.0, 0.0),)
        element = pa.type_for_alias(parameters["types"][column])
        function = Mapped(column, parameters["sizes"][column], maps, element, inverse)
        return Kernel((column,), {self._hidden(column): pa.list_(element)}, function)

    def _rank_kernels(self, parameters: Parameters, columns: Sequence[str], function: type[Curve]) -> list[Kernel]:
        if not self._is_ranked:
            return []
        references = parameters["references"]
        return [
            Kernel(
                (column,),
                {self._hidden(column): pa.float64()},
                function(tuple(references[column]), self.output),
            )
            for column in columns
        ]


def _forward(column: str, center: float, scale: float, offset: float) -> nw.Expr:
    # Subtracting first keeps the digits of a column with a large offset.
    return ((number(column) - center) / scale + offset).alias(column)


def _backward(column: str, center: float, scale: float, offset: float) -> nw.Expr:
    return ((number(column) - offset) * scale + center).alias(column)
