"""Environments of schedulers, made once and kept: they refuse versions of what genspark and each other use. And a job.

Run as a program, this makes the environments and prints their folders.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

# A program finds what is in its own folder alone.
sys.path.append(str(Path(__file__).resolve().parents[1]))
import made_once

REPOSITORY = Path(__file__).resolve().parents[2]
NIGHTLY = REPOSITORY / "examples" / "nightly"
PINS = {"schedulers": "requirements.txt", "prefect": "prefect.txt"}
"""The environments: that of Airflow, Luigi and Dagster, and one of Prefect."""
COMMAND = [sys.executable, "-m", "genspark.cli", "run"]
"""Runs a job as spark-submit does: in a process of its own, which prints the report."""
LONGEST = 120.0
"""Seconds after which a process is taken to hang."""


def environment(name: str = "schedulers") -> Path:
    """The folder of an environment; where Airflow is in it, with an empty database, which takes seconds to make.

    Raises CalledProcessError where it cannot be made.
    """
    pins = Path(__file__).with_name(PINS[name])

    def make(folder: Path) -> None:
        uv, python = [sys.executable, "-m", "uv"], str(folder / "bin" / "python")
        _do([*uv, "venv", "-q", "--python", sys.executable, str(folder)])
        _do([*uv, "pip", "sync", "-q", "--python", python, str(pins)])
        if (folder / "bin" / "airflow").exists():
            home = folder / "home"
            _do([str(folder / "bin" / "airflow"), "db", "migrate"], variables(home))
            (home / "airflow.db").replace(folder / "airflow.db")
            shutil.rmtree(home)

    return made_once.environment(name, sys.version.encode() + pins.read_bytes(), make)


def variables(home: Path, **more: str) -> dict[str, str]:
    """The variables by which a scheduler's process finds genspark, and Airflow its folder; none of its own of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))}
    return {
        **kept,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{NIGHTLY}",
        "OMP_NUM_THREADS": "1",
        **more,
    }


def job(folder: Path, step: str = "scale: {columns: v, method: minmax}", engine: str = "polars") -> str:
    """A job of 50 rows, from `in` to `plain` below a folder; the path of its YAML."""
    (folder / "in").mkdir(parents=True)
    pl.DataFrame({"k": range(50), "v": [float(n) for n in range(50)]}).write_parquet(folder / "in/a.parquet")
    text = f"name: plain\nengine: {engine}\nkey: k\nsource: {{path: '{folder}/in', format: parquet}}\n"
    (folder / "job.yaml").write_text(f"{text}steps: [{step}]\nsink: {{path: '{folder}/plain', mode: append}}\n")
    return str(folder / "job.yaml")


def done(command: Sequence[str], env: Mapping[str, str]) -> str:
    """What a command printed, which ended well."""
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-5000:]
    return ended.stdout + ended.stderr


def killed(command: Sequence[str], env: Mapping[str, str], is_time: Callable[[], bool], log: Path) -> None:
    """Start a command, and kill it with all its processes as soon as it is time."""
    with log.open("w") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out, start_new_session=True)
    wait_until(lambda: is_time() or process.poll() is not None, look=0.0005)
    assert process.poll() is None, log.read_text()[-5000:]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(is_time: Callable[[], object], look: float = 0.05, longest: float = LONGEST) -> None:
    """Wait until it is time."""
    until = time.monotonic() + longest
    while not is_time():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(look)


def _do(command: list[str], env: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, env=env)


if __name__ == "__main__":
    for each in PINS:
        sys.stdout.write(f"{environment(each)}\n")
