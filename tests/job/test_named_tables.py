"""Tables by their names in a catalog: what is one, what is refused without Spark, and jobs on Hive's metastore."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from genspark import job
from genspark.config import JobConfig
from genspark.errors import ConfigError, PlanError, SessionError, StoreError
from genspark.session import jvm
from genspark.session.catalogs import hive_conf, with_catalog
from genspark.storage import catalogs
from genspark.storage.catalogs import beside, in_sql, is_name, place_of

NAMES = ["crm.people", "main.crm.people", "main.`c r m`.people_2"]
PATHS = ["people", "./crm.people", "out/crm.people", "s3://crm.people", "people.csv", "crm.people.parquet", "a.b.c.d"]


@pytest.mark.parametrize(("path", "told"), [*((name, True) for name in NAMES), *((path, False) for path in PATHS)])
def test_a_name_is_told_from_a_path_by_its_text(path: str, told: bool) -> None:
    assert is_name(path) is told


def test_names_are_quoted_and_have_others_beside_them() -> None:
    assert in_sql("main.`c r m`.people") == "`main`.`c r m`.`people`"
    assert [beside(name, "_runs") for name in ("crm.people", "crm.`p q`")] == ["crm.people_runs", "crm.`p q_runs`"]


def config(folder: Path, **more: object) -> JobConfig:
    rows = {"k": [1, 2, 3, 4], "v": [1.0, 2.0, None, 1000.0]}
    pl.DataFrame(rows).write_parquet(folder / "rows.parquet")
    given = {
        "name": "people",
        "source": {"path": str(folder / "rows.parquet"), "format": "parquet"},
        "key": "k",
        **more,
    }
    return JobConfig.model_validate(given)


def test_polars_alone_cannot_look_a_name_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genspark.job.naming.is_running", lambda: False)
    named = config(tmp_path, engine="polars", sink={"path": "crm.people"})
    with pytest.raises(PlanError, match=r"polars cannot look up crm.people.*engine: spark.*write \./crm.people"):
        job.run(named)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]
    monkeypatch.setattr(catalogs, "_active", lambda: None)
    with pytest.raises(StoreError, match="crm.people: is a name in a catalog, which only a Spark session can look up"):
        place_of("crm.people")


def test_a_catalog_has_tables_of_delta_and_only_its_names_have_locations(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sink.format: crm.people is a name in a catalog"):
        config(tmp_path, sink={"path": "crm.people", "format": "parquet"})
    with pytest.raises(ConfigError, match="location: goes with a name in a catalog, and path is 'out/people'"):
        config(tmp_path, sink={"path": "out/people", "location": "elsewhere"})


def test_a_silent_metastore_is_told_of_before_anything_waits_for_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{taken.getsockname()[1]}"
        spark = SimpleNamespace(conf={"spark.sql.catalog.main.uri": uri})
        with pytest.raises(SessionError, match=f"main.crm.people: the catalog does not answer at {uri}"):
            with_catalog("main.crm.people", spark)  # type: ignore[arg-type]


def test_hive_is_taken_where_it_is_configured(tmp_path: Path) -> None:
    assert hive_conf({"SPARK_CONF_DIR": str(tmp_path)}) == {}
    (tmp_path / "hive-site.xml").write_text("<configuration/>")
    conf = hive_conf({"SPARK_CONF_DIR": str(tmp_path)})
    assert conf == {jvm.IMPLEMENTATION: "hive"}
    made = jvm.launch_conf("x", "local[1]", conf, warehouse=tmp_path, delta=(), options="", environment={})
    # Else its tables would be in a folder that goes with the process.
    assert "spark.sql.warehouse.dir" not in made


def test_a_job_writes_a_new_table_by_its_name(spark: Any, tmp_path: Path) -> None:
    place = str(tmp_path / "elsewhere")
    # Spark only looks the name up here; it writes in the test below.
    named = config(tmp_path, engine="polars", sink={"path": "kept.people", "location": place})
    spark.sql("CREATE SCHEMA IF NOT EXISTS kept")
    try:
        assert job.run(named, spark=spark).table == place
        assert place_of("kept.people") == place
        assert [row["tableName"] for row in spark.sql("SHOW TABLES IN kept").collect()] == ["people", "people_runs"]
        # Its place is known by the name from now on.
        found = named.model_copy(update={"sink": named.sink.model_copy(update={"location": None})})
        assert job.run(found, spark=spark).already_done
    finally:
        spark.sql("DROP SCHEMA kept CASCADE")


ON_HIVE = """
import io, json, sys, contextlib
from pathlib import Path
from genspark import cli, job
from genspark.config import JobConfig
from genspark.errors import GensparkError
from genspark.readers import TrainingTable
from genspark.session import get_spark

root = Path(sys.argv[1])
hive = {
    "spark.sql.catalogImplementation": "hive",
    "spark.sql.warehouse.dir": f"{root}/warehouse",
    "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={root}/metastore;create=true",
    "spark.driver.extraJavaOptions": f"-Dderby.stream.error.file={root}/derby.log",
}
spark = get_spark(master="local[2]", config=hive, quick=True)
spark.sql("CREATE SCHEMA crm")
rules = [{"outliers": {"columns": ["v"], "threshold": 1.4, "action": "quarantine"}}]
made = {"name": "people", "engine": "spark", "key": "k", "steps": rules}
made["source"] = {"path": f"{root}/rows.parquet", "format": "parquet"}
told = {}
Path(f"{root}/job.yaml").write_text(json.dumps({**made, "sink": {"path": "crm.people", "mode": "append"}}))


def run(mode, path="crm.people", force=True, **more):
    report = job.run(JobConfig.model_validate({**made, "sink": {"path": path, "mode": mode}, **more}), force=force)
    return [report.rows_written, report.rows_quarantined, report.table_version]


def said(*arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert cli.main(list(arguments)) == 0
    return out.getvalue()


told["new"] = run("error")
told["append"] = run("append")
told["overwrite"] = run("overwrite", path="spark_catalog.crm.people")
told["names"] = sorted(row["tableName"] for row in spark.sql("SHOW TABLES IN crm").collect())
told["rows"] = spark.table("crm.people").count()
told["quarantined"] = spark.table("crm.people_quarantine").count()
told["runs"] = [json.loads(line)["outcome"] for line in said("runs", "crm.people", "--json").splitlines()]
told["version"] = json.loads(said("inspect", "crm.people", "--json", "-q"))["version"]
told["card"] = next(line for line in said("card", "crm.people").splitlines() if line.startswith("# "))
told["read"] = TrainingTable("crm.people").version
source = {"path": "crm.people", "format": "delta"}
told["from"] = run("error", path="crm.copy", force=False, source=source, engine="polars", steps=[])
spark.sql("DROP TABLE crm.copy")
again = {**made, "source": source, "engine": "polars", "steps": [], "sink": {"path": "crm.copy"}}
told["again"] = job.run(JobConfig.model_validate(again)).already_done
told["plan"] = "scan 1" in said("plan", f"{root}/job.yaml")
told["found"] = [one["name"] for one in json.loads(said("catalog", "crm", "--metastore", "-q", "--json"))["tables"]]
spark.sql("CREATE TABLE crm.other USING parquet AS SELECT 1 AS a")
for name in ("crm.other", "nowhere.people"):
    try:
        run("append", path=name)
    except GensparkError as error:
        told[name] = str(error)
print(json.dumps(told))
"""


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.classic
def test_jobs_write_read_and_tell_of_tables_in_hives_metastore(tmp_path: Path) -> None:
    config(tmp_path, sink={"path": "x"})
    done = subprocess.run([sys.executable, "-c", ON_HIVE, tmp_path], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told.pop("card") == "# people"
    assert "is a parquet in the catalog" in told.pop("crm.other")
    assert "make it by CREATE SCHEMA `nowhere`" in told.pop("nowhere.people")
    assert told == {
        "new": [3, 1, 0],
        "append": [3, 1, 1],
        "overwrite": [3, 1, 2],
        "names": ["people", "people_quarantine", "people_runs"],
        "rows": 3,
        "quarantined": 3,
        "runs": ["written"] * 3,
        "version": 2,
        "read": 2,
        "from": [3, 0, 0],
        "again": True,
        "plan": True,
        "found": ["crm.copy", "crm.copy_runs", "crm.people", "crm.people_quarantine", "crm.people_runs"],
    }
    assert (tmp_path / "warehouse/crm.db/people/_genspark/model.json").is_file()
