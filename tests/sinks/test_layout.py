"""The layout of files: order, sizes, row groups, columns, what is kept on disk meanwhile, and merging."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from genspark.columns.hashing import ORDER, orders
from genspark.errors import SinkError
from genspark.sinks.files.layout import Layout
from genspark.sinks.files.merging import MergeWork, merges
from genspark.sinks.files.writer import write_files

RUN = "0" * 32


def rows(count: int, parts: int = 1) -> pl.DataFrame:
    """Rows of 8 doubles each, 64 bytes, with ids that place them."""
    ids = np.random.default_rng(1).integers(-(2**63), 2**63 - 1, count)
    values = np.random.default_rng(2).standard_normal((8, count))
    frame = pl.DataFrame({f"v{i}": values[i] for i in range(8)})
    return frame.with_columns(
        pl.Series("_row_id", ids), part=pl.int_range(count) % parts, **{ORDER: pl.Series(orders(ids, 0))}
    )


def read(folder: Path, path: str) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(pq.ParquetFile(folder / path).read()))


def placed(frame: pl.DataFrame) -> np.ndarray:
    return orders(frame["_row_id"].to_numpy(), 0)


@pytest.mark.parametrize("memory", [1 << 30, 1 << 20])
def test_rows_are_in_order_in_each_file_and_files_have_their_size(tmp_path: Path, memory: int) -> None:
    frame = rows(100_000)
    layout = Layout((), RUN, file_bytes=1 << 20, group_bytes=256 << 10, statistics=("_row_id",), memory=memory)
    files = write_files(frame.lazy(), str(tmp_path), layout)
    tables = [read(tmp_path, file.path) for file in files]
    assert all((np.diff(placed(table)) > 0).all() for table in tables)
    assert pl.concat(tables).sort("_row_id").equals(frame.drop(ORDER).sort("_row_id"))
    # 8 MB in files of 1 MiB.
    assert 6 <= len(files) <= 9
    assert all(0.5 < file.size / layout.file_bytes < 1.6 for file in files)
    footer = pq.read_metadata(tmp_path / files[0].path)
    sizes = [footer.row_group(i).total_byte_size for i in range(footer.num_row_groups)]
    assert len(sizes) >= 3
    assert max(sizes) < 1.2 * layout.group_bytes
    assert min(sizes) > 0.9 * max(sizes)


@pytest.mark.parametrize("memory", [1 << 30, 1 << 20])
def test_a_global_order_goes_from_file_to_file_of_a_partition(tmp_path: Path, memory: int) -> None:
    shards = [f"file:///shard-{n}" for n in range(300)]
    frame = rows(60_000, parts=2).with_columns(pl.Series("shard", shards * 200, pl.Enum(shards)))
    layout = Layout(("part",), RUN, file_bytes=1 << 20, is_global=True, memory=memory)
    files = write_files(frame.lazy(), str(tmp_path), layout)
    of_row = dict(frame.select("_row_id", pl.col("shard").cast(pl.String)).iter_rows())
    for part in ("0", "1"):
        table = pl.concat([read(tmp_path, file.path) for file in files if file.partition["part"] == part])
        assert table.height == 30_000
        assert (np.diff(placed(table)) > 0).all()
        assert table["shard"].to_list() == [of_row[row] for row in table["_row_id"].to_list()]


def test_a_dictionary_is_kept_of_what_repeats(tmp_path: Path) -> None:
    count = 200_000
    values = np.random.default_rng(3)
    frame = pl.DataFrame(
        {
            "day": values.integers(0, 365, count),
            "user": values.integers(0, 50_000, count),
            "id": values.integers(0, 2**60, count),
            "name": [f"name {n}" for n in range(count)],
            "word": ["a", "b"] * (count // 2),
        }
    )
    (file,) = write_files(frame.lazy(), str(tmp_path), Layout((), RUN))
    group = pq.read_metadata(tmp_path / file.path).row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    assert [one.path_in_schema for one in columns if one.has_dictionary_page] == ["day", "user", "word"]


def test_a_group_of_images_has_1000_to_4000_rows_and_no_dictionary(tmp_path: Path) -> None:
    images = [bytes([n % 256]) * 3072 for n in range(10_000)]
    frame = pl.DataFrame({"image": images, "label": ["cat", "dog"] * 5_000})
    (file,) = write_files(frame.lazy(), str(tmp_path), Layout((), RUN))
    footer = pq.read_metadata(tmp_path / file.path)
    assert {footer.row_group(i).num_rows for i in range(footer.num_row_groups)} <= set(range(1_000, 4_001))
    image, label = (footer.row_group(0).column(i) for i in range(2))
    assert not image.has_dictionary_page
    assert label.has_dictionary_page
    assert image.statistics is not None, "the first column has statistics where none are named"


def test_only_named_columns_have_statistics(tmp_path: Path) -> None:
    (file,) = write_files(rows(100).lazy(), str(tmp_path), Layout((), RUN, statistics=("v3", "_row_id")))
    group = pq.read_metadata(tmp_path / file.path).row_group(0)
    told = [group.column(i).path_in_schema for i in range(group.num_columns) if group.column(i).is_stats_set]
    assert told == ["v3", "_row_id"]


def test_too_many_partitions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"sink\.partition_by: part has more than 5 values.*sink\.max_partitions"):
        write_files(rows(100, parts=6).lazy(), str(tmp_path), Layout(("part",), RUN, most_partitions=5))


def test_small_files_of_many_tasks_are_merged_in_order(tmp_path: Path) -> None:
    frame = rows(20_000, parts=2)
    layout = Layout(("part",), RUN, file_bytes=512 << 10)
    parts = [frame[i : i + 2_500] for i in range(0, 20_000, 2_500)]
    files = [file for task, some in enumerate(parts) for file in write_files(some.lazy(), str(tmp_path), layout, task)]
    assert len(files) == 16
    every = merges(files, layout)
    # 0.7 MB of each partition are one file.
    assert [len(some) for some in every] == [8, 8]
    merged = [MergeWork(str(tmp_path), layout)(some, task) for task, some in enumerate(every)]
    for file in merged:
        table = read(tmp_path, file.path)
        assert (np.diff(placed(table)) > 0).all()
        assert ORDER not in table.columns
        assert table.height == file.rows == 10_000
    assert merges(merged, layout) == []
