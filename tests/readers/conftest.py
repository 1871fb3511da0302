"""One small table that most tests of readers read."""

from __future__ import annotations

import pytest
from training_tables import rows, write

from genspark.readers import TrainingTable


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """1,003 rows in about 50 row groups, partitioned by split."""
    return write(tmp_path_factory.mktemp("readers") / "table", rows(), partition_by=["split"])


@pytest.fixture(scope="session")
def table(path: str) -> TrainingTable:
    return TrainingTable(path)
