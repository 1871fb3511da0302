"""Sessions: what is decided without a JVM is tested without one; real spark-submit runs are marked slow."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from genspark import session
from genspark.errors import SessionError
from genspark.session import archive, connect, driver, jars, jvm, progress

REPOSITORY = Path(__file__).resolve().parents[1]


# --- Java ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "major"),
    [
        ('JAVA_VERSION="17.0.15"\nOS_ARCH="x86_64"', 17),
        ('openjdk version "25" 2025-09-16', 25),
        ('java version "1.8.0_402"', 8),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_java_major(build: str, major: int | None) -> None:
    assert jvm.java_major(build) == major


def a_java(folder: Path, *, release: str = "", prints: str = "") -> Path:
    command = folder / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\necho '{prints}' >&2\n")
    command.chmod(0o755)
    if release:
        (folder / "release").write_text(release)
    return folder


def test_java_home_goes_before_the_path(tmp_path: Path) -> None:
    home = a_java(tmp_path / "home", release='JAVA_VERSION="21.0.2"')
    path = a_java(tmp_path / "path", prints='openjdk version "17.0.1"') / "bin"
    assert jvm.find_java({"JAVA_HOME": str(home), "PATH": str(path)}).major == 21
    assert jvm.find_java({"PATH": str(path)}).major == 17


def test_no_java_names_the_package_to_install(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match=r"Java 17 runtime and none was found: .*openjdk-17-jre-headless"):
        jvm.find_java({"PATH": str(tmp_path)})
    with pytest.raises(SessionError, match=r"none was found in JAVA_HOME=/nowhere"):
        jvm.find_java({"JAVA_HOME": "/nowhere", "PATH": os.environ["PATH"]})


def test_an_old_java_is_refused(tmp_path: Path) -> None:
    home = a_java(tmp_path, release='JAVA_VERSION="11.0.20"')
    with pytest.raises(SessionError, match=r"bin/java is Java 11: install"):
        jvm.find_java({"JAVA_HOME": str(home)})
    with pytest.raises(SessionError, match=r"does not run"):
        jvm.find_java({"JAVA_HOME": str(a_java(tmp_path / "stub", prints="no runtime present"))})


# --- jars ------------------------------------------------------------------------------------------------


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Maven repository that is a folder, with one jar that stands for the seven; and an empty cache."""
    jar = jars.Jar("org.example", "little", "1.0", hashlib.sha256(b"classes").hexdigest())
    path = tmp_path / "mirror" / jar.repository_path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"classes")
    monkeypatch.setattr(jars, "DELTA_JARS", (jar,))
    monkeypatch.setenv("GENSPARK_MAVEN_REPOSITORY", (tmp_path / "mirror").as_uri())
    monkeypatch.setenv("GENSPARK_CACHE", str(tmp_path / "cache"))
    return path


def test_a_jar_is_fetched_once(mirror: Path, tmp_path: Path) -> None:
    (path,) = jars.delta_jars("4.2.0")
    mirror.unlink()
    assert jars.delta_jars("4.2.0") == (path,)
    assert [file.name for file in (tmp_path / "cache/jars").iterdir()] == ["little-1.0.jar"]
    assert path.read_bytes() == b"classes"


def test_a_damaged_jar_is_fetched_again(mirror: Path) -> None:
    (path,) = jars.delta_jars("4.2.0")
    path.write_bytes(b"clas")
    jars.delta_jars("4.2.0")
    assert path.read_bytes() == b"classes"


def test_an_altered_jar_is_refused(mirror: Path, tmp_path: Path) -> None:
    mirror.write_bytes(b"other classes")
    with pytest.raises(SessionError, match=r"little-1.0.jar: sha256 is .*, not the pinned .*MAVEN_REPOSITORY"):
        jars.delta_jars("4.2.0")
    assert list((tmp_path / "cache/jars").iterdir()) == []


def test_a_repository_out_of_reach_names_the_remedies(mirror: Path, tmp_path: Path) -> None:
    mirror.unlink()
    with pytest.raises(
        SessionError, match=r"set GENSPARK_MAVEN_REPOSITORY .* or put little-1.0.jar into .*/cache/jars"
    ):
        jars.delta_jars("4.2.0")


def test_jars_of_another_spark_are_not_handed_out() -> None:
    with pytest.raises(SessionError, match=r"for Spark 4\.2, and this is Spark 4\.1\.1"):
        jars.delta_jars("4.1.1")


def test_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENSPARK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jars.cache_folder() == tmp_path / "genspark"
    (tmp_path / "file").touch()
    monkeypatch.setenv("GENSPARK_CACHE", str(tmp_path / "file"))
    with pytest.raises(SessionError, match="set GENSPARK_CACHE"):
        jars.cache_folder()


# --- settings --------------------------------------------------------------------------------------------


def test_cores_of_a_master() -> None:
    masters = [
        "local",
        "local[3]",
        "local[4,2]",
        "local-cluster[2,3,1024]",
        "spark://host:7077",
        "yarn",
        "local[x]",
    ]
    assert [jvm.cores(master) for master in masters] == [1, 3, 4, 6, None, None, None]
    assert jvm.cores("local[*]") == jvm.usable_cores() >= 1
    assert [jvm.is_local(master) for master in masters[:4]] == [True, True, True, False]


def test_driver_memory_is_half_of_what_is_free_within_bounds() -> None:
    gib = 1024**3
    assert [jvm.driver_memory(free * gib) for free in (1, 12, 500)] == ["1024m", "6144m", "31744m"]


def launch_conf(master: str = "local[2]", config: dict[str, str] | None = None, **environment: str) -> dict[str, str]:
    delta = [Path("/jars/a.jar"), Path("/jars/b.jar")]
    return jvm.launch_conf(
        "app",
        master,
        config or {},
        warehouse=Path("/w"),
        delta=delta,
        options="-Xone",
        environment=environment,
    )


def test_a_local_driver_has_delta_on_its_own_class_path() -> None:
    conf = launch_conf()
    assert conf["spark.driver.extraClassPath"] == f"/jars/a.jar{os.pathsep}/jars/b.jar"
    assert "spark.jars" not in conf
    assert conf["spark.sql.extensions"] == "io.delta.sql.DeltaSparkSessionExtension"
    assert conf["spark.sql.shuffle.partitions"] == conf["spark.databricks.delta.snapshotPartitions"] == "2"
    assert conf["spark.sql.warehouse.dir"] == "file:///w"
    assert conf["spark.hadoop.parquet.enable.dictionary"] == "false"


def test_executors_of_their_own_get_the_jars_too() -> None:
    assert launch_conf("spark://h:7077")["spark.jars"] == "/jars/a.jar,/jars/b.jar"
    assert launch_conf("local-cluster[2,1,1024]", {"spark.jars": "/my.jar"})["spark.jars"].startswith("/my.jar,/jars")
    assert "spark.sql.warehouse.dir" not in launch_conf("spark://h:7077")


def test_the_users_settings_win_and_add() -> None:
    conf = launch_conf(
        config={
            "spark.driver.memory": "3g",
            "spark.driver.extraJavaOptions": "-Xtwo",
            "spark.driver.extraClassPath": "/my.jar",
            "spark.sql.extensions": "my.Extension",
            "spark.sql.catalog.spark_catalog": "my.Catalog",
            "spark.sql.session.timeZone": "Asia/Tokyo",
        }
    )
    assert conf["spark.driver.memory"] == "3g"
    assert conf["spark.driver.extraJavaOptions"] == "-Xone -Xtwo"
    assert conf["spark.driver.extraClassPath"].split(os.pathsep)[-1] == "/my.jar"
    assert conf["spark.sql.extensions"] == "my.Extension,io.delta.sql.DeltaSparkSessionExtension"
    assert conf["spark.sql.catalog.spark_catalog"] == "my.Catalog"
    assert conf["spark.sql.session.timeZone"] == "Asia/Tokyo"
    assert "spark.driver.memory" not in launch_conf(SPARK_DRIVER_MEMORY="2g")


def test_a_delta_of_the_users_own_is_seen(tmp_path: Path) -> None:
    assert not jvm.brings_delta({"spark.jars": "/a.jar"}, tmp_path, {})
    assert jvm.brings_delta({"spark.jars.packages": "io.delta:delta-spark_4.1_2.13:4.1.0"}, tmp_path, {})
    assert jvm.brings_delta({}, tmp_path, {"PYSPARK_SUBMIT_ARGS": "--jars /x/delta-spark_4.2_2.13.jar pyspark-shell"})
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "delta-spark_4.2_2.13-4.4.0.jar").touch()
    assert jvm.brings_delta({}, tmp_path, {})


def test_java_options_are_quoted_where_a_path_has_a_space() -> None:
    options = jvm.java_options(quick=True, archive=Path("/my cache/a.jsa"))
    assert "-XX:TieredStopAtLevel=1" in options
    assert '"-XX:SharedArchiveFile=/my cache/a.jsa" -Xshare:auto' in options
    assert "TieredStopAtLevel" not in jvm.java_options(quick=False)


def test_the_archives_name_follows_every_jar_of_the_class_path(tmp_path: Path) -> None:
    (tmp_path / "jars").mkdir()
    jar = tmp_path / "jars" / "spark.jar"
    jar.touch()
    java = jvm.Java(Path("/usr/bin/java"), 17, "17.0.15")

    def name() -> str:
        return archive.archive_path(java, tmp_path, [jar]).name

    first = name()
    assert name() == first
    os.utime(jar, (1, 1))
    assert name() != first
    assert name().split("-")[1] == first.split("-")[1]


# --- progress --------------------------------------------------------------------------------------------


class Tracker:
    """Spark's status tracker with one job of three stages, of which the first is skipped."""

    def __init__(self) -> None:
        self.active, self.done = [7], {1: 0, 2: 0, 3: 0}

    def getActiveJobsIds(self) -> list[int]:  # noqa: N802
        return self.active

    def getJobInfo(self, job: int) -> Any:  # noqa: N802
        return type("Job", (), {"stageIds": [1, 2, 3]})

    def getStageInfo(self, stage: int) -> Any:  # noqa: N802
        return type("Stage", (), {"numCompletedTasks": self.done[stage], "numTasks": 4})


def test_tasks_of_ended_jobs_count_on_and_skipped_stages_do_not() -> None:
    tracker = Tracker()
    count = progress.StageCount(tracker)  # type: ignore[arg-type]
    assert count.look() == (0, 12)
    tracker.done[2] = 3
    assert count.look() == (3, 12)
    tracker.done, tracker.active = {1: 0, 2: 4, 3: 4}, []
    assert count.look() == (8, 8)
    assert count.look() == (8, 8)


@pytest.mark.connect
def test_task_progress_reports_the_end(spark: Any) -> None:
    def slowly(batches: Any) -> Any:
        time.sleep(0.4)
        yield from batches

    seen: list[tuple[int, int]] = []
    with session.task_progress(spark, lambda done, known: seen.append((done, known))):
        # Longer than the time between two looks: what comes and goes between them is not seen.
        spark.range(0, 10, 1, 5).mapInArrow(slowly, "id long").collect()
        time.sleep(0.3)  # the tracker hears of the last task a moment later
    assert seen[-1] == (5, 5)


@pytest.mark.connect
def test_a_report_that_raises_leaves_the_job_alone(spark: Any) -> None:
    def report(done: int, known: int) -> None:
        raise ValueError(done, known)

    with session.task_progress(spark, report):
        assert spark.range(5).count() == 5
    with session.task_progress(None, report):  # type: ignore[arg-type]
        pass


# --- a running session -----------------------------------------------------------------------------------


@pytest.mark.connect
def test_an_active_session_is_used_from_any_thread(spark: Any) -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(session.get_spark()))
    thread.start()
    thread.join()
    assert found == [spark]
    assert session.get_spark(config={"spark.sql.ansi.doubleQuotedIdentifiers": "true"}) is spark
    assert spark.conf.get("spark.sql.ansi.doubleQuotedIdentifiers") == "true"
    spark.conf.unset("spark.sql.ansi.doubleQuotedIdentifiers")


@pytest.mark.connect
def test_another_master_beside_a_running_session_is_refused(spark: Any) -> None:
    with pytest.raises(SessionError, match=r"a session on local\[2\] runs.*session.stop"):
        session.get_spark(master="local[7]")
    with pytest.raises(SessionError, match=r"exclude each other"):
        session.get_spark(master="local[2]", remote="sc://localhost")


@pytest.mark.connect
def test_set_conf_names_what_a_running_session_refuses(spark: Any) -> None:
    assert session.set_conf(spark, {**session.WRITER_CONF, "spark.executor.memory": "1g"}) == ("spark.executor.memory",)
    assert spark.conf.get("parquet.enable.dictionary") == "false"


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("grpc")
    with pytest.raises(SessionError, match="no Spark Connect session at sc://host/path"):
        connect.connect("sc://host/path")


# --- other processes -------------------------------------------------------------------------------------


def test_importing_the_module_imports_no_spark() -> None:
    program = "import sys; sys.modules['pyspark'] = None; import genspark.session; print('fine')"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert run.stdout == "fine\n", run.stderr


SCRIPT = """
import sys
from genspark.session import get_spark, stop
spark = get_spark()
spark.range(100).selectExpr("id", "id % 3 part").write.format("delta").partitionBy("part").save(sys.argv[1])
print("rows", spark.read.format("delta").load(sys.argv[1]).where("part = 1").count(), flush=True)
spark.sql("CREATE TABLE managed AS SELECT 1 AS a")
spark.sql("SELECT kll_sketch_agg_double(1D)").collect()
stop(spark)
"""


def environment(**extra: str) -> dict[str, str]:
    """This process's, less what a session in it has set, with this Python first on the PATH."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SPARK_", "PYSPARK_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])
    return {**kept, "PATH": path, "PYTHONPATH": str(REPOSITORY), **extra}


def run_script(tmp_path: Path, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "cwd").mkdir()
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    return subprocess.run(
        [*command, str(script), str(tmp_path / "table")],
        capture_output=True,
        text=True,
        cwd=tmp_path / "cwd",
        env=environment(**extra),
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_a_local_session_prints_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    run = run_script(tmp_path, sys.executable, GENSPARK_QUICK="1")
    assert (run.stdout, run.stderr) == ("rows 33\n", "")
    assert list((tmp_path / "cwd").iterdir()) == []


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("master", ["local[2]", "local-cluster[1,1,1024]"])
def test_plain_spark_submit_has_delta(tmp_path: Path, master: str) -> None:
    workers = driver.spark_home() / "work"  # where local-cluster leaves its executors' logs
    existed = workers.exists()
    submit = str(Path(sys.executable).with_name("spark-submit"))
    quick = "spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1"
    try:
        run = run_script(tmp_path, submit, "--master", master, "--conf", quick, "--conf", "spark.ui.enabled=false")
    finally:
        if not existed:
            shutil.rmtree(workers, ignore_errors=True)
    assert run.stdout == "rows 33\n", run.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.exhaustive
def test_spark_submit_without_delta_in_reach_says_what_to_pass(tmp_path: Path) -> None:
    submit = str(Path(sys.executable).with_name("spark-submit"))
    nowhere = {"GENSPARK_CACHE": str(tmp_path / "cache"), "GENSPARK_MAVEN_REPOSITORY": "http://127.0.0.1:9"}
    run = run_script(tmp_path, submit, "--master", "local[1]", **nowhere)
    assert run.returncode != 0
    # spark-submit prints the stderr of its Python on stdout.
    assert "pass --packages io.delta:delta-spark_4.2_2.13:4.4.0 to spark-submit" in run.stdout
