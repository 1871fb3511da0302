"""Draws docs/readers-views.png: a batch of handwritten digits as the table has it, and as four epochs show it.

    python docs/view_pictures.py

The digits, coloured and of 32 x 32 pixels, become a table by a job with the step augment; then that is read.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from genspark import JobConfig, TrainingTable, run
from genspark.terminal.demo import digits

HERE = Path(__file__).resolve().parent
COUNT, EPOCHS, ZOOM = 8, 4, 2
STEP = {
    "image": "image",
    "seed": 1,
    "random_crop": {"size": [28, 28], "padding": 4},
    "horizontal_flip": 0.5,
    "color_jitter": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.3},
}


def main() -> None:
    """Make the table in a folder that is deleted, and the picture beside this file."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_images(folder / "digits")
        run(job(folder))
        table = TrainingTable(str(folder / "table"), columns=["image"])
        options: dict[str, Any] = {"global_batch_size": COUNT, "shuffle": "sequential", "rank": 0, "world_size": 1}
        rows = [next(iter(table.reader(**options, images="image")))["image"]]
        rows += [next(iter(table.reader(**options, augment=True, epoch=epoch)))["image"] for epoch in range(EPOCHS)]
    image = Image.fromarray(np.concatenate([line(row) for row in rows]))
    image = image.resize((image.width * ZOOM, image.height * ZOOM), Image.Resampling.NEAREST)
    image.quantize(64).save(HERE / "readers-views.png", optimize=True)


def write_images(folder: Path) -> None:
    """Digits as PNG files, each in a colour of its own."""
    folder.mkdir()
    known = digits()
    colours = np.random.default_rng(5).integers(80, 256, (COUNT, 3))
    for number in range(COUNT):
        grey = Image.fromarray((known.images[number].reshape(8, 8) * 15.9).astype(np.uint8))
        large = np.asarray(grey.resize((32, 32), Image.Resampling.BICUBIC), float)[..., None] / 255
        pixels = (large * colours[number] + (1 - large) * (40, 40, 60)).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "png")
        (folder / f"{number}.png").write_bytes(stream.getvalue())


def job(folder: Path) -> JobConfig:
    """A job that describes the views of the images in a folder."""
    return JobConfig.model_validate(
        {
            "name": "views",
            "engine": "polars",
            "key": ["path"],
            "source": {"path": str(folder / "digits"), "format": "images"},
            "steps": [{"augment": STEP}],
            "sink": {"path": str(folder / "table")},
        }
    )


def line(images: np.ndarray) -> np.ndarray:
    """Images side by side, each on a ground of 34 x 34 pixels."""
    found = np.full((34, 34 * len(images), 3), 255, np.uint8)
    for number, image in enumerate(images):
        top, left = (34 - image.shape[0]) // 2, 34 * number + (34 - image.shape[1]) // 2
        found[top : top + image.shape[0], left : left + image.shape[1]] = image
    return found


if __name__ == "__main__":
    main()
