"""Draw how each row is augmented, and write the draws as numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import narwhals as nw
from pydantic import Field, PositiveInt, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import HIDDEN, number
from genspark.columns.hashing import Draw
from genspark.columns.kernels import Kernel
from genspark.errors import SchemaError, did_you_mean
from genspark.steps.augment.images import JITTER, ColorJitter, RandomCrop
from genspark.steps.augment.values import GaussianNoise, Mixup, Number, OfValues, TimeCrop, TokenMasking, Uniform
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.learner import Parameters

OF_VALUES = ("time_crop", "gaussian_noise", "token_masking", "mixup")
"""What is done to other data than images, in this order."""


@dataclass(config=STEP_CONFIG)
class Augment(Step):
    """Add, for each row and each view, what a reader needs to augment it the same way twice.

    Columns of view v, each there only where it is asked for: `view_v_crop_top`, `_crop_left` (Int32
    pixels from the unpadded image's corner, so negative inside the padding), `_crop_height`,
    `_crop_width` (Int32), `_flip_horizontal`, `_flip_vertical` (Int32, 0 or 1), `_brightness`,
    `_contrast`, `_saturation` (Float64 factors) and `_hue` (Float64 shift in turns). Of other data:
    `_time_crop_start`, `_time_crop_size` (Int32 elements), `_noise_seed` (Int64), `_noise_scale`
    (Float64 deviation), `_mask_seed` (Int64), `_mask_rate` (Float64), `_mixup_partner` (Float64 in
    [0, 1), a place among the other rows of the row group) and `_mixup_lambda` (Float64). Pixels and values
    are left alone. Each number depends on hash(seed, row key, view) and nothing else, but for sizes.

    An image that is smaller than the crop even with its padding has the crop centred on it, and so has a
    series that is shorter than its stretch. Where height, width or series is null so is the crop. The
    step's specification is kept as JSON in the table's property `genspark.augment`. Source of the ranges:
    torchvision RandomCrop and ColorJitter; of mixup: Zhang et al., "mixup: Beyond Empirical Risk Minimization".
    """

    image: str | None = Field(default=None, description="The column of images; needed for what is done to pixels.")
    views: int = Field(default=1, ge=1, description="Augmented views of each image.")
    seed: int = Field(default=0, description="Another seed, other views.")
    random_crop: RandomCrop | None = Field(default=None, description="Crop at a random place.")
    horizontal_flip: float = Field(
        default=0.0, ge=0, le=1, description="Probability of a left-right flip.", examples=[0.5]
    )
    vertical_flip: float = Field(default=0.0, ge=0, le=1, description="Probability of a top-bottom flip.")
    color_jitter: ColorJitter | None = Field(default=None, description="Change the colours.")
    height: str | PositiveInt = Field(default="height", description="The column of heights, or one height, in pixels.")
    width: str | PositiveInt = Field(default="width", description="The column of widths, or one width, in pixels.")
    time_crop: TimeCrop | None = Field(default=None, description="Cut a stretch of fixed size out of each series.")
    gaussian_noise: GaussianNoise | None = Field(default=None, description="Add noise to numbers.")
    token_masking: TokenMasking | None = Field(default=None, description="Hide tokens.")
    mixup: Mixup | None = Field(default=None, description="Mix each row with another one.")

    kind: ClassVar[str] = "augment"

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        of_pixels = (self.random_crop, self.horizontal_flip, self.vertical_flip, any(self._ranges()))
        if not any((*of_pixels, *self._of_values())):
            raise ValueError(
                "nothing to do: give random_crop, horizontal_flip, vertical_flip or color_jitter, "
                "or time_crop, gaussian_noise, token_masking or mixup"
            )
        if any(of_pixels) and self.image is None:
            raise ValueError("image: name the column of images, which the crop, flips and colours are for")
        return self

    def bind(self, schema: Schema) -> Self:
        wanted: dict[str, str | int | None] = {"image": self.image}
        if self.random_crop:
            wanted.update(height=self.height, width=self.width)
        problems = [
            f"{place}: {column!r} is not a column{did_you_mean(column, schema)}"
            for place, column in wanted.items()
            if isinstance(column, str) and column not in schema
        ]
        problems += [f"{name!r} is already a column" for name in self.writes() if name in schema]
        bound: dict[str, Any] = {}
        for name, part in self._of_values().items():
            try:
                bound[name] = part.bind(schema)
            except SchemaError as error:
                problems += error.problems
        if problems:
            raise SchemaError(problems)
        return replace(self, **bound)

    def reads(self) -> frozenset[str]:
        sizes = (self.height, self.width) if self.random_crop else ()
        of_values = (part.reads() for part in self._of_values().values())
        return frozenset(size for size in sizes if isinstance(size, str)).union(*of_values)

    def writes(self) -> frozenset[str]:
        return frozenset(self._columns())

    def made_from(self, column: str) -> frozenset[str]:
        if column not in self.writes():
            return frozenset([column])
        if "_time_crop_" in column:
            return self.time_crop.reads() if self.time_crop and column.endswith("start") else frozenset()
        sizes = (self.height, self.width) if "_crop_" in column else ()
        return frozenset(size for size in sizes if isinstance(size, str))

    def output_schema(self, schema: Schema) -> Schema:
        return {**schema, **{name: dtype for name, (_, dtype) in self._columns().items()}}

    def draws(self) -> Sequence[Draw]:
        streams = [what for what in ("crop_top", "crop_left") if self.random_crop]
        streams += ["flip_horizontal"] if self.horizontal_flip else []
        streams += ["flip_vertical"] if self.vertical_flip else []
        streams += [name for name, _ in self._ranges()]
        streams += [what for part in self._of_values().values() for what in part.streams()]
        return [self._draw(view, what) for view in range(self.views) for what in streams]

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        parts = [(view, what, part) for view in range(self.views) for what, part in self._of_values().items()]
        made = (part.kernel(self._drawn(view), self._hidden(view, what)) for view, what, part in parts)
        return [kernel for kernel in made if kernel]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        return frame.with_columns(*(expr.alias(name) for name, (expr, _) in self._columns().items()))

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        return frame.drop(list(self._columns()), strict=False)

    def table_properties(self, parameters: Parameters) -> Mapping[str, str]:
        specification = TypeAdapter(Augment).dump_python(self, exclude_none=True)
        return {"genspark.augment": json.dumps(specification, sort_keys=True)}

    def _of_values(self) -> dict[str, OfValues]:
        parts = {name: getattr(self, name) for name in OF_VALUES}
        return {name: part for name, part in parts.items() if part}

    def _columns(self) -> dict[str, tuple[nw.Expr, Any]]:
        return {f"view_{v}_{what}": (expr, dtype) for v in range(self.views) for what, expr, dtype in self._view(v)}

    def _view(self, view: int) -> Iterator[Number]:
        if self.random_crop:
            (tall, wide), padding = self.random_crop.size, self.random_crop.padding
            height, width = _pixels(self.height), _pixels(self.width)
            known = ~(height.is_null() | width.is_null())
            top = _place(self._uniform(view, "crop_top"), height, tall, padding)
            left = _place(self._uniform(view, "crop_left"), width, wide, padding)
            for what, pixels in (("top", top), ("left", left), ("height", nw.lit(tall)), ("width", nw.lit(wide))):
                # Cast where it is known, then erase: pandas casts no null to an integer.
                whole = nw.when(known).then(pixels).otherwise(nw.lit(0)).cast(nw.Int32)
                yield f"crop_{what}", nw.when(known).then(whole), nw.Int32()
        if self.horizontal_flip:
            is_flipped = self._uniform(view, "flip_horizontal") < self.horizontal_flip
            yield "flip_horizontal", is_flipped.cast(nw.Int32), nw.Int32()
        if self.vertical_flip:
            is_flipped = self._uniform(view, "flip_vertical") < self.vertical_flip
            yield "flip_vertical", is_flipped.cast(nw.Int32), nw.Int32()
        for what, (low, high) in self._ranges():
            yield what, self._uniform(view, what) * (high - low) + low, nw.Float64()
        for name, part in self._of_values().items():
            yield from part.numbers(self._drawn(view), self._hidden(view, name))

    def _ranges(self) -> list[tuple[str, tuple[float, float]]]:
        reach = {name: getattr(self.color_jitter, name) for name in JITTER} if self.color_jitter else {}
        around = {name: (-r, r) if name == "hue" else (max(0.0, 1 - r), 1 + r) for name, r in reach.items()}
        return [(name, around[name]) for name, r in reach.items() if r]

    def _draw(self, view: int, what: str) -> Draw:
        return Draw(self.seed, f"view_{view}_{what}")

    def _drawn(self, view: int) -> Uniform:
        return lambda what: self._draw(view, what).column

    def _hidden(self, view: int, what: str) -> str:
        return f"{HIDDEN}{self.told_as}_view_{view}_{what}"

    def _uniform(self, view: int, what: str) -> nw.Expr:
        return nw.col(self._draw(view, what).column)


def _pixels(size: str | int) -> nw.Expr:
    return number(size) if isinstance(size, str) else nw.lit(float(size))


def _place(u: nw.Expr, length: nw.Expr, crop: int, padding: int) -> nw.Expr:
    """The start of a crop along one side: uniform over its places, or centred where there is no choice."""
    places = length + (2 * padding - crop + 1)
    centred = ((length - crop) / 2).floor()
    return nw.when(places >= 1).then((u * places).floor() - padding).otherwise(centred)
