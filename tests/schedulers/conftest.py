"""The environment that tests of schedulers share, and a folder of Airflow's."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


def made(name: str) -> Path:
    """The folder of an environment; skips the test, and says why, where none can be made."""
    from scheduling import environment

    try:
        return environment(name)
    except subprocess.CalledProcessError as error:
        told = [line for line in (error.stderr or error.stdout or "").splitlines() if line.strip()]
        pytest.skip(f"no environment of {name} can be made here: {(told or ['no word of why'])[-1]}")


@pytest.fixture(scope="session")
def schedulers() -> Path:
    """The folder of an environment with Airflow, Luigi and Dagster."""
    return made("schedulers")


@pytest.fixture(scope="session")
def prefect() -> Path:
    """The folder of an environment with Prefect."""
    return made("prefect")


@pytest.fixture
def home(schedulers: Path, tmp_path: Path) -> Path:
    """A folder of Airflow's with an empty database, the DAGs of the example and those of the tests."""
    from scheduling import NIGHTLY

    home = tmp_path / "airflow"
    shutil.copytree(NIGHTLY, home / "dags", ignore=shutil.ignore_patterns("__pycache__", "luigi*"))
    shutil.copy(Path(__file__).with_name("dags_of_tests.py"), home / "dags")
    shutil.copy(schedulers / "airflow.db", home)
    return home


@pytest.fixture
def airflow(schedulers: Path, home: Path, tmp_path: Path) -> Callable[..., str]:
    """`airflow(arguments, VARIABLE=value)`: what the command printed, which ended well."""
    from scheduling import done, variables

    def run(*arguments: str, **more: str) -> str:
        env = variables(home, NIGHTLY=str(tmp_path / "night"), **more)
        return done([str(schedulers / "bin" / "airflow"), *arguments], env)

    return run
