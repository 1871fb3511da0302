"""Draw how each image is augmented, and write the draws as numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import narwhals as nw
from pydantic import Field, PositiveInt, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import number
from genspark.columns.hashing import Draw
from genspark.errors import SchemaError, did_you_mean
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.checked import Checked
from genspark.steps.learner import Parameters

JITTER = ("brightness", "contrast", "saturation", "hue")


@dataclass(config=STEP_CONFIG)
class RandomCrop(metaclass=Checked):
    """A crop of fixed size at a random place of the image padded on every side."""

    size: tuple[int, int] = Field(description="Height and width of the crop, in pixels.")
    padding: int = Field(default=0, ge=0, description="Pixels of padding on each side.")

    @model_validator(mode="after")
    def _size_is_positive(self) -> Self:
        if min(self.size) < 1:
            raise ValueError(f"size: height and width must be at least 1 pixel; got {list(self.size)}")
        return self


@dataclass(config=STEP_CONFIG)
class ColorJitter(metaclass=Checked):
    """The ranges of brightness, contrast, saturation and hue, as in torchvision's ColorJitter."""

    brightness: float = Field(default=0.0, ge=0, description="Factor in [max(0, 1 - b), 1 + b].")
    contrast: float = Field(default=0.0, ge=0, description="Factor in [max(0, 1 - c), 1 + c].")
    saturation: float = Field(default=0.0, ge=0, description="Factor in [max(0, 1 - s), 1 + s].")
    hue: float = Field(default=0.0, ge=0, le=0.5, description="Shift in [-h, h], in turns of the colour wheel.")


@dataclass(config=STEP_CONFIG)
class Augment(Step):
    """Add, for each row and each view, what a reader needs to augment its image the same way twice.

    Columns of view v, each there only where it is asked for: `view_v_crop_top`, `_crop_left` (Int32
    pixels from the unpadded image's corner, so negative inside the padding), `_crop_height`,
    `_crop_width` (Int32), `_flip_horizontal`, `_flip_vertical` (Int32, 0 or 1), `_brightness`,
    `_contrast`, `_saturation` (Float64 factors) and `_hue` (Float64 shift in turns). The pixels are
    left alone. Each number depends on hash(seed, row key, view) and nothing else.

    An image that is smaller than the crop even with its padding has the crop centred on it. Where
    height or width is null so is the crop. The step's specification is kept as JSON in the table's
    property `genspark.augment`. Source of the ranges: torchvision RandomCrop and ColorJitter.
    """

    image: str = Field(description="The column of images.")
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

    kind: ClassVar[str] = "augment"

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not any((self.random_crop, self.horizontal_flip, self.vertical_flip, any(self._ranges()))):
            raise ValueError("nothing to do: give random_crop, horizontal_flip, vertical_flip or color_jitter")
        return self

    def bind(self, schema: Schema) -> Self:
        wanted = {"image": self.image}
        if self.random_crop:
            wanted.update(height=self.height, width=self.width)  # type: ignore[arg-type]
        problems = [
            f"{place}: {column!r} is not a column{did_you_mean(column, schema)}"
            for place, column in wanted.items()
            if isinstance(column, str) and column not in schema
        ]
        problems += [f"{name!r} is already a column" for name in self.writes() if name in schema]
        if problems:
            raise SchemaError(problems)
        return self

    def reads(self) -> frozenset[str]:
        sizes = (self.height, self.width) if self.random_crop else ()
        return frozenset(size for size in sizes if isinstance(size, str))

    def writes(self) -> frozenset[str]:
        return frozenset(self._columns())

    def made_from(self, column: str) -> frozenset[str]:
        if column not in self.writes():
            return frozenset([column])
        return self.reads() if "_crop_" in column else frozenset()

    def output_schema(self, schema: Schema) -> Schema:
        factors = tuple(JITTER)
        added = {c: nw.Float64() if c.endswith(factors) else nw.Int32() for c in self._columns()}
        return {**schema, **added}

    def draws(self) -> Sequence[Draw]:
        streams = [what for what in ("crop_top", "crop_left") if self.random_crop]
        streams += ["flip_horizontal"] if self.horizontal_flip else []
        streams += ["flip_vertical"] if self.vertical_flip else []
        streams += [name for name, _ in self._ranges()]
        return [self._draw(view, what) for view in range(self.views) for what in streams]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        return frame.with_columns(*(expr.alias(name) for name, expr in self._columns().items()))

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        return frame.drop(list(self._columns()), strict=False)

    def table_properties(self) -> Mapping[str, str]:
        specification = TypeAdapter(Augment).dump_python(self, exclude_none=True)
        return {"genspark.augment": json.dumps(specification, sort_keys=True)}

    def _columns(self) -> dict[str, nw.Expr]:
        return {f"view_{v}_{what}": expr for v in range(self.views) for what, expr in self._view(v)}

    def _view(self, view: int) -> Iterator[tuple[str, nw.Expr]]:
        if self.random_crop:
            (tall, wide), padding = self.random_crop.size, self.random_crop.padding
            height, width = _pixels(self.height), _pixels(self.width)
            known = ~(height.is_null() | width.is_null())
            top = _place(self._uniform(view, "crop_top"), height, tall, padding)
            left = _place(self._uniform(view, "crop_left"), width, wide, padding)
            for what, pixels in (("top", top), ("left", left), ("height", nw.lit(tall)), ("width", nw.lit(wide))):
                # Cast where it is known, then erase: pandas casts no null to an integer.
                whole = nw.when(known).then(pixels).otherwise(nw.lit(0)).cast(nw.Int32)
                yield f"crop_{what}", nw.when(known).then(whole)
        if self.horizontal_flip:
            yield "flip_horizontal", (self._uniform(view, "flip_horizontal") < self.horizontal_flip).cast(nw.Int32)
        if self.vertical_flip:
            yield "flip_vertical", (self._uniform(view, "flip_vertical") < self.vertical_flip).cast(nw.Int32)
        for what, (low, high) in self._ranges():
            yield what, self._uniform(view, what) * (high - low) + low

    def _ranges(self) -> list[tuple[str, tuple[float, float]]]:
        reach = {name: getattr(self.color_jitter, name) for name in JITTER} if self.color_jitter else {}
        around = {name: (-r, r) if name == "hue" else (max(0.0, 1 - r), 1 + r) for name, r in reach.items()}
        return [(name, around[name]) for name, r in reach.items() if r]

    def _draw(self, view: int, what: str) -> Draw:
        return Draw(self.seed, f"view_{view}_{what}")

    def _uniform(self, view: int, what: str) -> nw.Expr:
        return nw.col(self._draw(view, what).column)


def _pixels(size: str | int) -> nw.Expr:
    return number(size) if isinstance(size, str) else nw.lit(float(size))


def _place(u: nw.Expr, length: nw.Expr, crop: int, padding: int) -> nw.Expr:
    """The start of a crop along one side: uniform over its places, or centred where there is no choice."""
    places = length + (2 * padding - crop + 1)
    centred = ((length - crop) / 2).floor()
    return nw.when(places >= 1).then((u * places).floor() - padding).otherwise(centred)
