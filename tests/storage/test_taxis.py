"""The taxi job on each store and engine, from gzip and bzip2 shards to a partitioned table: the same rows as on local
paths, and what runs and their tools tell of them."""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl
import pytest
import servers
from pyarrow import parquet as pq

from genspark import JobConfig, PipelineModel, job
from genspark.cli import main

pytestmark = pytest.mark.slow
CONF = Path(__file__).resolve().parents[2] / "conf"
TAXIS = str(CONF / "taxis.yaml")
ROWS = 1500
ENGINES = ("polars", "spark-arrow", "spark-polars", "spark")
# Engine `polars` runs it on every store where new shards are appended.
PROVED = {("s3", "spark-arrow"), ("s3", "spark-polars"), ("hdfs", "spark-arrow")}

Ready = Callable[[str], str]


@functools.cache
def lines(data: Path) -> tuple[bytes, list[bytes]]:
    head, *rows = (data / "taxis.csv").read_bytes().splitlines(keepends=True)
    return head, rows[: 3 * ROWS]


def shards(data: Path) -> dict[str, bytes]:
    """Two shards to begin with, and one that comes later."""
    head, rows = lines(data)
    a, b, c = (head + b"".join(rows[n::3]) for n in range(3))
    return {"a.csv.gz": gzip.compress(a), "b.csv.bz2": bz2.compress(b), "c.csv.gz": gzip.compress(c)}


@pytest.fixture
def store(started: Callable[[str], Any], kind: str) -> Iterator[servers.Store]:
    there = started(kind)
    with servers.reachable(there):
        yield there


def config(engine: str, source: str, out: str, *sets: str) -> JobConfig:
    wanted = [f"engine={engine}", f"source.path={source}", f"sink.path={out}", *sets]
    return JobConfig.from_yaml(TAXIS, sets=wanted, env={})


def table(store: servers.Store, key: str) -> pl.DataFrame:
    """The rows of a Delta table, read from its log and files as the protocol says, by no client of genspark's."""
    files: dict[str, dict[str, Any]] = {}
    for action in store.log(key):
        if "add" in action:
            files[unquote(action["add"]["path"])] = action["add"]["partitionValues"]
        if "remove" in action:
            files.pop(unquote(action["remove"]["path"]))
    frames = []
    for path, values in files.items():
        rows = pl.DataFrame(pl.from_arrow(pq.read_table(io.BytesIO(store.get(f"{key}/{path}")))))
        frames.append(rows.with_columns(pl.lit(value).alias(name) for name, value in values.items()))
    return pl.concat(frames, how="diagonal")


def values(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    """The rows without their files' URIs, in order; floats as far as engines agree."""
    names = sorted(name for name in frame.columns if name != "_source_file")
    floats = [name for name in names if frame.schema[name].is_float()]
    # Spark's own writer leaves out that its timestamps are in UTC.
    times = [pl.col(name).dt.replace_time_zone(None).cast(pl.Datetime("us")) for name in names if is_time(frame, name)]
    return sorted(frame.select(names).with_columns(pl.col(floats).round(9), *times).rows(), key=repr)


def is_time(frame: pl.DataFrame, name: str) -> bool:
    return isinstance(frame.schema[name], pl.Datetime)


@pytest.fixture(scope="module")
def expected(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """The rows of the first two shards, from local paths."""
    folder = tmp_path_factory.mktemp("local")
    (folder / "in").mkdir()
    for name in ("a.csv.gz", "b.csv.bz2"):
        (folder / "in" / name).write_bytes(shards(data)[name])
    job.run(config("polars", f"{folder}/in", f"{folder}/out"))
    return values(pl.read_delta(f"{folder}/out"))


def case(*values: str, is_proof: bool) -> Any:
    return pytest.param(*values, marks=[] if is_proof else pytest.mark.exhaustive)


CASES = [case(kind, engine, is_proof=(kind, engine) in PROVED) for kind in servers.KINDS for engine in ENGINES]


@pytest.mark.parametrize(("kind", "engine"), CASES)
def test_the_taxi_job(
    store: servers.Store, prefix: str, data: Path, start: Ready, kind: str, engine: str, expected: list[Any]
) -> None:
    for name in ("a.csv.gz", "b.csv.bz2"):
        store.put(f"{prefix}/in/{name}", shards(data)[name])
    writer = "delta" if engine == "spark" else "arrow"
    sets = [f"sink.writer={writer}", *(["storage.s3.one_writer=true"] if (kind, writer) == ("s3", "delta") else [])]
    there = config(start(engine), store.uri(f"{prefix}/in"), store.uri(f"{prefix}/out"), *sets)
    report = job.run(there)
    assert values(table(store, f"{prefix}/out")) == expected
    assert report.rows_written == len(expected)
    aside = table(store, f"{prefix}/out_quarantine")
    assert aside.height == report.rows_quarantined == 2 * ROWS - len(expected)
    files = {store.uri(f"{prefix}/in/{name}") for name in ("a.csv.gz", "b.csv.bz2")}
    assert set(table(store, f"{prefix}/out")["_source_file"]) == set(aside["_file"]) == files
    model = json.loads(store.get(f"{prefix}/out/_genspark/model.json"))
    assert PipelineModel.load(report.model).sha256 == report.model_sha256
    assert model["steps"][0]["split"]
    assert job.run(there).already_done


@pytest.mark.parametrize("kind", servers.KINDS)
def test_new_shards_are_appended_and_tools_read_the_table(
    store: servers.Store,
    prefix: str,
    data: Path,
    kind: str,
    capsys: pytest.CaptureFixture[str],
    expected: list[Any],
) -> None:
    for name in ("a.csv.gz", "b.csv.bz2"):
        store.put(f"{prefix}/in/{name}", shards(data)[name])
    out = store.uri(f"{prefix}/out")
    sets = ("sink.mode=append", f"model.path={store.uri(f'{prefix}/models/taxis.json')}")
    there = config("polars", store.uri(f"{prefix}/in"), out, *sets)
    first = job.run(there)
    assert values(table(store, f"{prefix}/out")) == expected
    store.put(f"{prefix}/in/c.csv.gz", shards(data)["c.csv.gz"])
    second = job.run(there)
    assert second.rows_read == ROWS
    rows = table(store, f"{prefix}/out")
    assert rows.height == first.rows_written + second.rows_written
    job.fit(there, update=True)
    assert store.names(f"{prefix}/models/taxis_statistics")
    assert main(["inspect", out]) == 0
    assert main(["runs", out]) == 0
    row = rows.row(0, named=True)
    assert main(["trace", out, f"--row-id={row['_row_id']}", "--json"]) == 0
    assert row["_source_file"] in capsys.readouterr().out
    assert main(["quarantine", out, "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["rows"] == first.rows_quarantined + second.rows_quarantined


@pytest.mark.parametrize("kind", [case(kind, is_proof=kind == "s3") for kind in servers.KINDS])
def test_a_table_is_a_source_and_images_are_too(store: servers.Store, prefix: str, kind: str, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for n in range(6):
        content = io.BytesIO()
        image.new("RGB", (8, 8), (n, n, n)).save(content, "PNG")
        store.put(f"{prefix}/in/{'ab'[n % 2]}/{n}.png", content.getvalue())
    store.put(f"{prefix}/in/a/broken.png", b"no image")

    def copied(source: str, form: str, out: str) -> Any:
        return job.run(
            JobConfig.from_text(
                f"name: images\nengine: polars\nsource: {{path: '{store.uri(source)}', format: {form}}}\n"
                f"sink: {{path: '{store.uri(out)}', partition_by: label}}\n"
            )
        )

    first = copied(f"{prefix}/in", "images", f"{prefix}/images")
    assert (first.rows_written, first.rows_quarantined) == (6, 1)
    again = copied(f"{prefix}/images", "delta", f"{prefix}/copy")
    there, here = table(store, f"{prefix}/images"), table(store, f"{prefix}/copy")
    assert again.rows_written == 6
    assert sorted(here["image"].to_list()) == sorted(there["image"].to_list())
    assert dict(here["label"].value_counts().rows()) == {"a": 3, "b": 3}
