"""How often runs were killed, and when, is told at the end."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

TALLY = pytest.StashKey[Counter[Any]]()


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Counter[Any]:
    """Kills by engine, mode and what was committed."""
    return request.config.stash.setdefault(TALLY, Counter())


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """A line for each engine and mode, and the seed by which the same moments are drawn again."""
    counts = config.stash.get(TALLY, Counter())
    if not counts:
        return
    from test_kills import SEED

    terminalreporter.section(f"{counts.total()} kills, GENSPARK_FAULTS_SEED={SEED}")
    for engine, mode in dict.fromkeys((engine, mode) for engine, mode, _ in counts):
        stages = {stage: n for (e, m, stage), n in counts.items() if (e, m) == (engine, mode)}
        each = ", ".join(f"{n} {stage}" for stage, n in sorted(stages.items()))
        terminalreporter.write_line(f"{engine}, {mode}: {each}")
