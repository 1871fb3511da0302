"""What is drawn for images: a crop and colours."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.steps.base import STEP_CONFIG
from genspark.steps.checked import Checked

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
