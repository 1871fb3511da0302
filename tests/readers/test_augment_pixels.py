from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from training_tables import write

from genspark.errors import ConfigError, DataError, SourceError
from genspark.readers import TrainingTable
from genspark.readers.augment.views import Augmentation, Views
from genspark.readers.augment.with_numpy import augmented, augmented_each, cropped, jittered

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: pip install 'genspark[images]'")

FULL = Augmentation(
    "image",
    seed=3,
    random_crop={"size": [28, 24], "padding": 4},
    horizontal_flip=0.5,
    vertical_flip=0.25,
    color_jitter={"brightness": 0.4, "contrast": 0.5, "saturation": 0.8, "hue": 0.3},
)


def pictures(count: int, height: int = 32, width: int = 32, seed: int = 0) -> np.ndarray:
    """Smooth colours, with some grey, black and white."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (count, 5, 5, 3))
    small[0], small[1], small[2] = 128, 0, 255
    grown = [Image.fromarray(one.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC) for one in small]
    return np.stack([np.asarray(one) for one in grown])


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def test_crops_and_flips_move_pixels():
    image = np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1) + 1
    views = Views(size=(2, 2), crop_top=np.array([-1]), crop_left=np.array([1]), flip_horizontal=np.array([True]))
    assert cropped(image, views)[0, :, :, 0].tolist() == [[0, 0], [3, 2]]
    views = Views(flip_vertical=np.array([True]))
    assert cropped(image, views)[0, :, :, 0].tolist() == [[4, 5, 6], [1, 2, 3]]


def test_an_image_smaller_than_the_crop_lies_in_its_middle():
    spec = Augmentation("image", random_crop={"size": [4, 4]})
    image = np.full((1, 2, 2, 1), 9, np.uint8)
    views = spec.views(np.array([1]), 0, np.array([2]), np.array([2]))
    assert cropped(image, views)[0, :, :, 0].tolist() == [[0, 0, 0, 0], [0, 9, 9, 0], [0, 9, 9, 0], [0, 0, 0, 0]]


def test_grey_images_have_neither_saturation_nor_hue():
    image = pictures(3)[..., :1]
    views = Views(saturation=np.full(3, 0.2), hue=np.full(3, 0.4))
    assert (jittered(image, views) == image).all()


def test_images_of_several_sizes_are_augmented_as_alone():
    images = [*pictures(3, 32, 30), *pictures(2 + 1, 40, 36, seed=1)]
    ids = np.arange(6)
    sizes = [np.array([image.shape[axis] for image in images]) for axis in (0, 1)]
    together = augmented_each(images, FULL.views(ids, 5, *sizes))
    for place, image in enumerate(images):
        alone = FULL.views(ids[place : place + 1], 5, *(size[place : place + 1] for size in sizes))
        assert (together[place] == augmented(image[None], alone)[0]).all()


def test_numpy_and_torch_show_the_same_pixels():
    torch = pytest.importorskip("torch")
    from genspark.readers.augment import with_torch

    images = pictures(200)
    size = np.full(200, 32)
    views = FULL.views(np.arange(200), 1, size, size)
    assert (with_torch.cropped(torch.from_numpy(images), views).numpy() == cropped(images, views)).all()
    found = with_torch.augmented(torch.from_numpy(images), views).numpy()
    assert abs(found.astype(int) - augmented(images, views)).max() <= 1


def test_numpy_and_tensorflow_show_the_same_pixels():
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install 'genspark[tensorflow]'")
    from genspark.readers.augment import with_tensorflow

    images = pictures(200)
    size = np.full(200, 32)
    views = FULL.views(np.arange(200), 1, size, size)
    given = tf.convert_to_tensor(images)
    assert (with_tensorflow.cropped(given, views).numpy() == cropped(images, views)).all()
    found = with_tensorflow.augmented(given, views).numpy()
    assert abs(found.astype(int) - augmented(images, views)).max() <= 1


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
def test_colours_are_those_of_torchvision(name):
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchvision.transforms.functional", reason="torchvision is not installed")
    images = pictures(60)
    factors = np.linspace(-0.5, 0.5, 60) if name == "hue" else np.linspace(0, 2, 60)
    found = jittered(images, Views(**{name: factors}))
    change = getattr(functional, f"adjust_{name}")
    for image, factor, got in zip(images, factors, found, strict=True):
        expected = change(torch.from_numpy(image).permute(2, 0, 1), factor).permute(1, 2, 0).numpy()
        assert abs(expected.astype(int) - got).max() <= 1


def test_colours_by_their_formulas():
    # Worked by hand: grey of (200, 100, 50) is 0.2989 x 200 + 0.587 x 100 + 0.114 x 50 = 124.18.
    image = np.array([[[[200, 100, 50]]]], np.uint8)
    one = np.array([1.5])
    assert jittered(image, Views(brightness=one)).tolist() == [[[[255, 150, 75]]]]
    assert jittered(image, Views(contrast=np.array([0.5]))).tolist() == [[[[162, 112, 87]]]]
    assert jittered(image, Views(saturation=np.array([0.5]))).tolist() == [[[[162, 112, 87]]]]
    # A third of the wheel: red is where green was.
    assert jittered(image, Views(hue=np.array([1 / 3]))).tolist() == [[[[50, 200, 100]]]]


def job(folder: Path, **more: Any) -> str:
    """A table with two views written down, made by a job."""
    from genspark.config import JobConfig
    from genspark.job import run

    source = folder / "source"
    source.mkdir()
    for number, image in enumerate(pictures(30)):
        (source / f"{number:02}.png").write_bytes(png(image))
    (source / "29.png").write_bytes(png(pictures(3, 20, 44)[0]))
    step = {
        "image": "image",
        "views": 2,
        "seed": 3,
        "random_crop": {"size": [28, 24], "padding": 4},
        "horizontal_flip": 0.5,
        "vertical_flip": 0.25,
        "color_jitter": {"brightness": 0.4, "contrast": 0.5, "saturation": 0.8, "hue": 0.3},
        **more,
    }
    config = {
        "name": "views",
        "engine": "polars",
        "key": ["path"],
        "source": {"path": str(source), "format": "images"},
        "steps": [{"augment": step}],
        "sink": {"path": str(folder / "table")},
    }
    run(JobConfig.model_validate(config))
    return str(folder / "table")


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> str:
    return job(tmp_path_factory.mktemp("augment"))


def test_views_are_those_that_the_step_wrote(path):
    table = TrainingTable(path)
    spec = Augmentation.of(table.plan.properties, path)
    assert spec.image == "image"
    batch = next(iter(table.reader(global_batch_size=30)))
    sizes = batch["height"].astype(np.int64), batch["width"].astype(np.int64)
    for view in (0, 1):
        views = spec.views(batch["_row_id"], view, *sizes)
        for name in ("crop_top", "crop_left", "flip_horizontal", "flip_vertical"):
            assert getattr(views, name).astype(int).tolist() == batch[f"view_{view}_{name}"].tolist()
        for name in ("brightness", "contrast", "saturation", "hue"):
            assert getattr(views, name).tolist() == batch[f"view_{view}_{name}"].tolist()


def test_each_epoch_shows_the_view_of_its_number(path):
    table = TrainingTable(path, columns=["image"])
    plain, seen = table.reader(global_batch_size=30, images="image"), {}
    pixels = next(iter(plain))
    assert pixels["image"].dtype == object
    augmented_reader = table.reader(global_batch_size=30, augment=True, with_row_id=False)
    assert set(next(iter(augmented_reader))) == {"image", "_mask"}
    reader = table.reader(global_batch_size=10, augment=True, shuffle="full")
    spec = Augmentation.of(table.plan.properties, path)
    originals = dict(zip(pixels["_row_id"].tolist(), pixels["image"], strict=True))
    for epoch in range(3):
        for batch in reader:
            assert batch["image"].shape == (10, 28, 24, 3)
            for row_id, image in zip(batch["_row_id"], batch["image"], strict=True):
                original = originals[int(row_id)]
                sizes = np.array([original.shape[0]]), np.array([original.shape[1]])
                views = spec.views(np.array([row_id]), epoch, *sizes)
                assert (image == augmented(original[None], views)[0]).all()
                seen.setdefault(int(row_id), set()).add(image.tobytes())
    assert sum(len(views) == 3 for views in seen.values()) > 20


def test_images_are_mixed_as_their_views_show_them(path, tmp_path):
    mixed = TrainingTable(job(tmp_path, mixup={"columns": ["image"], "labels": ["label"], "alpha": 1.0}))
    options = {"global_batch_size": 30, "shuffle": "sequential", "augment": True, "epoch": 4}
    plain, found = (next(iter(table.reader(**options))) for table in (TrainingTable(path), mixed))
    assert plain["_row_id"].tolist() == found["_row_id"].tolist()
    spec = Augmentation.of(mixed.plan.properties, mixed.plan.path)
    # All rows are in one row group.
    partners = spec.partners(plain["_row_id"], 4, np.arange(30), 30)
    share = found["_mixup_lambda"][:, None, None, None]
    expected = np.rint(share * plain["image"] + (1 - share) * plain["image"][partners])
    assert found["image"].dtype == np.uint8
    assert abs(found["image"] - expected).max() == 0
    assert found["label_partner"].tolist() == plain["label"][partners].tolist()


def corrupt(folder: Path) -> TrainingTable:
    images = [png(image) for image in pictures(6)]
    images[2], images[4] = b"no image", images[4][:60]
    return TrainingTable(write(folder / "t", pa.table({"image": images, "id": np.arange(6)})))


def test_a_corrupt_image_is_named_or_passed_over_with_a_count(tmp_path):
    table = corrupt(tmp_path)
    with pytest.raises(DataError, match="column 'image': an image cannot be decoded .*on_error='skip'"):
        list(table.reader(global_batch_size=3, images="image"))
    reader = table.reader(global_batch_size=3, images="image", on_error="skip", shuffle="sequential", coverage="drop")
    batches = list(reader)
    assert [batch["_mask"].tolist() for batch in batches] == [[True, True, False], [True, False, True]]
    assert batches[0]["image"].shape == (3, 32, 32, 3)
    assert not batches[0]["image"][2].any()
    assert reader.counts.corrupt == 2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"augment": True}, SourceError, "describes no views; write it by a job with the step `augment`"),
        ({"images": "imag"}, ConfigError, "'imag' is no column that is read; did you mean 'image'"),
        ({"images": "image", "batches": "arrow"}, ConfigError, "'arrow' holds no pixels"),
        ({"images": "image", "on_error": "pass"}, ConfigError, "on_error: 'pass' is none of raise, skip"),
    ],
)
def test_wrong_requests(tmp_path, options: dict[str, Any], error, message):
    with pytest.raises(error, match=message):
        corrupt(tmp_path).reader(global_batch_size=3, **options)
