"""Rows' ids, files and order: the same on every engine, and what a source has of them already."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import xxhash

from genspark import JobConfig, job
from genspark.columns.hashing import orders
from genspark.errors import ConfigError, PlanError
from genspark.job import ledger
from genspark.sinks import row_ids
from genspark.tables.findings import findings
from genspark.tables.inspection import inspect

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


def off(out: Path) -> list[str]:
    return [finding.kind for finding in findings(inspect(str(out))) if not finding.is_advice]


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
    report = job.run(config_of)
    # Spark's own writer gives each task a file of its range, however small.
    small = ["small files"] if engine == "spark" else []
    assert (report.rows_written, [*report.layout_off], off(tmp_path / "out")) == (100, [], small)
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


NUMBERS = {"a": [0, 1, 3, 4], "b": [*range(5)]}
"""The records of two files that can be read."""


def numbered(folder: Path, kind: str) -> Path:
    """Two files whose records have their own number in `n`; in the first csv record 2 is corrupt."""
    (folder / "in").mkdir()
    for name, numbers in NUMBERS.items():
        rows = pl.DataFrame({"id": [f"{name}{n}" for n in numbers], "n": numbers}, schema_overrides={"n": pl.Int64})
        if kind == "csv":
            lines = [f"{name}{n},{n}" for n in numbers]
            if name == "a":
                lines.insert(2, "a2,2,too many")
            (folder / f"in/{name}.csv").write_text("\n".join(["id,n", "", *lines]) + "\n")
        else:
            # The other file has as many records as numbers.
            rows = pl.DataFrame({"id": [f"{name}{n}" for n in range(5)], "n": [*range(5)]})
            rows.write_parquet(folder / f"in/{name}.parquet", row_group_size=2)
    return folder / "in"


@pytest.mark.parametrize(
    ("engine", "kind"),
    [("polars", "csv"), ("polars", "parquet"), ("tasks", "parquet"), ("spark", "parquet"), ("spark-arrow", "parquet")],
)
def test_rows_carry_the_number_of_their_record(
    engine: str, kind: str, start: Callable[[str], str], tmp_path: Path
) -> None:
    writer = {"spark": ", writer: delta", "spark-arrow": ", writer: arrow"}.get(engine, "")
    text = (
        f"name: ids\nengine: {start(engine)}\nkey: [id]\n"
        f"source: {{path: '{numbered(tmp_path, kind)}', format: {kind}, split_size: 400, on_corrupt: quarantine}}\n"
        # What a step does to rows changes no number; a fit in two passes keeps the rows of csv between them.
        "steps: [outliers: {columns: n, method: iqr, action: drop}, scale: {columns: n, method: minmax}]\n"
        f"sink: {{path: '{tmp_path / 'out'}', source_row: true{writer}}}\n"
    )
    job.run(JobConfig.from_text(text))
    rows = pl.read_delta(tmp_path / "out")
    assert rows.columns == ["id", "n", "_row_id", "_source_file", "_source_row"]
    expected = [f"{name}{n}" for name in "ab" for n in (NUMBERS[name] if kind == "csv" else range(5))]
    assert sorted(rows["id"].to_list()) == expected
    for key, uri, record in rows.select("id", "_source_file", "_source_row").rows():
        assert (f"/{key[0]}.{kind}" in uri, record) == (True, int(key[1:]))


def test_a_record_s_number_of_an_earlier_table_is_not_passed_on(tmp_path: Path) -> None:
    text = (
        f"name: ids\nengine: polars\nkey: [id]\nsource: {{path: '{numbered(tmp_path, 'parquet')}', format: parquet}}\n"
        f"sink: {{path: '{tmp_path / 'one'}', source_row: true}}\n"
    )
    job.run(JobConfig.from_text(text))
    job.run(JobConfig.from_text(text.replace("/one", "/two").replace("/in", "/one").replace("parquet", "delta")))
    two = pl.read_delta(tmp_path / "two")
    assert two["_source_row"].sort().to_list() == [*range(10)], "the rows of the first table's one file"
    plain = text.replace("/one", "/three").replace("/in", "/one").replace("parquet", "delta").replace("true", "false")
    job.run(JobConfig.from_text(plain))
    assert pl.read_delta(tmp_path / "three").columns == ["id", "n", "_row_id", "_source_file"]


def test_images_know_their_files_and_are_one_record_each(
    spark: Any, start: Callable[[str], str], data: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a b.png").write_bytes(b"no image")
    for number, image in enumerate(sorted((data / "cifar10").rglob("*.jpg"))[:3]):
        (tmp_path / "in" / f"{number}.jpg").write_bytes(image.read_bytes())
    tables = {}
    for engine in ("polars", "spark"):
        out = tmp_path / engine
        sink = f"{{path: '{out}', source_row: true}}"
        source = f"{{path: '{tmp_path / 'in'}', format: images, on_corrupt: quarantine}}"
        text = f"name: ids\nengine: {start(engine)}\nkey: [path]\nsource: {source}\nsink: {sink}\n"
        report = job.run(JobConfig.from_text(text))
        tables[engine] = pl.read_delta(out).select("_row_id", "_source_file", "_source_row").sort("_source_file")
        assert pl.read_delta(str(report.quarantine))["_file"].to_list() == [f"file://{tmp_path}/in/a%20b.png"]
    assert tables["spark"].equals(tables["polars"])
    assert tables["polars"]["_source_file"].to_list() == [f"file://{tmp_path}/in/{n}.jpg" for n in range(3)]
    assert tables["polars"]["_source_row"].to_list() == [0, 0, 0]


def test_spark_numbers_no_records_of_text_and_tables(shards: Path, tmp_path: Path) -> None:
    for kind in ("csv", "delta"):
        with pytest.raises(PlanError, match=rf"source_row: it does not know .*{kind} is; engine: polars or spark-p"):
            job.run(config(shards, tmp_path / "out", "spark", sink=", source_row: true", kind=kind))
    with pytest.raises(ConfigError, match="source_row: is a part of lineage"):
        config(shards, tmp_path / "out", sink=", source_row: true, lineage: false")


@pytest.mark.parametrize("engine", ["polars", "tasks", "spark", "spark-arrow"])
def test_rows_that_share_their_id_are_counted(engine: str, start: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, ids in {"a": [1, 2, 3, 3], "b": [4, 1, 5, 1], "c": [1] * 20}.items():
        rows = {"id": ids, "g": ["xy"[n % 2] for n in range(len(ids))]}
        pl.DataFrame(rows).write_parquet(tmp_path / "in" / f"{name}.parquet")
    writer = {"spark": ", writer: delta", "spark-arrow": ", writer: arrow"}.get(engine, "")
    conf = config(tmp_path / "in", tmp_path / "out", start(engine), writer, kind="parquet")
    report = job.run(conf)
    assert report.row_ids_shared == report.to_json()["row_ids_shared"] == 25
    assert "check `key`" in dict(report.lines())["row ids shared"]
    assert ledger.read(f"{tmp_path}/out_runs")["row_ids_shared"].to_list() == [25]
    # Rows that are there already do not count: of each run its own are compared.
    pl.DataFrame({"id": [1, 7], "g": ["x", "y"]}).write_parquet(tmp_path / "in" / "d.parquet")
    more = job.run(conf.model_copy(update={"sink": conf.sink.model_copy(update={"mode": "append"})}))
    assert (more.rows_written, more.row_ids_shared) == (2, 0)
    assert "row ids shared" not in dict(more.lines())


def test_ids_that_are_too_many_to_hold_are_counted_range_by_range(
    spark: Any, start: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_ids, "MOST_IDS", 2)
    rows = pl.DataFrame({"id": [1, 2, 3, 3, 4, 1, 5, 1, *[1] * 20], "g": ["x y", "z"] * 14})
    rows.write_parquet(tmp_path / "in.parquet")
    for engine, most in (("polars", 1 << 30), ("spark-arrow", 10), ("spark", 10)):
        monkeypatch.setattr(row_ids, "MOST_IN_THIS_PROCESS", most)
        writer = {"spark": ", writer: delta", "spark-arrow": ", writer: arrow"}.get(engine, "")
        conf = config(tmp_path / "in.parquet", tmp_path / engine, start(engine), writer, kind="parquet")
        assert job.run(conf).row_ids_shared == 25
