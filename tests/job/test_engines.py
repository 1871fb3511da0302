"""Jobs on Polars, alone and in Spark's tasks: the choice of an engine, tasks, and shards that cannot be read."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from deltalake import DeltaTable

from genspark import JobConfig, PipelineModel, job
from genspark.engines.spark.tasks import run_tasks
from genspark.errors import DataError, GensparkError, PlanError, SessionError, ShardError
from genspark.job.progress import Silent
from genspark.job.runners import choose
from genspark.job.runners.spark_polars import SparkPolarsRunner
from genspark.job.runners.work import WriteResult, WriteWork

STEPS = "[impute: {columns: v, strategy: median}, outliers: {columns: v, threshold: 2, action: quarantine}]"


def config(place: Path, engine: str, source: str, steps: str = STEPS, sink: str = "mode: overwrite") -> JobConfig:
    return JobConfig.from_text(
        f"name: small\nengine: {engine}\nsource: {{{source}}}\nkey: [id]\nsteps: {steps}\n"
        f"sink: {{path: {place}/table, {sink}}}\n"
    )


tasks_of_spark = pytest.param("spark-polars", marks=pytest.mark.exhaustive)


@pytest.fixture(params=["polars", "tasks", tasks_of_spark])
def engine(request: pytest.FixtureRequest, start: Callable[[str], str]) -> str:
    return start(request.param)


@pytest.fixture(params=["tasks", tasks_of_spark])
def in_tasks(request: pytest.FixtureRequest, start: Callable[[str], str]) -> str:
    """The engine, which must be one that works in tasks."""
    return start(request.param)


on_every_engine = pytest.mark.parametrize("engine", ["polars", "tasks", "spark", tasks_of_spark], indirect=True)


def write_shards(place: Path, kind: str, shards: int = 3, rows: int = 1000) -> list[Path]:
    """Shards of some rows, all with the value 1.0 or 2.0 in `v`, but for the first of the first."""
    (place / "in").mkdir()
    paths = []
    for number in range(shards):
        ids = np.arange(number * rows, (number + 1) * rows)
        values = np.where(ids % 3 == 0, 2.0, 1.0)
        values[0] = 900.0 if number == 0 else 1.0
        frame = pl.DataFrame({"id": ids, "v": values, "noise": np.random.default_rng(number).random(rows)})
        paths.append(place / "in" / f"{number}.{'parquet' if kind == 'parquet' else 'csv.gz'}")
        if kind == "parquet":
            frame.write_parquet(paths[-1], row_group_size=rows // 4)
        else:
            paths[-1].write_bytes(gzip.compress(frame.write_csv().encode()))
    return paths


def source(place: Path, kind: str, more: str = "") -> str:
    return f"path: {place}/in, format: {kind}, split_size: 1{more}"


# The choice


def in_a_process(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("JAVA_HOME", "SPARK_REMOTE")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env={**kept, **environment}, capture_output=True, text=True
    )


CHOOSE = """
import json, sys
from genspark import JobConfig
from genspark.errors import PlanError
from genspark.job.runners import choose

for text in sys.argv[1:]:
    try:
        chosen = choose(JobConfig.from_text(text))
        print(json.dumps([chosen.engine, chosen.reason]))
    except PlanError as error:
        print(json.dumps(["PlanError", str(error)]))
"""


def job_text(engine: str, path: Path | str, more: str = "", kind: str = "csv", out: str = "/tmp/out") -> str:
    return f"name: x\nengine: {engine}\nsource: {{path: '{path}', format: {kind}}}\nsink: {{path: '{out}'{more}}}"


@pytest.fixture
def sized(tmp_path: Path) -> Callable[[int], Path]:
    """A file of so many bytes, of which the disk holds none."""

    def make(size: int) -> Path:
        path = tmp_path / f"{size}.csv"
        path.touch()
        os.truncate(path, size)
        return path

    return make


def test_auto_without_a_session(sized: Callable[[int], Path]) -> None:
    texts = {
        job_text("auto", sized(50)): ["polars", "no Spark session is there, 50 bytes of input"],
        job_text("auto", sized(200 << 30)): ["spark-polars", "215 GB of input, more than one process should read"],
        job_text("auto", "/nowhere.csv"): ["polars", "no Spark session is there, input of unknown size"],
        job_text("auto", "dbfs://there/a.csv"): [
            "spark",
            "polars cannot: dbfs://there/a.csv can be reached through Spark alone",
        ],
        job_text("auto", sized(60), kind="arrow"): ["polars", "no Spark session is there, 60 bytes of input"],
        job_text("spark", sized(50)): ["spark", "as configured"],
        job_text("polars", "dbfs://there/a.csv"): [
            "PlanError",
            "engine: polars cannot run this job: dbfs://there/a.csv can be reached through Spark alone; "
            "engine: spark can",
        ],
    }
    ran = in_a_process(CHOOSE, *texts)
    assert [json.loads(line) for line in ran.stdout.splitlines()] == list(texts.values()), ran.stderr


def test_auto_without_java(sized: Callable[[int], Path]) -> None:
    texts = [
        job_text("auto", sized(200 << 30)),
        job_text("spark", sized(50)),
        job_text("spark-polars", sized(50)),
        job_text("auto", "dbfs://there/a.csv"),
    ]
    ran = in_a_process(CHOOSE, *texts, PATH="/nowhere")
    huge, spark, tasks, neither = (json.loads(line) for line in ran.stdout.splitlines())
    assert huge == ["polars", "no Spark session is there, 215 GB of input"]
    for engine, (kind, told) in {"spark": spark, "spark-polars": tasks}.items():
        assert kind == "PlanError"
        assert told.startswith(
            f"engine: {engine} cannot run this job: Spark needs a Java 17 runtime and none was found"
        )
        assert told.endswith("; engine: polars can")
    assert neither[0] == "PlanError"
    for part in ("no engine can run this job: polars: ", "; spark-polars: ", "; spark: Spark needs a Java 17"):
        assert part in neither[1]


def test_auto_with_a_session(spark: Any, sized: Callable[[int], Path]) -> None:
    big, bounded = sized(1 << 30), ", files_per_partition: 2"

    def chosen(text: str) -> tuple[str, str]:
        found = choose(JobConfig.from_text(text), spark)
        return found.engine, found.reason

    assert chosen(job_text("auto", sized(50))) == ("spark", "a Spark session is there, 50 bytes of input")
    reached = "a Spark session is there, 1 GB of input that its workers reach"
    assert chosen(job_text("auto", big)) == ("spark-polars", reached)
    assert chosen(job_text("auto", big, kind="arrow")) == ("spark-polars", reached)
    refused = "spark-polars cannot: sink.files_per_partition needs rows to move between tasks"
    assert chosen(job_text("auto", big, bounded)) == ("spark", f"a Spark session is there, and {refused}")
    assert chosen(job_text("auto", sized(60), kind="arrow")) == (
        "polars",
        "spark cannot: it does not read format arrow",
    )
    with pytest.raises(
        PlanError, match="engine: spark cannot run this job: .* arrow; engine: polars or spark-polars can"
    ):
        chosen(job_text("spark", big, kind="arrow"))


# Without Spark


def test_a_job_needs_neither_pyspark_nor_java(tmp_path: Path) -> None:
    write_shards(tmp_path, "csv")
    (tmp_path / "none" / "pyspark").mkdir(parents=True)
    (tmp_path / "none" / "pyspark" / "__init__.py").write_text(
        f"open('{tmp_path}/imported', 'w').close()\nraise ImportError('pyspark is forbidden here')\n"
    )
    conf = tmp_path / "job.yaml"
    conf.write_text(config(tmp_path, "polars", source(tmp_path, "csv")).to_yaml())
    code = "import sys; from genspark.cli import main; sys.exit(main(sys.argv[1:]))"
    ran = in_a_process(code, "run", "--json", str(conf), PYTHONPATH=str(tmp_path / "none"), PATH="/nowhere")
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout.splitlines()[-1])
    assert (report["engine"], report["rows_written"], report["rows_quarantined"]) == ("polars", 2999, 1)
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]])
def test_help_imports_no_spark(arguments: list[str]) -> None:
    code = (
        "import contextlib, io, sys\nfrom genspark.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n    main(sys.argv[1:])\n"
        "print(sorted({'pyspark', 'deltalake'} & set(sys.modules)))"
    )
    assert in_a_process(code, *arguments).stdout.strip() == "[]"


# Tasks


def table_of(path: str | Path) -> list[tuple[Any, ...]]:
    return sorted(pl.read_delta(str(path)).rows())


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_many_tasks_give_what_one_gives(in_tasks: str, tmp_path: Path, kind: str) -> None:
    write_shards(tmp_path, kind)
    steps = STEPS.replace("threshold: 2", "method: iqr, threshold: 50")
    tables, models, aside = [], [], []
    for split_size in (1 << 30, 2000, 1):
        place = tmp_path / str(split_size)
        text = source(tmp_path, kind).replace("split_size: 1", f"split_size: {split_size}")
        report = job.run(config(place, in_tasks, text, steps))
        files = DeltaTable(report.table).file_uris()
        assert len(files) == len(set(files)) == report.files_written
        tables.append(table_of(report.table))
        aside.append(pl.read_delta(str(report.quarantine)).drop("_run_id").rows())
        models.append([dict(one) for one in PipelineModel.load(report.model).parameters])
    assert tables[0] == tables[1] == tables[2]
    assert aside[0] == aside[1] == aside[2]
    assert len(tables[0]) == 2999
    assert models[0] == models[1] == models[2]


def test_two_runs_learn_the_same(in_tasks: str, tmp_path: Path) -> None:
    write_shards(tmp_path, "parquet", shards=5)
    steps = "[impute: {columns: v}, scale: {columns: [v, noise]}]"
    runs = [job.run(config(tmp_path / str(n), in_tasks, source(tmp_path, "parquet"), steps)) for n in (1, 2)]
    models = [PipelineModel.load(report.model) for report in runs]
    assert models[0].parameters == models[1].parameters
    assert models[0].states == models[1].states


def test_what_a_first_attempt_left_is_swept(in_tasks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shards(tmp_path, "parquet")

    class Twice(WriteWork):
        def __call__(self, dataset: Any, task: int) -> WriteResult:
            WriteWork.__call__(self, dataset, task)
            return WriteWork.__call__(self, dataset, task)

    monkeypatch.setattr("genspark.job.runners.polars.WriteWork", Twice)
    report = job.run(config(tmp_path, in_tasks, source(tmp_path, "parquet")))
    for folder, rows in ((report.table, 2999), (str(report.quarantine), 1)):
        named = {Path(uri.removeprefix("file://")).name for uri in DeltaTable(folder).file_uris()}
        assert {path.name for path in Path(folder).rglob("*.parquet")} == named
        assert pl.read_delta(folder).height == rows


@pytest.mark.connect
@pytest.mark.usefixtures("interpreted")
def test_results_come_in_the_order_of_the_tasks(spark: Any) -> None:
    def late(task: float, number: int) -> float:
        time.sleep(task)
        return task

    assert run_tasks(spark, late, [0.4, 0.0, 0.2]) == [0.4, 0.0, 0.2]


# What goes wrong


def seen(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


class Meanwhile(Silent):
    """Does something just before a phase."""

    def __init__(self, phase: str, act: Callable[[], object]) -> None:
        self._phase, self._act = phase, act

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        if name.startswith(self._phase):
            self._act()
        yield


Fails = Callable[..., GensparkError]


@pytest.fixture
def fails(tmp_path: Path) -> Fails:
    """Run a job that must fail with an error told in a line; the table that it means to overwrite must be as it was."""
    pl.DataFrame({"id": [1]}).write_delta(tmp_path / "table")
    before = seen(tmp_path / "table")

    def run(asked: JobConfig, kind: type[GensparkError] = ShardError, progress: Silent | None = None) -> GensparkError:
        with pytest.raises(kind) as raised:
            job.run(asked, progress=progress)
        assert "\n" not in str(raised.value)
        assert raised.value.exit_code in (1, 2)
        assert seen(tmp_path / "table") == before
        assert not (tmp_path / "table_quarantine").exists()
        return raised.value

    return run


def test_parquet_of_another_schema(fails: Fails, tmp_path: Path, engine: str) -> None:
    odd = write_shards(tmp_path, "parquet")[1]
    pl.DataFrame({"id": [1], "v": ["text"], "noise": [1.0]}).write_parquet(odd)
    told = str(fails(config(tmp_path, engine, source(tmp_path, "parquet"))))
    assert told.startswith(f"source.path: {odd} differs from the others: column 'v' is string, but double in ")
    assert "make the shards alike" in told


def test_csv_of_another_header(fails: Fails, tmp_path: Path, engine: str) -> None:
    odd = write_shards(tmp_path, "csv")[1]
    odd.write_bytes(gzip.compress(b"id,w,noise\n1,2.0,3.0\n"))
    error = fails(config(tmp_path, engine, source(tmp_path, "csv")), GensparkError)
    assert error.exit_code == 2
    for part in (str(odd), "column 2 is 'w', but 'v'", "make the shards alike"):
        assert part in str(error)


@pytest.mark.parametrize("schema", ["", ", schema: 'id long, v double, noise double'"], ids=["inferred", "told"])
def test_a_gz_that_was_cut_short(fails: Fails, tmp_path: Path, engine: str, schema: str) -> None:
    cut = write_shards(tmp_path, "csv")[2]
    cut.write_bytes(cut.read_bytes()[:-500])
    error = fails(config(tmp_path, engine, source(tmp_path, "csv", schema)), GensparkError)
    assert error.exit_code == 2
    assert f"source.path: {cut}" in str(error)


def spoil(path: Path) -> None:
    """Overwrite the middle of a file, where its values are."""
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 2000] = b"\xff" * 2000
    path.write_bytes(whole)


def test_a_corrupt_row_group(fails: Fails, tmp_path: Path, engine: str) -> None:
    odd = write_shards(tmp_path, "parquet")[1]
    spoil(odd)
    told = str(fails(config(tmp_path, engine, source(tmp_path, "parquet"))))
    assert told.startswith(f"source.path: {odd} cannot be read (")
    assert "source.on_corrupt: quarantine" in told


@pytest.mark.parametrize("phase", ["fitting", "writing"])
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_shard_that_goes_away(fails: Fails, tmp_path: Path, engine: str, kind: str, phase: str) -> None:
    gone = write_shards(tmp_path, kind)[1]
    progress = Meanwhile(phase, lambda: gone.unlink(missing_ok=True))
    read_each_time = "" if kind == "parquet" else ", stage: never"
    told = str(fails(config(tmp_path, engine, source(tmp_path, kind, read_each_time)), progress=progress))
    assert told.startswith(f"source.path: {gone} cannot be read (the file is gone)")


def test_a_value_that_cannot_be_cast(fails: Fails, tmp_path: Path, engine: str) -> None:
    write_shards(tmp_path, "parquet")
    for path in (tmp_path / "in").iterdir():
        pl.read_parquet(path).with_columns(t=pl.lit("text")).write_parquet(path)
    steps = "[cast: {columns: {t: int64}}]"
    error = fails(config(tmp_path, engine, source(tmp_path, "parquet"), steps), DataError)
    assert "'t'" in str(error)
    assert "text" in str(error)
    assert str(error).endswith("clean the column before it is cast")


def runner(place: Path, spark: Any) -> SparkPolarsRunner:
    made = SparkPolarsRunner(
        config(place, "spark-polars", source(place, "parquet")),
        "run",
        lambda *_: contextlib.nullcontext(),
        lambda _: None,
        session=spark,
    )
    made.start()
    made.read_schema()
    return made


def of_tasks(place: Path, spark: Any, work: Callable[[Any, int], Any]) -> str:
    made = runner(place, spark)
    with pytest.raises(GensparkError) as raised:
        made._each(work, made.dataset, 1)
    assert "\n" not in str(raised.value)
    return f"{type(raised.value).__name__}: {raised.value}"


def test_a_worker_that_is_killed(spark: Any, interpreted: None, tmp_path: Path) -> None:
    odd = write_shards(tmp_path, "parquet", rows=200)[1]

    def work(dataset: Any, task: int) -> int:
        if dataset.shards[0].path.endswith("1.parquet"):
            os.kill(os.getpid(), signal.SIGKILL)
        return task

    told = of_tasks(tmp_path, spark, work)
    assert told.startswith(f"GensparkError: source.path: {odd}: its worker was killed, most likely for want of memory")
    assert "lower source.split_size" in told


@pytest.mark.connect
def test_a_worker_that_lacks_a_package(spark: Any, interpreted: None, tmp_path: Path) -> None:
    write_shards(tmp_path, "parquet", rows=200)

    def work(dataset: Any, task: int) -> None:
        import no_such_package  # noqa: F401

    told = of_tasks(tmp_path, spark, work)
    assert told.startswith("SessionError: engine: spark-polars: Spark's workers have no package 'no_such_package'")
    assert SessionError.exit_code == 2


def test_a_worker_that_cannot_reach_a_path(spark: Any, interpreted: None, tmp_path: Path) -> None:
    odd = write_shards(tmp_path, "parquet", rows=200)[0]

    def work(dataset: Any, task: int) -> bytes:
        return Path("/of/the/driver", Path(dataset.shards[0].path).name).read_bytes()

    told = of_tasks(tmp_path, spark, work)
    assert told.startswith(f"GensparkError: source.path: {odd}: FileNotFoundError: ")
    assert told.endswith("it can be read here: see that Spark's workers reach it, or set engine: polars")


@pytest.mark.connect
def test_an_error_of_ours_comes_out_of_a_task_as_it_is(spark: Any, interpreted: None, tmp_path: Path) -> None:
    write_shards(tmp_path, "parquet", rows=200)

    def work(dataset: Any, task: int) -> None:
        raise ShardError({dataset.shards[0].path: "is odd"}, "mend it")

    assert of_tasks(tmp_path, spark, work) == f"ShardError: source.path: {tmp_path}/in/0.parquet is odd; mend it"


@pytest.mark.usefixtures("interpreted")
def test_tasks_that_still_run_when_a_job_fails_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shards(tmp_path, "parquet", shards=2)

    class OneFails(WriteWork):
        def __call__(self, dataset: Any, task: int) -> WriteResult:
            if task == 0:
                raise ValueError("no")
            time.sleep(1.0)
            return WriteWork.__call__(self, dataset, task)

    monkeypatch.setattr("genspark.job.runners.polars.WriteWork", OneFails)
    with pytest.raises(GensparkError, match="ValueError: no"):
        job.run(config(tmp_path, "spark-polars", source(tmp_path, "parquet"), sink="target_file_size: 1KB"))
    time.sleep(2.0)  # a task that still ran would have written by now
    assert not (tmp_path / "table").exists()


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    write_shards(tmp_path, "parquet", rows=100_000)
    conf = tmp_path / "job.yaml"
    conf.write_text(config(tmp_path, "polars", source(tmp_path, "parquet")).to_yaml())
    code = (
        "import resource, signal, sys\nfrom genspark.cli import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    ran = in_a_process(code, "run", "-q", str(conf))
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"genspark: sink.path: no space is left for {tmp_path}/table")
    assert len(ran.stderr.splitlines()) == 1
    assert not (tmp_path / "table").exists()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


# Shards that are left out


@on_every_engine
@pytest.mark.exhaustive("engine")
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_corrupt_shard_goes_to_the_quarantine(tmp_path: Path, engine: str, kind: str) -> None:
    whole, _, odd = write_shards(tmp_path, kind)
    spoil(odd)
    schema = ", schema: 'id long, v double, noise double'" if kind == "csv" else ""
    for run in (1, 2):
        quarantining = config(tmp_path, engine, source(tmp_path, kind, f"{schema}, on_corrupt: quarantine"))
        report = job.run(quarantining, force=run == 2)
        assert (report.rows_read, report.rows_written, report.rows_quarantined) == (2000, 1999, 1)
        assert report.shards_quarantined == 1
        assert pl.read_delta(report.table).height == 1999
        table = pl.read_delta(str(report.quarantine))
        assert table.height == 2 * run
        row, other = table.filter(_run_id=report.run_id).sort("id", nulls_last=False).rows(named=True)
        assert (row["id"], row["v"], row["noise"], row["_file"]) == (None, None, None, f"file://{odd}")
        assert row["_corrupt_record"]
        (reason,) = row["_reasons"]
        assert reason == {"step": "source", "column": None, "rule": "corrupt shard", "value": None, "threshold": None}
        assert (other["id"], other["_file"], other["_corrupt_record"]) == (0, f"file://{whole}", None)
        told = json.loads(DeltaTable(report.table).history(1)[0]["userMetadata"])
        assert told["source"]["files"] == 2


@on_every_engine
def test_shards_that_are_all_corrupt_stop_the_job(tmp_path: Path, engine: str) -> None:
    for shard in write_shards(tmp_path, "parquet", shards=2):
        shard.write_bytes(b"no Parquet")
    with pytest.raises(GensparkError, match=r"source\.path: no(ne of the 2 shards| shard of .*) can be read"):
        job.run(config(tmp_path, engine, source(tmp_path, "parquet", ", on_corrupt: quarantine")))
    assert not (tmp_path / "table").exists()
