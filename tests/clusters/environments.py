"""Python environments of their own, made once and kept: for executors, for a client without Java, for other engines."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import made_once

STEPS = """key: id
fit_on: {{split: train}}
steps:
- split: {{fractions: {{train: 0.8, test: 0.2}}}}
- impute: {{columns: v, strategy: mean}}
- outliers: {{columns: u, threshold: 3, action: quarantine}}
- scale: {{columns: [u, v]}}"""
"""What the jobs of these tests do, in a text that is formatted yet."""
REPOSITORY = Path(__file__).resolve().parents[2]
CONSTRAINTS = REPOSITORY / "constraints.txt"


def requirements() -> list[str]:
    """What genspark needs, as setup.py says, without Spark and Delta for it."""
    text = (REPOSITORY / "setup.py").read_text(encoding="utf-8")
    names = ast.literal_eval(text.partition("CORE = ")[2].partition("]")[0] + "]")
    return [name for name in names if not name.startswith(("pyspark", "delta-spark"))]


def environment(name: str, packages: Sequence[str]) -> Path:
    """The Python of an environment with these packages, in the versions of constraints.txt."""
    wanted = "\n".join([sys.version, *packages, CONSTRAINTS.read_text(encoding="utf-8")])

    def make(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip"]
        install = [*pip, "install", "--quiet", "--disable-pip-version-check", "-c", CONSTRAINTS]
        subprocess.run([*install, *packages], check=True)

    return made_once.environment(name, wanted.encode(), make) / "bin" / "python"


def archive(python: Path) -> Path:
    """The environment of a Python as an archive that `--archives` takes."""
    import venv_pack

    folder = python.parent.parent
    packed = folder.with_suffix(".tar.gz")
    with made_once.alone(folder):
        if not packed.exists():
            draft = folder.with_suffix(".draft.tar.gz")
            venv_pack.pack(prefix=str(folder), output=str(draft), compress_level=1, force=True)
            draft.replace(packed)
    return packed


def wheel(folder: Path) -> Path:
    """genspark's wheel, built in a copy of the checkout, under a name by which Spark knows a zip of Python modules."""
    source = folder / "source"
    shutil.copytree(REPOSITORY / "genspark", source / "genspark", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(REPOSITORY / "conf", source / "conf")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, source]
    subprocess.run(build, check=True, env={**os.environ, "GENSPARK_WITHOUT_SPARK": "1"})
    (built,) = folder.glob("genspark-*.whl")
    return Path(shutil.copy(built, folder / "genspark.zip"))


def clean(**more: str) -> dict[str, str]:
    """This process's variables, without those that would lead another Python here."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTHON", "PYSPARK", "SPARK_", "VIRTUAL_ENV"))}
    return {**kept, **more}
