"""The blocks of docs/clusters.md: settings that Spark has, setup.py's packages; that of the bundle has its own file."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
import yaml
from environments import REPOSITORY, requirements
from test_docs import blocks

from genspark.cli import main
from genspark.session import driver

PAGE = REPOSITORY / "docs" / "clusters.md"
SHELL = blocks(PAGE, "sh")
(POD,) = (yaml.safe_load(text) for text in blocks(PAGE, "yaml") if "apiVersion" in text)
OF_OTHERS = ("spark.plugins", "spark.sql.catalog.spark_catalog", "spark.connect.grpc.binding.address")
"""Settings that are no constants of these jars: of Spark's plugins, of its catalogs, of Connect."""


@pytest.fixture(scope="module")
def constants() -> bytes:
    """The names of settings and options in the classes of Spark's jars that define them."""
    found = []
    for jar in ("core", "launcher", "kubernetes", "yarn", "catalyst", "common-utils"):
        for path in driver.spark_home().glob(f"jars/spark-{jar}_2.13-*.jar"):
            with zipfile.ZipFile(path) as archive:
                names = [n for n in archive.namelist() if re.search(r"[Cc]onf|SubmitOption|Constants|yarn/Client", n)]
                found += [archive.read(name) for name in names if name.endswith(".class")]
    return b"\n".join(found)


def spark_commands() -> list[str]:
    return [text for text in SHELL if "spark-submit " in text]


@pytest.mark.parametrize("text", spark_commands(), ids=["standalone", "yarn", "kubernetes", "comet"])
def test_every_setting_and_option_is_one_of_sparks(constants: bytes, text: str) -> None:
    settings = re.findall(r"--conf (spark[\w.]+)=", text)
    assert settings
    unknown = [name for name in settings if name not in OF_OTHERS and not is_known(name, constants)]
    assert unknown == []
    options = set(re.findall(r"(?<=\s)(--[a-z-]+)(?= )", text.partition("jobs/preprocess.py")[0]))
    assert {option for option in options if option.encode() not in constants} == set()


def is_known(name: str, constants: bytes) -> bool:
    """Whether a setting is a constant, or is made of one: of a prefix that ends with a dot, or of two parts."""
    ends = [place.end() for place in re.finditer(r"\.", name)][1:]
    return (
        _is_constant(name, constants)
        or any(_is_constant(name[:end], constants) for end in ends)
        or any(_is_constant(name[: end - 1], constants) and f"\1.{name[end:]}".encode() in constants for end in ends)
    )


def _is_constant(text: str, constants: bytes) -> bool:
    # In a class file the length of a text stands before it, in two bytes.
    return len(text).to_bytes(2) + text.encode() in constants


def test_a_setting_that_spark_has_not_is_found_out(constants: bytes) -> None:
    assert is_known("spark.executor.memory", constants)
    assert not is_known("spark.executor.memmory", constants)
    assert not is_known("spark.kubernetes.container.imagee", constants)


def test_an_entry_point_fails_as_the_command_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from genspark.cli import task

    monkeypatch.setattr("sys.argv", ["genspark-task", "run", str(tmp_path / "absent.yaml")])
    with pytest.raises(SystemExit) as ended:
        task()
    assert ended.value.code == main(["run", str(tmp_path / "absent.yaml")]) == 2
    monkeypatch.setattr("sys.argv", ["genspark-task", "schema", "-o", str(tmp_path / "schema.json")])
    assert task() is None


def test_the_pod_mounts_the_job_where_the_command_looks_for_it(constants: bytes) -> None:
    assert (POD["apiVersion"], POD["kind"]) == ("v1", "Pod")
    (container,), (volume,) = POD["spec"]["containers"], POD["spec"]["volumes"]
    # Spark looks for the container of this name in a template.
    assert _is_constant(container["name"], constants)
    (mount,) = container["volumeMounts"]
    assert mount["name"] == volume["name"]
    (command,) = [text for text in spark_commands() if "k8s://" in text]
    assert f" {mount['mountPath']}/taxis.yaml" in command


def test_the_environment_has_what_setup_asks_for() -> None:
    (text,) = [text for text in SHELL if "venv-pack -p" in text]
    line = text.partition("pip install -c constraints.txt")[2].partition("pip install venv-pack2")[0]
    assert re.findall(r"'([^']+)'", line) == requirements()


def test_the_standalone_command_is_the_one_that_is_run() -> None:
    """tests/clusters/test_submit.py ships by the same options."""
    (text,) = [text for text in spark_commands() if "spark://" in text]
    run = (REPOSITORY / "tests" / "clusters" / "test_submit.py").read_text(encoding="utf-8")
    shipped = run.partition("def shipped")[2].partition("def ")[0]
    for option in ("--py-files", "--archives", "spark.pyspark.python=./environment/bin/python", "#environment"):
        assert option in text
        assert option in shipped
