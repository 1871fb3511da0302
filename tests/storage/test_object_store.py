"""Jobs of engine `polars` on an S3 server of their own: what is read, written, committed and put back there."""

from __future__ import annotations

import concurrent.futures
import gzip
import io
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import deltalake
import polars as pl
import pytest
import servers
from pyarrow import fs
from pyarrow.dataset import dataset

from genspark import JobConfig, PipelineModel, job
from genspark.catalog import listing
from genspark.cli import main
from genspark.errors import PlanError, SinkError, SourceError, TargetError
from genspark.sinks.formats.delta import DeltaRs
from genspark.sources import find_dataset
from genspark.storage import object_stores
from genspark.storage.exclusive import write_new
from genspark.storage.files import read_text

pytestmark = pytest.mark.slow

BUCKET = "shelf"
HTTP = {"aws_allow_http": "true"}


@dataclass
class Store:
    """The bucket, as a client that is none of genspark's own sees it."""

    endpoint: str
    system: Any = field(init=False)

    def __post_init__(self) -> None:
        self.system = servers.s3_system(self.endpoint, BUCKET)

    def put(self, key: str, content: bytes) -> None:
        with self.system.open_output_stream(f"{BUCKET}/{key}", compression=None) as stream:
            stream.write(content)

    def names(self, prefix: str) -> list[str]:
        """Every object below a prefix, relative to it; those that stand for an empty folder end with a slash."""
        infos = self.system.get_file_info(fs.FileSelector(f"{BUCKET}/{prefix}", recursive=True, allow_not_found=True))
        paths = [info.path for info in infos]
        names = [
            info.path if info.is_file else f"{info.path}/"
            for info in infos
            if info.is_file or not any(path.startswith(f"{info.path}/") for path in paths)
        ]
        return sorted(name.removeprefix(f"{BUCKET}/{prefix}/") for name in names)


@pytest.fixture(scope="module")
def store(started: Callable[[str], Any]) -> Iterator[Store]:
    """A bucket; the environment names its server as a user would."""
    server = started("s3")
    with servers.reachable(server):
        yield Store(server.endpoint)


ROWS = [(i, f"zone {i % 5}", 900.0 if i == 77 else None if i % 10 == 3 else 5.0 + i % 7) for i in range(400)]
TRIPS = pl.DataFrame(ROWS, schema={"id": pl.Int64(), "zone": pl.String(), "fare": pl.Float64()}, orient="row")


def shards(kind: str) -> dict[str, bytes]:
    """The trips in four files."""
    return {f"{n}.{'parquet' if kind == 'parquet' else 'csv.gz'}": file(TRIPS[n::4], kind) for n in range(4)}


def file(frame: pl.DataFrame, kind: str) -> bytes:
    if kind == "parquet":
        stream = io.BytesIO()
        frame.write_parquet(stream)
        return stream.getvalue()
    return gzip.compress(frame.write_csv().encode())


Config = Callable[..., JobConfig]
STEPS = (
    "[split: {fractions: {train: 0.7, test: 0.3}, seed: 7}, impute: {columns: fare, strategy: median}, "
    "outliers: {columns: fare, method: zscore, threshold: 4, action: quarantine}]"
)


@pytest.fixture
def trips(store: Store, prefix: str) -> str:
    """The URI of a folder of csv.gz shards."""
    for name, content in shards("csv").items():
        store.put(f"{prefix}/in/{name}", content)
    return f"s3://{BUCKET}/{prefix}/in"


def config(source: str, out: str, kind: str = "csv", sink: str = "mode: overwrite", steps: str = STEPS) -> JobConfig:
    return JobConfig.from_text(
        f"name: trips\nengine: polars\nkey: [id]\nsource: {{path: '{source}', format: {kind}}}\n"
        f"steps: {steps}\nsink: {{path: '{out}', partition_by: [split], lineage: false, {sink}}}\n"
    )


def rows(uri: str) -> list[tuple[Any, ...]]:
    """A table's rows as Polars reads them, in order."""
    frame = pl.read_delta(uri, storage_options=HTTP if "://" in uri else None)
    return sorted(frame.select(sorted(frame.columns)).rows(), key=repr)


def table(uri: str) -> deltalake.DeltaTable:
    return deltalake.DeltaTable(uri, storage_options=HTTP)


def logged(store: Store, prefix: str) -> set[str]:
    """The files that any commit of a table has named; a log names them as URIs."""
    found = set()
    for name in store.names(f"{prefix}/_delta_log"):
        with store.system.open_input_stream(f"{BUCKET}/{prefix}/_delta_log/{name}") as stream:
            actions = [json.loads(line) for line in stream.read().decode().splitlines()]
        found |= {unquote(action["add"]["path"]) for action in actions if "add" in action}
    return found


def written(store: Store, prefix: str) -> set[str]:
    """All that lies below a table, but for its log and its model."""
    return {name for name in store.names(prefix) if not name.startswith(("_delta_log/", "_genspark/"))}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_job_gives_what_it_gives_on_local_paths(store: Store, prefix: str, tmp_path: Path, kind: str) -> None:
    (tmp_path / "in").mkdir()
    for name, content in shards(kind).items():
        store.put(f"{prefix}/in/{name}", content)
        (tmp_path / "in" / name).write_bytes(content)
    here = job.run(config(f"{tmp_path}/in", f"{tmp_path}/out", kind))
    there = job.run(config(f"s3://{BUCKET}/{prefix}/in", f"s3://{BUCKET}/{prefix}/out", kind))
    assert there.table == f"s3://{BUCKET}/{prefix}/out"
    assert (there.rows_read, there.rows_written, there.rows_quarantined) == (400, 399, 1)
    assert rows(there.table) == rows(here.table)
    assert len(rows(there.table)) == 399
    assert table(there.table).to_pyarrow_table().num_rows == 399
    (odd,) = pl.read_delta(there.quarantine, storage_options=HTTP).rows(named=True)
    assert (odd["id"], odd["fare"], odd["_run_id"]) == (77, 900.0, there.run_id)
    assert odd["_file"].startswith(f"s3://{BUCKET}/{prefix}/in/1.")
    local, remote = PipelineModel.load(here.model), PipelineModel.load(there.model)
    assert there.model == f"s3://{BUCKET}/{prefix}/out/_genspark/model.json"
    assert remote.parameters == local.parameters


def test_the_commit_tells_of_its_run_and_nothing_else_is_there(store: Store, prefix: str, trips: str) -> None:
    report = job.run(config(trips, f"s3://{BUCKET}/{prefix}/out"))
    (commit_there,) = table(report.table).history()
    told = json.loads(commit_there["userMetadata"])
    assert (told["run_id"], told["model_sha256"]) == (report.run_id, report.model_sha256)
    assert table(report.table).metadata().partition_columns == ["split"]
    assert written(store, f"{prefix}/out") == logged(store, f"{prefix}/out")
    assert {name.partition("/")[0] for name in written(store, f"{prefix}/out")} == {"split=train", "split=test"}
    assert written(store, f"{prefix}/out_quarantine") == logged(store, f"{prefix}/out_quarantine")
    own = ["croissant.json", "model.json", f"models/{report.model_sha256}.json"]
    assert store.names(f"{prefix}/out/_genspark") == own


def test_overwrite_append_and_overwrite_of_a_partition(store: Store, prefix: str, trips: str) -> None:
    out = f"s3://{BUCKET}/{prefix}/out"
    first = job.run(config(trips, out))
    whole = rows(out)
    again = job.run(config(trips, out), force=True)
    assert rows(out) == whole
    assert again.table_version > first.table_version
    job.run(config(trips, out, sink="mode: append"), force=True)
    assert rows(out) == sorted([*whole, *whole], key=repr)
    only_test = "[split: {fractions: {test: 1.0}, seed: 7}, impute: {columns: fare, strategy: median}]"
    job.run(config(f"{trips}/0.csv.gz", out, sink="mode: overwrite, partitions: {split: [test]}", steps=only_test))
    now = pl.read_delta(out, storage_options=HTTP)
    assert now.filter(split="test").height == 100
    assert now.filter(split="train").height == 2 * sum(row[2] == "train" for row in whole)
    assert written(store, f"{prefix}/out") == logged(store, f"{prefix}/out")


def test_plain_parquet_is_replaced_appended_to_and_put_back(
    store: Store, prefix: str, trips: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, table = f"s3://{BUCKET}/{prefix}/out", f"{BUCKET}/{prefix}/out"

    def seen() -> tuple[set[str], list[Any]]:
        files = {
            name
            for name in store.names(f"{prefix}/out")
            if not name.startswith(("_genspark/model", "_genspark/croissant"))
        }
        found = dataset(table, filesystem=store.system, partitioning="hive").to_table()
        return files, sorted(found.column("id").to_pylist())

    for mode, times in (("overwrite", 1), ("overwrite", 1), ("append", 2)):
        report = job.run(config(trips, out, sink=f"format: parquet, mode: {mode}"), force=True)
        files, ids = seen()
        assert ids == sorted([i for i in range(400) if i != 77] * times)
        assert {name.partition("/")[0] for name in files} == {"split=train", "split=test", "_genspark"}
        assert len(files) == 1 + 2 * times
        assert (report.rows_written, report.rows_quarantined) == (399, 1)
    monkeypatch.setattr(PipelineModel, "save", fail)
    for mode in ("overwrite", "append"):
        with pytest.raises(SinkError, match="refused"):
            job.run(config(trips, out, sink=f"format: parquet, mode: {mode}"), force=True)
        assert seen() == (files, ids)


def test_values_that_a_folder_cannot_hold_are_read_as_they_are(store: Store, prefix: str, tmp_path: Path) -> None:
    store.put(f"{prefix}/in/a.csv", b"id,g\n1,x/y\n2,a b%20\n3,\n")
    for kind in ("delta", "parquet"):
        for place in (f"s3://{BUCKET}/{prefix}/{kind}", f"{tmp_path}/{kind}"):
            text = (
                f"name: odd\nengine: polars\nsource: {{path: 's3://{BUCKET}/{prefix}/in', format: csv}}\n"
                f"sink: {{path: '{place}', format: {kind}, partition_by: g}}\n"
            )
            job.run(JobConfig.from_text(text))
            options = HTTP if "://" in place else None
            if kind == "delta":
                found = pl.read_delta(place, storage_options=options)
                assert deltalake.DeltaTable(place, storage_options=options).to_pyarrow_table().num_rows == 3
            else:
                system = store.system if "://" in place else None
                found = pl.DataFrame(
                    pl.from_arrow(
                        dataset(place.removeprefix("s3://"), filesystem=system, partitioning="hive").to_table()
                    )
                )
            assert sorted(found.select("id", "g").rows()) == [(1, "x/y"), (2, "a b%20"), (3, None)], place


def test_two_jobs_that_append_at_once_both_stay(store: Store, prefix: str, trips: str) -> None:
    out = f"s3://{BUCKET}/{prefix}/out"
    job.run(config(trips, out))
    meet = threading.Barrier(2)

    class Meeting(job.Silent):
        def note(self, line: str) -> None:
            meet.wait(30)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        appended = config(trips, out, sink="mode: append")
        runs = [pool.submit(job.run, appended, force=True, progress=Meeting()) for _ in range(2)]
        assert {run.result().rows_written for run in runs} == {399}
    assert len(rows(out)) == 3 * 399
    assert written(store, f"{prefix}/out") == logged(store, f"{prefix}/out")


def without_ledger(names: list[str]) -> list[str]:
    return [name for name in names if not name.startswith("out_runs/")]


def fail(*_: Any, **__: Any) -> None:
    raise SinkError("sink.path: refused; try again")


@pytest.mark.parametrize(("place", "name"), [(DeltaRs, "commit"), (PipelineModel, "save")])
def test_a_failure_leaves_nothing_where_nothing_was(
    store: Store, prefix: str, trips: str, monkeypatch: pytest.MonkeyPatch, place: Any, name: str
) -> None:
    monkeypatch.setattr(place, name, fail)
    with pytest.raises(SinkError, match="refused"):
        job.run(config(trips, f"s3://{BUCKET}/{prefix}/out"))
    assert without_ledger(store.names(prefix)) == [f"in/{n}.csv.gz" for n in range(4)]


@pytest.mark.parametrize(("place", "name"), [(DeltaRs, "commit"), (PipelineModel, "save")])
def test_a_failure_leaves_a_table_as_it_was(
    store: Store, prefix: str, trips: str, monkeypatch: pytest.MonkeyPatch, place: Any, name: str
) -> None:
    out = f"s3://{BUCKET}/{prefix}/out"
    model = job.run(config(trips, out)).model_sha256
    before, aside = rows(out), rows(f"{out}_quarantine")
    monkeypatch.setattr(place, name, fail)
    for mode in ("append", "overwrite"):
        with pytest.raises(SinkError, match="refused"):
            job.run(config(trips, out, sink=f"mode: {mode}"), force=True)
        assert rows(out) == before
        assert rows(f"{out}_quarantine") == aside
    monkeypatch.undo()
    assert written(store, f"{prefix}/out") == logged(store, f"{prefix}/out")
    assert PipelineModel.load(f"{out}/_genspark/model.json").sha256 == model


def test_globs_and_hive_folders(store: Store, prefix: str) -> None:
    for n, day in enumerate(("2026-01-31", "2026-02-01", "2026-02-02")):
        store.put(f"{prefix}/days/day={day}/a b%{n}.parquet", file(TRIPS[n::4], "parquet"))
    store.put(f"{prefix}/days/_SUCCESS", b"")
    uri = f"s3://{BUCKET}/{prefix}"
    report = job.run(config(f"{uri}/days", f"{uri}/out", "parquet"))
    days = pl.read_delta(report.table, storage_options=HTTP)["day"]
    assert (days.dtype, days.n_unique(), report.rows_read) == (pl.Date(), 3, 300)
    for glob, files in {"/*/*.parquet": 3, "/day=2026-02-*": 2, "/day={2026-01-31,2026-02-02}/*": 2, "/**": 3}.items():
        some = config(f"{uri}/days{glob}", f"{uri}/out", "parquet").source
        assert len(find_dataset(some).shards) == files, glob


@pytest.mark.parametrize("source", [f"s3://{BUCKET}/nowhere", f"s3://{BUCKET}/nowhere/*/x"])
def test_a_source_that_is_not_there_is_named_in_one_line(
    store: Store, prefix: str, tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there = config(source, f"s3://{BUCKET}/{prefix}/out")
    with pytest.raises(SourceError, match="there is nothing at"):
        job.run(there)
    (tmp_path / "job.yaml").write_text(there.to_yaml())
    assert main(["run", str(tmp_path / "job.yaml")]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"genspark: source.path: there is nothing at {source}; check the path"
    assert store.names(prefix) == []


def test_a_bucket_to_write_to_that_is_not_there_is_found_before_any_work(trips: str) -> None:
    with pytest.raises(TargetError, match=r"^sink\.path: s3://no-such-bucket/out: .*NoSuchBucket") as it:
        job.run(config(trips, "s3://no-such-bucket/out"))
    assert "\n" not in str(it.value)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("AWS_SECRET_ACCESS_KEY", "another", "SignatureDoesNotMatch"),
        ("AWS_ACCESS_KEY_ID", "nobody", "InvalidAccessKeyId"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1", "nothing answers at http://127.0.0.1:1 (Connection refused)"),
    ],
    # The prefix is named after the test, and the value of a secret is masked in it.
    ids=["secret", "key", "endpoint"],
)
@pytest.mark.parametrize("source", ["local", "s3"])
def test_what_the_store_refuses_ends_the_run_in_one_line(
    trips: str,
    prefix: str,
    tmp_path: Path,
    variable: str,
    value: str,
    told: str,
    source: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = f"s3://{BUCKET}/{prefix}/out" if source == "local" else f"{tmp_path}/out"
    (tmp_path / "in.csv.gz").write_bytes(shards("csv")["0.csv.gz"])
    (tmp_path / "job.yaml").write_text(config(f"{tmp_path}/in.csv.gz" if source == "local" else trips, out).to_yaml())
    monkeypatch.setenv(variable, value)
    assert main(["run", str(tmp_path / "job.yaml")]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"genspark: {'sink' if source == 'local' else 'source'}.path: s3://{BUCKET}/{prefix}/")
    assert last.endswith(object_stores.REMEDY)
    assert told in last


def test_s3a_is_s3(store: Store, prefix: str, trips: str) -> None:
    report = job.run(config(trips.replace("s3://", "s3a://"), f"s3a://{BUCKET}/{prefix}/out/"))
    assert report.table == f"s3://{BUCKET}/{prefix}/out"
    assert len(rows(report.table)) == 399
    assert PipelineModel.load(f"s3a://{BUCKET}/{prefix}/out/_genspark/model.json").sha256 == report.model_sha256
    assert written(store, f"{prefix}/out") == logged(store, f"{prefix}/out")


def test_a_table_and_a_model_there_serve_another_job(
    store: Store, prefix: str, trips: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = f"s3://{BUCKET}/{prefix}"
    first = job.run(config(trips, f"{out}/out"))
    assert main(["inspect", first.model]) == 0
    assert first.model_sha256 in capsys.readouterr().out
    assert main(["inspect", f"{out}/nowhere/model.json"]) == 2
    assert "there is no model here" in capsys.readouterr().err
    copy = config(first.table, f"{out}/copy", "delta", steps="[]")
    assert job.run(copy).rows_written == 399
    assert rows(f"{out}/copy") == rows(first.table)
    again = job.transform(config(trips, f"{out}/again"), PipelineModel.load(first.model))
    assert rows(again.table) == rows(first.table)


def test_a_folder_of_other_files_is_no_place_for_a_table(store: Store, prefix: str, trips: str) -> None:
    store.put(f"{prefix}/other/notes.txt", b"not a table")
    with pytest.raises(TargetError, match="holds files and is not a Delta table"):
        job.run(config(trips, f"s3://{BUCKET}/{prefix}/other"))
    assert without_ledger(store.names(prefix)) == [*(f"in/{n}.csv.gz" for n in range(4)), "other/notes.txt"]


@pytest.mark.parametrize("on_corrupt", ["error", "quarantine"])
def test_files_of_a_write_that_stopped_halfway_are_taken_away(store: Store, prefix: str, on_corrupt: str) -> None:
    for name, content in shards("parquet").items():
        # The last shard's end, which tells its columns, is whole.
        spoilt = content[:40] + b"\xff" * 200 + content[240:] if name == "3.parquet" else content
        store.put(f"{prefix}/in/{name}", spoilt)
    uri = f"s3://{BUCKET}/{prefix}"
    small = config(f"{uri}/in", f"{uri}/out", "parquet", "mode: error, max_records_per_file: 20", steps="[]")
    source = small.source.model_copy(update={"on_corrupt": on_corrupt})
    halfway = small.model_copy(
        update={"source": source, "sink": small.sink.model_copy(update={"partition_by": ("zone",)})}
    )
    if on_corrupt == "error":
        with pytest.raises(SourceError, match=rf"^source\.path: {uri}/in/3\.parquet cannot be read"):
            job.run(halfway)
        assert without_ledger(store.names(prefix)) == [f"in/{n}.parquet" for n in range(4)]
    else:
        report = job.run(halfway)
        assert (report.rows_written, report.shards_quarantined) == (300, 1)
        for name in ("out", "out_quarantine"):
            assert written(store, f"{prefix}/{name}") == logged(store, f"{prefix}/{name}")


def test_a_shard_that_is_cut_short_is_named(store: Store, prefix: str, trips: str) -> None:
    store.put(f"{prefix}/in/2.csv.gz", shards("csv")["2.csv.gz"][:200])
    with pytest.raises(SourceError, match=rf"s3://{BUCKET}/{prefix}/in/2\.csv\.gz"):
        job.run(config(trips, f"s3://{BUCKET}/{prefix}/out"))
    assert store.names(f"{prefix}/out") == []


def test_an_endpoint_of_amazon_needs_no_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    assert object_stores.polars_options("s3://shelf/x") is None
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://store.example")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    options = {"aws_endpoint_url": "https://store.example", "aws_region": "eu-west-1"}
    assert object_stores.polars_options("s3://shelf/x") == options
    assert object_stores.polars_options("/shelf/x") is object_stores.delta_options("/shelf/x") is None
    # What is written is signed where somebody on the way could change it.
    for endpoint, is_signed in {"https://store.example": False, "http://store.example": True, "": False}.items():
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        told = object_stores.delta_options("s3://shelf/x")
        assert told is not None
        assert ("aws_unsigned_payload" in told) is not is_signed


def test_what_spark_alone_reaches_is_left_to_it() -> None:
    with pytest.raises(PlanError, match="viewfs://name/in can be reached through Spark alone"):
        job.run(config("viewfs://name/in", "s3://shelf/out"))


def test_of_two_who_put_one_name_one_gets_it(store: Store, prefix: str) -> None:
    def put(writer: int) -> str | None:
        try:
            write_new(f"s3://{BUCKET}/{prefix}/one.json", f"{writer}\n")
        except FileExistsError:
            return None
        return f"{writer}\n"

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        (won,) = [text for text in pool.map(put, range(8)) if text]
    assert read_text(f"s3://{BUCKET}/{prefix}/one.json") == won
    assert store.names(prefix) == ["one.json"]
    with pytest.raises(OSError, match=r"NoSuchBucket|not found"):
        write_new(f"s3://no-such-{BUCKET}/one.json", "")


def test_a_table_there_is_read_for_training_and_a_second_epoch_from_the_cache(
    store: Store, prefix: str, tmp_path: Path
) -> None:
    from genspark import TrainingTable

    uri = f"s3://{BUCKET}/{prefix}/table"
    frame = pl.DataFrame({"id": range(300), "x": [number / 2 for number in range(300)]})
    frame.write_delta(uri, storage_options=object_stores.delta_options(uri))
    reader = TrainingTable(uri).reader(global_batch_size=32, cache=str(tmp_path / "cache"))
    ids = [int(number) for batch in reader for number in batch["id"][batch["_mask"]]]
    assert sorted(ids) == list(range(300))
    store.system.delete_dir_contents(f"{BUCKET}/{prefix}")
    again = [int(number) for batch in reader for number in batch["id"][batch["_mask"]]]
    assert sorted(again) == list(range(300))
    assert again != ids


def test_a_catalogue_lists_the_tables_of_a_bucket(store: Store, prefix: str, trips: str) -> None:
    out = f"s3://{BUCKET}/{prefix}/lake"
    job.run(config(trips, f"{out}/city/trips"))
    store.put(f"{prefix}/lake/broken/_delta_log/00000000000000000000.json", b"nonsense")
    found = {one.name: one for one in listing(out).entries}
    assert {name: one.kind for name, one in found.items()} == {
        "broken": "table",
        "city/trips": "table",
        "city/trips_quarantine": "quarantine",
        "city/trips_runs": "runs",
    }
    trips_ = found["city/trips"]
    assert (trips_.rows, trips_.quarantined, trips_.sources, trips_.owner) == (399, 1, (trips,), None)
    assert found["broken"].error
