"""The examples run: a VAE that is killed and goes on with the same losses, alone and on two processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("torch", reason="torch is not installed: pip install 'genspark[torch]'")
pytest.importorskip("PIL", reason="Pillow is not installed: pip install 'genspark[images]'")

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = Path(os.environ.get("GENSPARK_DATA", ROOT.parent / "shared" / "data")) / "cifar10"
STEPS = 12
"""More than an epoch of the 540 images that are for training."""


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> str:
    if not PHOTOS.exists():
        pytest.skip(f"there are no photographs at {PHOTOS}")
    from genspark.config import JobConfig
    from genspark.job import run

    folder = tmp_path_factory.mktemp("vae")
    text = (ROOT / "conf" / "cifar10.yaml").read_text(encoding="utf-8")
    job = yaml.safe_load(text.replace("${CIFAR10:-data/cifar10}", str(PHOTOS)).replace("${OUT:-out}", str(folder)))
    run(JobConfig.model_validate({**job, "engine": "polars"}))
    return str(folder / "cifar10")


def train(table: str, folder: Path, *more: str, **environment: str) -> subprocess.Popen[str]:
    given = ["--checkpoint", folder / "vae.pt", "--samples", folder / "vae.png", "--where", "split=train"]
    command = [sys.executable, ROOT / "examples" / "vae.py", table, *given, "--steps", str(STEPS), *more]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen(
        list(map(str, command)), env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def losses(process: subprocess.Popen[str], code: int = 0) -> dict[int, str]:
    out, errors = process.communicate(timeout=240)
    assert process.returncode == code, errors
    return {int(step): loss for step, loss in (line.split() for line in out.splitlines())}


@pytest.fixture(scope="module")
def expected(table, tmp_path_factory) -> dict[int, str]:
    """The losses of a run that nothing stops."""
    folder = tmp_path_factory.mktemp("whole")
    found = losses(train(table, folder))
    from PIL import Image

    with Image.open(folder / "vae.png") as picture:
        assert picture.size == (112, 112)
    return found


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_with_the_same_losses_to_the_last_digit(table, expected, tmp_path):
    before = losses(train(table, tmp_path, "--die-at", "8"), code=9)
    after = losses(train(table, tmp_path, "--workers", "2"))
    assert list(before) == list(range(8))
    assert list(after) == list(range(5, STEPS))
    assert before | after == expected


@pytest.mark.slow
@pytest.mark.exhaustive
def test_two_processes_of_which_one_is_killed_are_followed_by_one(table, expected, tmp_path):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    common: dict[str, Any] = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    ranks = [train(table, tmp_path, "--die-at", "7", RANK=str(rank), **common) for rank in range(2)]
    out, _ = ranks[0].communicate(timeout=240)
    ranks[1].communicate(timeout=240)
    # The one that is left cannot go on without the other.
    assert [rank.returncode for rank in ranks] == [1, 9]
    after = losses(train(table, tmp_path, "--accumulation", "1"))
    assert list(after) == list(range(5, STEPS))
    two = {int(step): float(loss) for step, loss in (line.split() for line in out.splitlines())}
    for step, loss in ({**two} | {step: float(loss) for step, loss in after.items()}).items():
        # Sums of other parts differ in the last digits.
        assert loss == pytest.approx(float(expected[step]), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "needs", "says"),
    [
        ("hugging_face", "datasets", "600 rows; the first has ['_row_id'"),
        ("with_accelerate", "accelerate", "10 steps, loss 0."),
        ("with_lightning", "lightning", "20 steps, then {'table': "),
    ],
)
def test_other_frameworks(table, tmp_path, script, needs, says):
    pytest.importorskip(needs, reason=f"{needs} is not installed")
    command = [sys.executable, ROOT / "examples" / f"{script}.py", table]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert says in done.stdout


def test_examples_are_told_of():
    told = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in (ROOT / "examples").glob("*.py") if path.name not in told] == []
