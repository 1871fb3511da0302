"""Files that were written against the layout that the table tells: each case is one thing that does not fit."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.columns.hashing import ORDER
from genspark.sinks.files.checking import off
from genspark.sinks.files.layout import PROPERTY, Layout
from genspark.sinks.files.writer import write_files
from genspark.sinks.files.written import WrittenFile

TOLD = {"order": "hash", "seed": 0, "key": ["id"], "statistics": ["id"], "partition_by": ["g"]}
COLUMNS = {"id": "Int64", "v": "Float64", "image": "Binary", "g": "String"}
ROWS = 6000


def rows() -> pl.DataFrame:
    """Rows of two partitions, with images of 600 bytes, which are in no order."""
    places = np.random.default_rng(5).integers(-(2**63), 2**63 - 1, ROWS)
    return pl.DataFrame(
        {
            "id": range(ROWS),
            "v": np.arange(ROWS) / 7,
            "image": [number.to_bytes(4, "big") * 150 for number in range(ROWS)],
            "g": ["x", "y"] * (ROWS // 2),
            ORDER: places,
        }
    )


def written(folder: Path, frame: pl.DataFrame | None = None, **layout: Any) -> list[WrittenFile]:
    made = Layout(("g",), "run", **{"statistics": ("id",), **layout})
    return write_files((rows() if frame is None else frame).lazy(), str(folder), made)


def told(files: list[WrittenFile], columns: dict[str, str] = COLUMNS, **layout: Any) -> list[str]:
    return off(files, columns, ["g"], {PROPERTY: json.dumps({**TOLD, **layout})})


def test_what_the_writer_makes_fits(tmp_path: Path) -> None:
    assert told(written(tmp_path)) == []
    everywhere = written(tmp_path, is_global=True, rows_per_file=700)
    assert len(everywhere) > 8
    assert told(everywhere, shuffle="global", target_file_size=everywhere[0].size) == []


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    plain = written(tmp_path)
    numbers = written(tmp_path, rows().drop("image"))
    groups = "2 of 2 files have row groups of another size than the target, or of images too many or too few rows"
    without_image = {name: dtype for name, dtype in COLUMNS.items() if name != "image"}
    assert told(numbers, without_image, target_row_group_size=1000) == [groups]
    order = "2 of 2 files do not have the table's columns in its order"
    assert told(plain, dict(reversed(COLUMNS.items()))) == [order]
    assert told(numbers) == [order]
    assert told(written(tmp_path, statistics=("id", "v"))) == [
        "2 of 2 files have statistics of columns that nobody filters by"
    ]
    assert told(plain, target_file_size=1000) == ["2 of 2 files are larger than 1.5 times the target"]
    many = written(tmp_path, rows_per_file=700)
    assert told(many) == ["10 of 10 files are smaller than half of the target, and not alone"]
    image_first = rows().select("image", "id", "v", "g", ORDER)
    assert told(written(tmp_path, image_first), {name: COLUMNS[name] for name in image_first.columns[:-1]}) == [
        "2 of 2 files have columns of bytes before others, so that readers of scalars cannot pass over them at once"
    ]
    # No column of bytes gets a dictionary, so one of text stands for it.
    as_text = {**COLUMNS, "v": "Float64", "id": "Int64"}
    with_text = written(tmp_path, rows().with_columns(image=pl.lit("same")))
    assert told(with_text, as_text) == ["2 of 2 files have a dictionary on a column of bytes, which never repeat"]


def test_rows_that_are_lost_or_out_of_order_are_named(tmp_path: Path) -> None:
    one, other = written(tmp_path)
    assert told([dataclasses.replace(one, rows=one.rows + 1), other]) == [
        "1 of 2 files do not hold the rows that were written to them"
    ]
    assert one.order
    unsorted = dataclasses.replace(one, order=dataclasses.replace(one.order, is_sorted=False))
    assert told([unsorted, other]) == ["1 of 2 files have rows out of hash order"]
    twice = [dataclasses.replace(file, path=f"{n}-{file.path}") for n in range(2) for file in (one, other)]
    assert told(twice, shuffle="global", target_file_size=one.size) == [
        "4 of 4 files hold places between those of others"
    ]


def test_a_file_s_order_is_seen_by_its_rows(tmp_path: Path) -> None:
    orders = [file.order for file in written(tmp_path)]
    places = rows().group_by("g").agg(first=pl.col(ORDER).min(), last=pl.col(ORDER).max()).sort("g")
    assert [(o.is_sorted, o.first, o.last) for o in orders if o] == [
        (True, *row) for row in places.select("first", "last").rows()
    ]


@pytest.mark.parametrize("engine", ["polars", "tasks", "spark", "spark-arrow"])
def test_a_run_reports_what_does_not_fit(engine: str, start: Callable[[str], str], tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": range(5000), "v": [n / 7 for n in range(5000)]})
    frame.write_parquet(tmp_path / "in.parquet")
    writer = {"spark": ", writer: delta", "spark-arrow": ", writer: arrow"}.get(engine, "")
    text = (
        f"name: fit\nengine: {start(engine)}\nkey: [id]\nsource: {{path: '{tmp_path}/in.parquet', format: parquet}}\n"
        f"sink: {{path: '{tmp_path}/out', mode: overwrite, target_row_group_size: 30000{writer}}}\n"
    )
    report = job.run(JobConfig.from_text(text))
    # Spark's own writer makes row groups as it likes.
    groups = "1 of 1 file have row groups of another size than the target, or of images too many or too few rows"
    assert list(report.layout_off) == ([groups] if engine == "spark" else [])
    assert ("layout off" in dict(report.lines())) == (engine == "spark")
    # Whoever sets the property of the layout tells readers what is not so.
    false = f"properties: {{{PROPERTY}: '{{\"target_row_group_size\": 10000}}'}}"
    off_by_property = job.run(JobConfig.from_text(text.replace("target_row_group_size: 30000", false)))
    assert list(off_by_property.layout_off) == [groups]
    assert off_by_property.to_json()["layout_off"] == [groups]
