"""Folders of images as rows: path, label, width, height and the encoded bytes."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from genspark.engines.fate import CORRUPT
from genspark.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

PATTERN = "*.{jpg,jpeg,png,gif,bmp,webp,tif,tiff,JPG,JPEG,PNG,GIF,BMP,WEBP,TIF,TIFF}"
SCHEMA = "path string, label string, width int, height int, image binary"


def read_images(spark: SparkSession, paths: Sequence[str], options: Mapping[str, str]) -> DataFrame:
    """One row for each image file below the paths.

    `path` is relative to the folder given when there is one, whole otherwise, `label` the name of
    the folder the file is in, `width` and `height` pixels, `image` the file's bytes as they are. A
    file that is not an image keeps its bytes, has no size, and says why in the column `CORRUPT`.
    Raises SourceError where Pillow is not installed.
    """
    if importlib.util.find_spec("PIL") is None:
        raise SourceError("source.format: images needs Pillow: pip install 'genspark[images]'")
    reader = spark.read.format("binaryFile").options(**{"pathGlobFilter": PATTERN, **options})
    files = reader.load(list(paths)).select("path", "content")
    root = _root(paths)

    # A function of its own scope travels to the workers by value: they need Pillow, but not genspark.
    def describe(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import io
        from urllib.parse import unquote

        import pyarrow as pa
        from PIL import Image

        def size(content: bytes) -> tuple[int | None, int | None, str | None]:
            try:
                with Image.open(io.BytesIO(content)) as image:
                    return (*image.size, None)
            except Exception as error:
                return None, None, f"not an image that can be read: {type(error).__name__}"

        for batch in batches:
            whole = [unquote(path) for path in batch.column("path").to_pylist()]
            # The header of each file is parsed one by one: no library reads them by the column.
            sizes = [size(content) for content in batch.column("content").to_pylist()]
            yield pa.record_batch(
                [
                    pa.array([p.split(root, 1)[-1] if root else p for p in whole], pa.string()),
                    pa.array([p.rsplit("/", 2)[-2] for p in whole], pa.string()),
                    pa.array([s[0] for s in sizes], pa.int32()),
                    pa.array([s[1] for s in sizes], pa.int32()),
                    batch.column("content").cast(pa.binary()),
                    pa.array([s[2] for s in sizes], pa.string()),
                ],
                names=["path", "label", "width", "height", "image", CORRUPT],
            )

    return files.mapInArrow(describe, f"{SCHEMA}, {CORRUPT} string")


def _root(paths: Sequence[str]) -> str | None:
    """What stands before the relative part of each file's path; None where there is no one folder."""
    is_one_folder = len(paths) == 1 and not any(sign in paths[0] for sign in "*?[{")
    if not is_one_folder:
        return None
    bare = paths[0].removeprefix("file://").rstrip("/")
    parts = [part for part in os.path.normpath(bare).split("/") if part not in ("..", ".")]
    return "/".join(parts).lstrip("/") + "/" if "://" not in bare else f"{bare}/"
