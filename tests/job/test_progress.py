"""How far each phase of a job in this process is: the rows that were read, and the share of its work that is done."""

from __future__ import annotations

import contextlib
import gzip
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.engines.polars.meter import METER, NUMBER, Meter
from genspark.job.progress import Silent
from genspark.sources import Dataset, scan

SIZES = (10, 60, 30)
ROWS = sum(SIZES)
SCHEMA, STAGED = "reading the schema", "reading the source once, for all passes"
PHASES = ["fitting: scan 1 of 2", "fitting: scan 2 of 2", "writing the table"]


class Noting(Silent):
    """Notes what is told of each phase."""

    def __init__(self) -> None:
        self.told: dict[str, list[tuple[int, float | None]]] = defaultdict(list)
        self.shown = ""

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self.shown = name
        yield

    def rows(self, done: int, share: float | None = None) -> None:
        self.told[self.shown].append((done, share))

    def last(self) -> dict[str, tuple[int, float | None]]:
        return {name: told[-1] for name, told in self.told.items()}


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Shards of different sizes, in every form that the tests read."""
    rows = pl.DataFrame({"id": range(ROWS), "v": [float(i % 7) for i in range(ROWS)]})
    for number, size in enumerate(SIZES):
        some = rows.slice(sum(SIZES[:number]), size)
        for folder in ("parquet", "csv", "packed"):
            (tmp_path / folder).mkdir(exist_ok=True)
        some.write_parquet(tmp_path / f"parquet/{number}.parquet")
        some.write_csv(tmp_path / f"csv/{number}.csv")
        (tmp_path / f"packed/{number}.csv.gz").write_bytes(gzip.compress(some.write_csv().encode()))
        some.write_delta(tmp_path / "delta", mode="append")
    return tmp_path


def config(place: Path, source: str) -> JobConfig:
    """A job of two scans and a write, which takes out the first and the last of the rows."""
    return JobConfig.from_text(
        f"name: told\nengine: polars\nkey: [id]\nsource: {{path: {place}/{source}}}\n"
        f"steps:\n- filter: {{where: id >= 20 and id < 90}}\n- outliers: {{columns: v, action: drop}}\n"
        f"- scale: {{columns: v}}\nsink: {{path: {place}/table}}\n"
    )


def run(place: Path, source: str) -> Noting:
    noting = Noting()
    job.run(config(place, source), progress=noting)
    return noting


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_rows_that_a_filter_takes_out_were_read_too(shards: Path, kind: str) -> None:
    last = run(shards, f"{kind}, format: {kind}").last()
    assert {phase: last[phase] for phase in PHASES} == dict.fromkeys(PHASES, (ROWS, 1))


@pytest.mark.parametrize("folder", ["csv", "packed"])
def test_text_is_read_by_bytes_and_then_by_the_rows_that_were_kept(shards: Path, folder: str) -> None:
    last = run(shards, f"{folder}, format: csv, schema: 'id long, v double'").last()
    assert {phase: last[phase] for phase in [STAGED, *PHASES]} == dict.fromkeys([STAGED, *PHASES], (ROWS, 1))


@pytest.mark.parametrize("stage", ["auto", "never"])
def test_a_pass_that_infers_types_is_told_too(shards: Path, stage: str) -> None:
    last = run(shards, f"packed, format: csv, stage: {stage}").last()
    assert {phase: last[phase][1] for phase in [SCHEMA, *PHASES]} == dict.fromkeys([SCHEMA, *PHASES], 1)


def test_a_pass_from_file_to_file_is_one(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noting, reached = Noting(), defaultdict[str, set[float | None]](set)
    reach = Meter.reach

    def noted(meter: Meter, rows: int) -> None:
        reach(meter, rows)
        reached[noting.shown].add(meter.share)

    monkeypatch.setattr(Meter, "reach", noted)
    job.fit(config(shards, "parquet, format: parquet"), update=True, progress=noting)
    assert {phase: noting.last()[phase] for phase in PHASES[:2]} == dict.fromkeys(PHASES[:2], (ROWS, 1))
    # The ends of the files, and in the last one the row after which the filter lets none by.
    assert {0.1, 0.7, 0.9, 1.0} <= reached[PHASES[0]]


def test_rows_are_numbered_for_who_hears_of_them(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbered: list[bool] = []

    def noted(dataset: Dataset, **asked: bool) -> pl.LazyFrame:
        rows = scan(dataset, **asked)
        numbered.append(NUMBER in rows.collect_schema())
        return rows

    monkeypatch.setattr("genspark.job.runners.work.scan", noted)
    for progress in (Noting(), Silent()):
        job.fit(config(shards, "parquet, format: parquet"), progress=progress)
    assert numbered == [True, True, False, False]


def test_shards_weigh_what_they_have_of_bytes(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float | None] = []
    add = Meter.add

    def noted(meter: Meter, rows: int = 0, **more: int) -> None:
        add(meter, rows, **more)
        shares.append(METER.share)

    monkeypatch.setattr(Meter, "add", noted)
    run(shards, "csv, format: csv, stage: never, schema: 'id long, v double'")
    sizes = [(shards / f"csv/{number}.csv").stat().st_size for number in range(len(SIZES))]
    assert {sizes[0] / sum(sizes), (sizes[0] + sizes[1]) / sum(sizes)} <= set(shares)


def test_nothing_is_told_of_a_pass_of_unknown_length(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genspark.sources.formats.parquet._ROWS", re.compile("what no version of Polars tells"))
    told = run(shards, "parquet, format: parquet").told
    assert {share for phase in PHASES for _, share in told[phase]} == {None}


def test_a_share_never_falls() -> None:
    meter, told, is_seen = Meter(), list[float | None](), threading.Event()

    def tell(_: int, share: float | None) -> None:
        told.append(share)
        if share == 0.5:
            is_seen.set()

    with meter.watched(tell):
        meter.begin(size=10)
        meter.add(size=5)
        assert is_seen.wait(60)
        meter.begin(size=10)
        meter.add(size=3)
    assert told[-1] == 0.5


def test_a_file_that_grew_since_it_was_listed_is_no_more_than_all() -> None:
    meter = Meter()
    meter.begin(size=10)
    meter.add(size=12)
    assert meter.share == 1


def test_rows_that_wait_are_half_of_what_is_to_be_done_with_them() -> None:
    meter = Meter()
    meter.begin(rows=10, writes=True)
    shares = [meter.share]
    for counted in ({"rows": 5, "kept": 4}, {"rows": 5, "kept": 4}, {"written": 6}, {"written": 2}):
        meter.add(**counted)
        shares.append(meter.share)
    assert shares == [0, 0.25, 0.5, 0.875, 1]
