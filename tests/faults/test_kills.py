"""A run that is killed at any moment, and then run again, leaves what one undisturbed run leaves.

`make faults N=1000` kills a thousand times; `make test` a few times. A failure tells the seed and the moment.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from evidence import Before, wrong
from fault_jobs import MODES, Place
from genspark_runs import moments, run_here, watched
from live_readers import Readers

ASKED = int(os.environ.get("GENSPARK_FAULTS", "0"))
SEED = int(os.environ.get("GENSPARK_FAULTS_SEED") or random.randrange(10**6))
FEW = {"polars": 5}
ENGINES = [
    "polars",
    pytest.param("spark", marks=pytest.mark.exhaustive("engine")),
    pytest.param("spark-polars", marks=pytest.mark.exhaustive("engine")),
    pytest.param("spark-delta", marks=[pytest.mark.on_spark, pytest.mark.exhaustive]),
]


def kills(engine: str) -> int:
    """The kills of an engine in a mode. Half of all that are asked for are on Polars, where one takes a second."""
    if not ASKED:
        return FEW.get(engine, 1)
    cases = len(MODES) * (1 if engine == "polars" else len(ENGINES) - 1)
    return -(-ASKED // 2 // cases)


@pytest.mark.slow
@pytest.mark.classic
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_after_a_kill_leaves_what_one_run_leaves(
    request: pytest.FixtureRequest, tally: Counter[Any], tmp_path: Path, engine: str, mode: str
) -> None:
    if engine != "polars":
        request.getfixturevalue("interpreted")
    place, kept, case = Place(tmp_path / "work"), tmp_path / "kept", MODES[mode]
    place.prepare(case, engine, run_here)
    before = Before.of(place)
    place.keep(kept)
    clean = watched(place.conf)
    assert clean.code == 0, clean.said
    assert wrong(place, case, before, clean.report) == [], "after an undisturbed run"
    chance = random.Random(f"{SEED} {engine} {mode}")
    for moment in moments(chance, clean, kills(engine)):
        place.restore(kept)
        told = f"seed {SEED}, {engine}, {mode}, killed {moment}"
        with Readers(place.table, case.visible()) as readers:
            killed = watched(place.conf, moment.has_come)
            stage = "after its end" if killed.code == 0 else _stage(place, before)
            report = run_here(place.conf)
        tally[engine, mode, stage] += 1
        assert killed.code in (0, -9), f"{told}: {killed.said}"
        assert readers.surprises == [], f"{told} ({stage})"
        assert wrong(place, case, before, report) == [], f"{told} ({stage})"
        again = run_here(place.conf)
        assert (again["already_done"], again["rows_written"]) == (True, 0), f"{told} ({stage})"
        assert wrong(place, case, before, again) == [], f"{told} ({stage}), run twice afterwards"


def _stage(place: Place, before: Before) -> str:
    """What was committed when the run was killed."""
    after = Before.of(place)
    committed = [name for name in ("quarantine", "table", "ledger") if getattr(after, name) > getattr(before, name)]
    return f"after the commit of the {committed[-1]}" if committed else "before any commit"
