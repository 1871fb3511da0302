"""The training scripts of docs/readers.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: pip install 'genspark[images]'")

pytestmark = pytest.mark.filterwarnings("ignore:Your input ran out of data", "ignore:`shuffle=True` was passed")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "readers.md"


def script(of: str) -> str:
    (found,) = [
        text for text in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL) if of in text
    ]
    return found


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with a table of 200 small pictures, made by the job of conf/cifar10.yaml."""
    import yaml

    from genspark.config import JobConfig
    from genspark.job import run

    monkeypatch.chdir(tmp_path)
    chance = np.random.default_rng(0)
    for number in range(200):
        picture = tmp_path / "photos" / ("cat", "dog")[number % 2] / f"{number}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(chance.integers(0, 256, (32, 32, 3)).astype(np.uint8)).save(picture)
    text = (PAGE.parents[1] / "conf" / "cifar10.yaml").read_text(encoding="utf-8")
    job = yaml.safe_load(text.replace("${CIFAR10:-data/cifar10}", "photos").replace("${OUT:-out}", "out"))
    run(JobConfig.model_validate({**job, "engine": "polars"}))
    return tmp_path


def test_torch(here, capsys):
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'genspark[torch]'")
    exec(compile(script("torch.optim"), "readers.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert torch.load(here / "out" / "checkpoint.pt")["loader"]["epoch"] == 3


def test_keras(here, capsys):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install 'genspark[tensorflow]'")
    exec(compile(script("keras.Model"), "readers.md", "exec"), {})
    assert "'epoch': 3, 'step': 0" in capsys.readouterr().out


def test_scripts_are_short():
    assert all(len(script(of).splitlines()) <= 22 for of in ("torch.optim", "keras.Model"))
