"""A new shard that is damaged: the run names it and changes nothing, or leaves it out and notes it; mended, it is new.

That every format and engine names what it cannot read is in tests/sources/test_shards.py and tests/job/test_engines.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from delta_logs import Log
from evidence import Before
from fault_jobs import Case, Place
from genspark_runs import run_here

from genspark.cli import main

CASE = Case((0, 1), (2, 3), (0, 1, 2, 3), "mode: append")
DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut short": lambda shard: shard.write_bytes(shard.read_bytes()[:-200]),
    "no Parquet": lambda shard: shard.write_text("id,g,u,v\n1,a,0.0,1.0\n"),
    "another schema": lambda shard: pl.read_parquet(shard).cast({"v": pl.String}).write_parquet(shard),
}


@pytest.mark.classic
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("engine", ["polars", pytest.param("spark", marks=pytest.mark.exhaustive)])
def test_a_new_shard_that_is_damaged(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str], engine: str, damage: str
) -> None:
    if engine != "polars":
        request.getfixturevalue("interpreted")
    place = Place(tmp_path / "work")
    place.prepare(CASE, engine, run_here)
    before, odd = Before.of(place), place.path / "in" / "3.parquet"
    DAMAGES[damage](odd)

    assert main(["run", str(place.conf), "-q"]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("genspark: source.path: ")
    assert str(odd) in told
    assert (Before.of(place).table, Before.of(place).quarantine) == (before.table, before.quarantine)

    place.conf.write_text(place.conf.read_text().replace("format: parquet", "format: parquet, on_corrupt: quarantine"))
    assert run_here(place.conf)["shards_quarantined"] == 1
    assert Counter(Log.read(place.table).rows("id", "g", "u", "v")) == CASE.written((0, 1, 2))
    noted = [file for record, file in Log.read(place.quarantine).rows("_corrupt_record", "_file") if record]
    assert noted == [f"file://{odd}"]

    CASE.write_shard(odd.parent, 3)
    assert run_here(place.conf)["rows_written"] == CASE.rows - 2
    assert Counter(Log.read(place.table).rows("id", "g", "u", "v")) == CASE.written(CASE.after)
