"""Image files as rows: path, label, width, height and the encoded bytes.

`path` is relative to `source.path` where that is one folder, and whole otherwise; `label` is the name of the file's
folder, `width` and `height` are in pixels, `image` is the file's bytes unchanged. A file that is not an image keeps its
bytes, has null for width and height, and the reason in the column `CORRUPT`.
"""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from genspark.engines.fate import CORRUPT, FILE, RECORD
from genspark.engines.polars.meter import METER
from genspark.sources.format import Found, Schema, StreamedFormat, require
from genspark.sources.listing import Listing
from genspark.sources.options import FILES, Options
from genspark.sources.shard import Shard
from genspark.sources.source import Source, paths_of
from genspark.storage import globs
from genspark.storage.stores import absolute, entry, file_uri, open_file

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from genspark.sources.spark_input import Input

SCHEMA: Schema = {
    "path": pl.String(),
    "label": pl.String(),
    "width": pl.Int32(),
    "height": pl.Int32(),
    "image": pl.Binary(),
}
_SPARK_SCHEMA = (
    f"path string, label string, width int, height int, image binary, {CORRUPT} string, {FILE} string, {RECORD} long"
)
_BESIDE: Schema = {CORRUPT: pl.String(), FILE: pl.String(), RECORD: pl.Int64()}
"""Hidden columns: every image is the one record of its file."""
_PATTERN = "*.{jpg,jpeg,png,gif,bmp,webp,tif,tiff,JPG,JPEG,PNG,GIF,BMP,WEBP,TIF,TIFF}"
_ROOT = "root"
"""The option, which no YAML sets, with the folder that the paths of images are relative to."""
_BYTES = 16 << 20
"""Bytes of images after which a frame is full."""


class Images(StreamedFormat):
    """Image files, a row each."""

    name = "images"
    options = Options(FILES, defaults={"recursiveFileLookup": "true", "pathGlobFilter": _PATTERN})
    tells_corrupt = True
    tells_bytes = True
    reads_empty = True
    tells_place = True
    holds_images = True
    is_numbered_on_spark = True

    def listed(self, source: Source) -> Listing:
        _require_pillow()
        listing = super().listed(source)
        root = _root(paths_of(source))
        return dataclasses.replace(listing, options={**listing.options, _ROOT: root}) if root else listing

    def given_schema(self, source: Source) -> None:
        return None

    def schema(
        self, shards: Sequence[Shard], options: Mapping[str, str], given: Schema | None, constants: Schema
    ) -> Found:
        return Found(SCHEMA)

    def stream(
        self, shards: Sequence[Shard], schema: Schema, options: Mapping[str, str], needed: frozenset[str]
    ) -> Iterator[pl.DataFrame]:
        """Read the images, many in a frame."""
        return _frames(shards, options.get(_ROOT))

    def frames(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[pl.DataFrame]:
        return _frames([shard], options.get(_ROOT))

    def on_spark(self, spark: SparkSession, source: Source) -> Input:
        from genspark.sources.spark_input import Input, described

        _require_pillow()
        frame = _on_spark(spark, paths_of(source), self.options.for_spark(source.options))
        not_alone = "it does not know which file an image was read from"
        return Input(frame, described(source, frame), not_alone=not_alone)


def _require_pillow() -> None:
    require("PIL", "Pillow", Images.name)


def _root(paths: Sequence[str]) -> str | None:
    """The folder that the paths of images are relative to; None where the source is not one folder."""
    if not _is_one_place(paths):
        return None
    path = absolute(paths[0])
    root = entry(path)
    return f"{path.rstrip('/')}/" if root and root.is_folder else None


def _is_one_place(paths: Sequence[str]) -> bool:
    return len(paths) == 1 and not globs.is_glob(paths[0])


def _frames(shards: Sequence[Shard], root: str | None) -> Iterator[pl.DataFrame]:
    """Read images, a row each, in frames that are bounded in bytes."""
    rows: list[tuple[object, ...]] = []
    size = 0
    for shard in shards:
        with open_file(shard.path) as file:
            content = bytes(file.read())
        METER.add(size=len(content))
        rows.append((*_path_and_label(shard.path, root), *_size_and_image(content), file_uri(shard.path), 0))
        size += len(content)
        if size > _BYTES:
            yield _frame(rows)
            rows, size = [], 0
    if rows:
        yield _frame(rows)


def _frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={**SCHEMA, **_BESIDE}, orient="row")


def _path_and_label(path: str, root: str | None) -> tuple[str, str]:
    whole = path if "://" in path else f"file:{path}"
    return (whole.split(root, 1)[-1] if root else whole), whole.rsplit("/", 2)[-2]


def _size_and_image(content: bytes) -> tuple[int | None, int | None, bytes, str | None]:
    """The width, the height, the bytes and, for what is not an image, the reason."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            return (*image.size, content, None)
    # Pillow's plugins raise whatever they meet in a damaged header.
    except Exception as error:
        return None, None, content, f"not an image that can be read: {type(error).__name__}"


def _on_spark(spark: SparkSession, paths: Sequence[str], options: Mapping[str, str]) -> DataFrame:
    from genspark.sources.spark_input import as_file_uri

    reader = spark.read.format("binaryFile").options(**options)
    files = reader.load(list(paths)).select("path", "content", as_file_uri("_metadata.file_path").alias(FILE))
    root = _spark_root(paths)

    # Pickled by value, since it is defined in a function: the workers need Pillow, but not genspark.
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
                    batch.column(FILE).cast(pa.string()),
                    pa.array([0] * len(whole), pa.int64()),
                ],
                names=["path", "label", "width", "height", "image", CORRUPT, FILE, RECORD],
            )

    return files.mapInArrow(describe, _SPARK_SCHEMA)


def _spark_root(paths: Sequence[str]) -> str | None:
    """The folder that Spark's paths of files are relative to; None where the source is not one folder."""
    if not _is_one_place(paths):
        return None
    bare = paths[0].removeprefix("file://").rstrip("/")
    parts = [part for part in os.path.normpath(bare).split("/") if part not in ("..", ".")]
    return "/".join(parts).lstrip("/") + "/" if "://" not in bare else f"{bare}/"
