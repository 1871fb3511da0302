"""Rows' ids, files and order: the same on every engine, and what a source has of them already."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import deltalake
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import xxhash

from genspark import JobConfig, job
from genspark.columns.hashing import orders
from genspark.errors import PlanError

ENGINES = ["polars", "tasks", "spark", pytest.param("spark-arrow", marks=pytest.mark.exhaustive)]


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name, ids in {"a": range(40), "b": range(40, 100)}.items():
        with gzip.open(tmp_path / f"in/{name}.csv.gz", "wt") as stream:
            stream.write("id,g,v\n" + "".join(f"{n},{'xy'[n % 2]},{n / 2}\n" for n in ids))
    return tmp_path / "in"


def config(shards: Path, out: Path, engine: str = "polars", sink: str = "", kind: str = "csv") -> JobConfig:
    source = f"{{path: '{shards}', format: {kind}}}"
    return JobConfig.from_text(
        f"name: ids\nengine: {engine}\nkey: [id]\nsource: {source}\n"
        f"sink: {{path: '{out}', partition_by: g, mode: overwrite{sink}}}\n"
    )


def files(out: Path) -> list[pl.DataFrame]:
    uris = deltalake.DeltaTable(out).file_uris()
    return [pl.DataFrame(pl.from_arrow(pq.ParquetFile(uri).read())) for uri in uris]


def row_id(value: int) -> int:
    """The id of a key of one whole number, by the xxhash package: see hashing.py."""
    seed = xxhash.xxh64_intdigest((0).to_bytes(8, "little"), 42)
    return int(np.uint64(xxhash.xxh64_intdigest(value.to_bytes(8, "little"), seed)).view(np.int64))


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_carry_their_id_and_file_in_order_and_in_few_files(
    engine: str, start: Callable[[str], str], shards: Path, tmp_path: Path
) -> None:
    writer = {"spark": ", writer: delta", "spark-arrow": ", writer: arrow"}.get(engine, "")
    out = tmp_path / "out"
    job.run(config(shards, out, start(engine), writer))
    tables = files(out)
    assert len(tables) == 2, "a partition of some rows is one file"
    for table in tables:
        assert (np.diff(orders(table["_row_id"].to_numpy(), 0)) > 0).all()
    rows = pl.concat(tables).sort("id")
    # Spark writes the columns of partitions into the files, too.
    assert [name for name in rows.columns if name != "g"] == ["id", "v", "_row_id", "_source_file"]
    assert rows["_row_id"].to_list() == [row_id(n) for n in range(100)]
    assert rows["_source_file"].to_list() == [f"file://{shards}/{'a' if n < 40 else 'b'}.csv.gz" for n in range(100)]
    properties = deltalake.DeltaTable(out).metadata().configuration
    assert properties["delta.dataSkippingStatsColumns"] == "id"
    assert '"key": ["id"]' in properties["genspark.layout"]


@pytest.mark.parametrize("engine", ["polars", "spark-arrow", pytest.param("spark", marks=pytest.mark.exhaustive)])
def test_a_global_shuffle_orders_files_by_their_names(
    engine: str, start: Callable[[str], str], shards: Path, tmp_path: Path
) -> None:
    writer = {"spark": ", writer: delta", "spark-arrow": ", writer: arrow"}.get(engine, "")
    # Of one task, Spark's own names of files tell no order.
    rows_a_file = "" if engine == "spark" else ", max_records_per_file: 20"
    config_of = config(shards, tmp_path / "out", start(engine), f"{writer}, shuffle: global{rows_a_file}")
    assert job.run(config_of).rows_written == 100
    uris = sorted(deltalake.DeltaTable(tmp_path / "out").file_uris())
    for part in ("g=x", "g=y"):
        rows = [pq.ParquetFile(uri).read(columns=["_row_id"]) for uri in uris if part in uri]
        assert len(rows) >= (2 if engine == "spark" else 3)
        assert all(some.num_rows <= (50 if engine == "spark" else 20) for some in rows)
        places = orders(pl.concat([pl.DataFrame(pl.from_arrow(some)) for some in rows])["_row_id"].to_numpy(), 0)
        assert len(places) == 50
        assert (np.diff(places) > 0).all()


def test_a_table_as_a_source_gets_ids_of_its_own(shards: Path, tmp_path: Path) -> None:
    job.run(config(shards, tmp_path / "one"))
    job.run(config(tmp_path / "one", tmp_path / "two", kind="delta"))
    rows = pl.concat(files(tmp_path / "two")).sort("id")
    assert rows.columns == ["id", "v", "_row_id", "_source_file"]
    assert rows["_row_id"].to_list() == [row_id(n) for n in range(100)]
    assert rows["_source_file"].str.contains("/one/g=").all()


def test_lineage_may_be_left_out_and_no_step_may_make_its_columns(shards: Path, tmp_path: Path) -> None:
    job.run(config(shards, tmp_path / "out", sink=", lineage: false, float: 32"))
    rows = pl.concat(files(tmp_path / "out"))
    assert rows.schema == {"id": pl.Int32, "v": pl.Float32}
    text = config(shards, tmp_path / "out").to_yaml() + "steps: [{rename: {columns: {v: _row_id}}}]\n"
    with pytest.raises(PlanError, match=r"a step makes a column '_row_id'"):
        job.run(JobConfig.from_text(text))
