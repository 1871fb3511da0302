"""Each mistake ends with one clear message, the right exit code, no traceback, and the table as it was."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import deltalake
import polars as pl
import pytest

from genspark.cli import main


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("id,name,fare\n1,x,1.5\n2,y,2.5\n3,,3.5\n")
    return tmp_path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table that every failing job here means to overwrite."""
    folder = tmp_path_factory.mktemp("before") / "table"
    pl.DataFrame({"id": [0, 1, 2]}).write_delta(folder)
    return folder


@pytest.fixture(params=["spark", "polars"])
def engine(request: pytest.FixtureRequest, start: Callable[[str], str]) -> str:
    return start(request.param)


Fails = Callable[..., str]


@pytest.fixture
def fails(engine: str, place: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> Fails:
    """Run a job that must fail; the message. The table it means to overwrite must be untouched."""

    def job(steps: str = "[]", *, code: int = 2, source: str | None = None, sink: str | None = None) -> str:
        conf = place / "job.yaml"
        conf.write_text(
            f"name: bad\nengine: {engine}\nsource: {source or f'{{path: {place}/in/*.csv, format: csv}}'}\n"
            f"steps: {steps}\nsink: {sink or f'{{path: {table}, mode: overwrite}}'}\n"
        )
        capsys.readouterr()
        assert main(["run", "--quiet", str(conf)]) == code
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "Traceback" not in captured.err
        assert deltalake.DeltaTable(str(table)).version() == 0
        (line,) = captured.err.splitlines() if "problems" not in captured.err else [captured.err]
        assert line.startswith("genspark: ")
        return line

    return job


@pytest.mark.connect("engine")
def test_missing_file(fails: Fails, place: Path) -> None:
    told = fails(source=f"{{path: {place}/absent.csv, format: csv}}")
    assert re.search(rf"source\.path: .*{place}/absent\.csv.*; (correct|check) the path$", told)


def test_empty_glob(fails: Fails, place: Path) -> None:
    told = fails(source=f"{{path: '{place}/in/*.parquet', format: parquet}}")
    assert re.search(r"source\.path: .*/in/\*\.parquet.*; (correct|check) the path$", told)


@pytest.mark.connect("engine")
def test_shard_cut_short(fails: Fails, place: Path) -> None:
    whole = gzip.compress(("id,name,fare\n" + "1,x,1.5\n" * 5000).encode())
    (place / "in" / "b.csv.gz").write_bytes(whole[: len(whole) // 2])
    told = fails(source=f"{{path: '{place}/in/*.csv.gz', format: csv}}")
    assert re.search(r"source\.path: .*b\.csv\.gz.*(it may be cut short|[Tt]runcated)", told)


def test_wrong_format(fails: Fails, place: Path) -> None:
    told = fails(source=f"{{path: {place}/in/a.csv, format: parquet}}")
    assert re.search(
        r"source\.path: .*a\.csv (cannot be read as the format given|is not parquet that can be read)", told
    )


def test_json_that_is_none(fails: Fails, place: Path) -> None:
    assert "no record of" in fails(source=f"{{path: {place}/in/a.csv, format: json}}")


def test_source_that_is_not_a_delta_table(fails: Fails, place: Path) -> None:
    told = fails(source=f"{{path: {place}/in, format: delta}}")
    assert re.search(rf"source\.path: .*{place}/in.*", told)
    assert re.search("is not a Delta table|there is no Delta table", told)


def test_version_that_is_not_there(fails: Fails, table: Path) -> None:
    told = fails(source=f"{{path: {table}, format: delta, version: 7}}")
    assert re.search(r"source\.(path|version): .*version 7", told.lower())


def test_misspelt_column(fails: Fails) -> None:
    told = fails("[scale: {columns: [fair]}]")
    assert told == "genspark: steps[0].scale.columns: 'fair' is not a column; did you mean 'fare'?"


def test_mean_of_a_string(fails: Fails) -> None:
    told = fails("[impute: {columns: name, strategy: mean}]")
    assert told == "genspark: steps[0].impute.columns: 'name' is String, and this step needs numbers"


def test_misspelt_key_of_the_row(fails: Fails, place: Path) -> None:
    told = fails("[split: {fractions: {a: 1}, group: idd}]")
    assert told == "genspark: steps[0].split.group: 'idd' is not a column; did you mean 'id'?"


def test_fractions_that_do_not_sum_to_one(fails: Fails) -> None:
    told = fails("[split: {fractions: {train: 0.8, test: 0.1}}]")
    assert "steps[0].split.fractions: must sum to 1" in told
    assert "sum to 0.9" in told


def test_negative_threshold(fails: Fails) -> None:
    assert "steps[0].outliers.threshold: must be greater than 0; got -3" in fails(
        "[outliers: {columns: fare, threshold: -3}]"
    )


def test_duplicate_step_names(fails: Fails) -> None:
    told = fails("[scale: {name: s, columns: fare}, scale: {name: s, columns: id}]")
    assert "steps[1].scale.name: 's' is already the name of steps[0]" in told


def test_every_mistake_is_told_at_once(fails: Fails) -> None:
    told = fails("[scale: {columns: [fair]}, impute: {columns: [nam]}]")
    assert "2 problems" in told
    assert "steps[0].scale.columns: 'fair'" in told
    assert "steps[1].impute.columns: 'nam'" in told


def test_target_that_is_not_a_delta_table(fails: Fails, place: Path) -> None:
    before = sorted(place.rglob("*.csv"))
    told = fails(sink=f"{{path: {place}/in, mode: overwrite}}")
    assert f"sink.path: {place}/in holds files and is not a Delta table; choose an empty folder" in told
    assert sorted(place.rglob("*")) == sorted([*before, place / "in", place / "job.yaml"])


def test_no_permission_to_write(fails: Fails, place: Path) -> None:
    told = fails(sink=f"{{path: {place}/in/a.csv/table, mode: overwrite}}")
    assert f"sink.path: {place}/in/a.csv/table cannot be written ({place}/in/a.csv is a file)" in told


def test_read_only_file_system(fails: Fails) -> None:
    assert "sink.path: /proc/genspark cannot be written" in fails(sink="{path: /proc/genspark}")


def test_partition_by_an_absent_column(fails: Fails, place: Path) -> None:
    told = fails(sink=f"{{path: {place}/new, partition_by: nam}}")
    assert "sink.partition_by: 'nam' is not a column of the result; did you mean 'name'?" in told
    assert not (place / "new").exists()


@pytest.mark.connect("engine")
def test_value_that_cannot_be_cast(fails: Fails) -> None:
    told = fails("[cast: {columns: {name: int64}}]", code=1)
    assert re.search(
        '\'x\' of the type "STRING" cannot be cast to "BIGINT"|conversion .* in column \'name\' .*"x"', told
    )
    assert told.endswith("; clean the column before it is cast")


def test_schema_that_is_not_ddl(fails: Fails, place: Path) -> None:
    told = fails(source=f"{{path: {place}/in/a.csv, format: csv, schema: 'id integr'}}")
    assert "source.schema" in told


def test_missing_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "absent.yaml"]) == 2
    assert capsys.readouterr().err == "genspark: absent.yaml: there is no such file; correct the path\n"


def test_missing_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "absent.json"]) == 2
    assert "absent.json: there is no model here" in capsys.readouterr().err


def test_unknown_command_is_a_mistake_of_the_user(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rnu"]) == 2
    assert "No such command 'rnu'. Did you mean 'run'" in capsys.readouterr().err
