"""What is drawn for other data than images: noise, partners to mix with, masks of tokens, and crops in time.

A view's draws become columns of numbers; what a reader does by them is told in each class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Any, Self

import narwhals as nw
import numpy as np
import pyarrow as pa
from pydantic import Field, PositiveInt, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.chances import starts, symmetric_beta
from genspark.columns.dtypes import Schema
from genspark.columns.kernels import Kernel, numbers
from genspark.errors import SchemaError, did_you_mean
from genspark.steps.base import STEP_CONFIG
from genspark.steps.checked import Checked
from genspark.steps.matching import Columns, match

Number = tuple[str, nw.Expr, Any]
"""What a column of a view is called after `view_v_`, its values, and its dtype."""
Uniform = Callable[[str], str]
"""The name of the hidden column that has a draw of the view."""
SEEDS = 2.0**53
"""A seed is a whole number below this: the bits of a draw."""


@dataclass(config=STEP_CONFIG)
class OfValues(ABC, metaclass=Checked):
    """What a view draws for each row, beside the pixels of its image."""

    @abstractmethod
    def bind(self, schema: Schema) -> Self:
        """With its columns named. Raises SchemaError."""

    @abstractmethod
    def streams(self) -> Sequence[str]:
        """The uniform numbers that it needs of each view."""

    @abstractmethod
    def numbers(self, draw: Uniform, hidden: str) -> Iterator[Number]:
        """The columns of a view; `hidden` has what `kernel` gave."""

    def reads(self) -> frozenset[str]:
        """The columns that the numbers depend on."""
        return frozenset()

    def kernel(self, draw: Uniform, hidden: str) -> Kernel | None:
        """The kernel of a hidden column."""
        return None


@dataclass(config=STEP_CONFIG)
class GaussianNoise(OfValues):
    """Noise to add to each number of some columns, of a deviation that is drawn for each row."""

    columns: Columns
    scale: float = Field(gt=0, description="The standard deviation of the noise.")
    least: float | None = Field(
        default=None, ge=0, description="If given, each row's deviation is drawn between this and `scale`."
    )

    @model_validator(mode="after")
    def _range_ascends(self) -> Self:
        if self.least is not None and self.least > self.scale:
            raise ValueError(f"least: must be at most scale, {self.scale:g}; got {self.least:g}")
        return self

    def bind(self, schema: Schema) -> Self:
        return replace(self, columns=_matched("gaussian_noise", self.columns, schema))

    def streams(self) -> Sequence[str]:
        return ("noise_seed",) if self.least is None else ("noise_seed", "noise_scale")

    def numbers(self, draw: Uniform, hidden: str) -> Iterator[Number]:
        yield "noise_seed", (nw.col(draw("noise_seed")) * SEEDS).cast(nw.Int64), nw.Int64()
        scale = nw.lit(self.scale)
        if self.least is not None:
            scale = nw.col(draw("noise_scale")) * (self.scale - self.least) + self.least
        yield "noise_scale", scale, nw.Float64()


@dataclass(config=STEP_CONFIG)
class Mixup(OfValues):
    """Lambda, by which a row is mixed with a partner of its row group, as lambda x + (1 - lambda) x of the partner.

    `partner` is in [0, 1): the place of the partner among the other rows of the group, as a share of their number.
    """

    columns: tuple[str, ...] = Field(min_length=1, description="Floats, arrays of them, or the image: what is mixed.")
    labels: tuple[str, ...] = Field(default=(), description="Columns whose value of the partner is put beside them.")
    alpha: float = Field(default=0.2, gt=0, description="Lambda is drawn from Beta(alpha, alpha).")

    def bind(self, schema: Schema) -> Self:
        columns = [c for c in self.columns if schema.get(c) != nw.Binary()]
        if columns:
            _matched("mixup", columns, schema)
        problems = [
            f"mixup: {name!r} is not a column{did_you_mean(name, schema)}"
            for name in (*self.columns, *self.labels)
            if name not in schema
        ]
        if problems:
            raise SchemaError(problems)
        return self

    def streams(self) -> Sequence[str]:
        return "mixup_partner", "mixup_lambda_u", "mixup_lambda_v"

    def numbers(self, draw: Uniform, hidden: str) -> Iterator[Number]:
        yield "mixup_partner", nw.col(draw("mixup_partner")), nw.Float64()
        yield "mixup_lambda", nw.col(hidden), nw.Float64()

    def kernel(self, draw: Uniform, hidden: str) -> Kernel:
        drawn = draw("mixup_lambda_u"), draw("mixup_lambda_v")
        return Kernel(drawn, {hidden: pa.float64()}, _Lambda(self.alpha))


@dataclass(config=STEP_CONFIG)
class TokenMasking(OfValues):
    """The tokens of a row to hide, each with a probability: a reader puts `mask_id` there."""

    column: str = Field(description="The column of arrays of token ids.")
    mask_id: int = Field(description="The id that stands for a hidden token.")
    rate: float = Field(default=0.15, ge=0, le=1, description="The probability that a token is hidden.")
    keep: tuple[int, ...] = Field(default=(), description="Ids that are never hidden, such as padding.")

    def bind(self, schema: Schema) -> Self:
        dtype = schema.get(self.column)
        if not (isinstance(dtype, nw.List | nw.Array) and _inner(dtype).is_integer()):
            told = f"is {dtype}" if dtype is not None else f"is not a column{did_you_mean(self.column, schema)}"
            raise SchemaError(f"token_masking: {self.column!r} {told}, and arrays of whole numbers are needed")
        return self

    def streams(self) -> Sequence[str]:
        return ("mask_seed",)

    def numbers(self, draw: Uniform, hidden: str) -> Iterator[Number]:
        yield "mask_seed", (nw.col(draw("mask_seed")) * SEEDS).cast(nw.Int64), nw.Int64()
        yield "mask_rate", nw.lit(self.rate), nw.Float64()


@dataclass(config=STEP_CONFIG)
class TimeCrop(OfValues):
    """A stretch of fixed size at a random place of a series; columns of one length are cut at the same place."""

    columns: tuple[str, ...] = Field(min_length=1, description="Columns of arrays; the first one's length decides.")
    size: PositiveInt = Field(description="The elements of the stretch.")

    def bind(self, schema: Schema) -> Self:
        wrong = [c for c in self.columns if not isinstance(schema.get(c), nw.List | nw.Array)]
        if wrong:
            told = f"is {schema[wrong[0]]}" if wrong[0] in schema else f"is no column{did_you_mean(wrong[0], schema)}"
            raise SchemaError(f"time_crop: {wrong[0]!r} {told}, and arrays are needed")
        return self

    def reads(self) -> frozenset[str]:
        return frozenset(self.columns[:1])

    def streams(self) -> Sequence[str]:
        return ("time_crop_start",)

    def numbers(self, draw: Uniform, hidden: str) -> Iterator[Number]:
        yield "time_crop_start", nw.col(hidden), nw.Int32()
        yield "time_crop_size", nw.lit(self.size).cast(nw.Int32), nw.Int32()

    def kernel(self, draw: Uniform, hidden: str) -> Kernel:
        return Kernel((self.columns[0], draw("time_crop_start")), {hidden: pa.int32()}, _Start(self.size))


@plain_dataclass(frozen=True)
class _Lambda:
    alpha: float

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        return [pa.array(symmetric_beta(self.alpha, numbers(arrays[0]), numbers(arrays[1])))]


@plain_dataclass(frozen=True)
class _Start:
    """Null where the series is."""

    size: int

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        import pyarrow.compute as pc

        lengths = numbers(pc.list_value_length(arrays[0]))
        found = starts(numbers(arrays[1]), lengths, self.size)
        return [pa.array(np.nan_to_num(found).astype(np.int32), mask=np.isnan(lengths))]


def _matched(what: str, patterns: Sequence[str], schema: Schema) -> tuple[str, ...]:
    try:
        return match(patterns, schema, _has_floats, "floats, or arrays of them")
    except SchemaError as error:
        raise SchemaError([f"{what}.{problem}" for problem in error.problems]) from None


def _has_floats(dtype: Any) -> bool:
    return bool((_inner(dtype) if isinstance(dtype, nw.List | nw.Array) else dtype).is_float())


def _inner(dtype: Any) -> Any:
    inner = dtype.inner
    inner = inner() if isinstance(inner, type) else inner
    return _inner(inner) if isinstance(inner, nw.List | nw.Array) else inner
