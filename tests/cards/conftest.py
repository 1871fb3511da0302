"""The table of a small job, run once."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_job import config, run


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cards")
    run(config(folder))
    return folder / "delta"
