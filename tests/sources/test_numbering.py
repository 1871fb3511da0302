"""Every format tells the file of each row and its record's number there, corrupt ones among them, and how far it is."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import narwhals as nw
import polars as pl
import pyarrow.orc
import pytest
from PIL import Image

from genspark.config import Source
from genspark.engines.fate import CORRUPT, FILE, RECORD
from genspark.engines.polars.engine import PolarsEngine
from genspark.engines.polars.meter import METER, NUMBER, Meter
from genspark.sources import Dataset, find_dataset, scan
from genspark.sources.formats import names
from genspark.sources.parsing import blocks
from genspark.sources.stage import stage, staged
from genspark.statistics import Frequencies
from genspark.storage.stores import file_uri

ROWS = 700
NUMBERS = pl.DataFrame({"n": range(ROWS), "s": [f"text {n}" for n in range(ROWS)]})
CORRUPT_AT = 3


def csv(path: Path) -> None:
    path.write_text("\n".join(["n,s", "0,a", "", "# no record", "1,b", "2,c", "3,d,too many", *_lines("{},x")]) + "\n")


def json(path: Path) -> None:
    path.write_text("\n".join(['{"n": 0}', "", '{"n": 1}', '{"n": 2}', "{broken", *_lines('{{"n": {}}}')]) + "\n")


def _lines(form: str) -> list[str]:
    return [form.format(n) for n in range(CORRUPT_AT + 1, ROWS)]


def avro(path: Path) -> None:
    NUMBERS.write_avro(path)


def tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        for n in range(ROWS):
            member = tarfile.TarInfo(f"{n:04}.txt")
            member.size = len("text")
            archive.addfile(member, io.BytesIO(b"text"))


def png(path: Path) -> None:
    Image.new("L", (1, 1)).save(path, "png")


MADE: dict[str, Callable[[Path], object]] = {
    "csv": csv,
    "json": json,
    "avro": avro,
    "images": png,
    "arrow": NUMBERS.write_ipc,
    "delta": NUMBERS.write_delta,
    "orc": lambda path: pyarrow.orc.write_table(NUMBERS.to_arrow(compat_level=pl.CompatLevel.oldest()), path),
    "parquet": lambda path: NUMBERS.write_parquet(path, row_group_size=100),
    "tar": tar,
    "text": lambda path: path.write_text("line\n" * ROWS),
}
OPTIONS = {"csv": {"comment": "#"}}


@pytest.fixture(params=names())
def dataset(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Two files of one format, which are read in several blocks."""
    monkeypatch.setattr(blocks, "BLOCK", 512)
    kind = request.param
    paths = [tmp_path / f"{name}.png" if kind == "images" else tmp_path / name for name in ("a b", "c")]
    for path in paths:
        MADE[kind](path)
    return find_dataset(Source(path=[str(path) for path in paths], format=kind, options=OPTIONS.get(kind, {})))


def told(dataset: Dataset) -> dict[str, list[int]]:
    rows = scan(dataset, with_file=True, with_record=True).collect()
    return {str(uri): own[RECORD].to_list() for (uri,), own in rows.group_by(FILE, maintain_order=True)}


def test_each_row_knows_its_file_and_its_record(dataset: Dataset) -> None:
    rows = 1 if dataset.format.name == "images" else ROWS
    assert told(dataset) == {file_uri(shard.path): [*range(rows)] for shard in dataset.shards}
    only = scan(dataset, with_record=True).select(RECORD).collect()
    assert only[RECORD].to_list() == [*range(rows)] * 2


def test_rows_that_are_kept_between_passes_know_it_too(dataset: Dataset, tmp_path: Path) -> None:
    if not dataset.format.is_parsed:
        pytest.skip("rows of this format are not kept")
    (tmp_path / "stage").mkdir()
    kept = stage(dataset, str(tmp_path / "stage"), 0)
    assert kept is not None
    assert told(staged(dataset, kept)) == told(dataset)


@pytest.mark.parametrize("dataset", ["csv", "json"], indirect=True)
def test_a_corrupt_record_has_its_number(dataset: Dataset) -> None:
    rows = scan(dataset, with_record=True).filter(pl.col(CORRUPT).is_not_null()).collect()
    assert rows[RECORD].to_list() == [CORRUPT_AT] * 2


def test_a_pass_is_told_from_nothing_to_all(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    # Neither a scan nor another look at a footer is worth it.
    monkeypatch.setattr("genspark.sources.formats.parquet.footer", None)
    METER.begin(dataset.rows, dataset.bytes_told)
    shares = [METER.share]
    for count in ("add", "reach"):
        monkeypatch.setattr(Meter, count, noting(getattr(Meter, count), shares))
    first = next(iter(dataset.schema))
    PolarsEngine().scan(nw.from_native(scan(dataset, with_number=True)), [Frequencies((first,))])
    assert (shares[0], shares[-1]) == (0, 1)
    assert shares == sorted(shares)
    assert any(0 < share < 1 for share in shares)


def noting(count: Callable[..., None], shares: list[float]) -> Callable[..., None]:
    """The method of a meter, which notes the share that is done after each call."""

    def noted(meter: Meter, *rows: int, **more: int) -> None:
        count(meter, *rows, **more)
        shares.append(meter.share)

    return noted


def test_rows_of_files_that_are_scanned_apart_are_numbered_as_one_scan(tmp_path: Path) -> None:
    for day, values in {"1": [1, 2], "2": [], "3": [3]}.items():
        (tmp_path / f"day={day}").mkdir()
        pl.DataFrame({"n": values}, schema={"n": pl.Int64}).write_parquet(tmp_path / f"day={day}/a.parquet")
    dataset = find_dataset(Source(path=str(tmp_path), format="parquet"))
    for both in (False, True):
        rows = scan(dataset, with_record=both, with_number=True).filter(pl.col("n") != 2).collect()
        assert rows.select("n", NUMBER).rows() == [(1, 0), (3, 2)]


def test_rows_kept_between_passes_are_numbered_as_one_scan(tmp_path: Path) -> None:
    for day, text in {"1": "n\n1\n2\n", "2": "n\n3\n", "3": "n\n"}.items():
        (tmp_path / f"in/day={day}").mkdir(parents=True)
        (tmp_path / f"in/day={day}/a.csv").write_text(text)
    dataset = find_dataset(Source(path=str(tmp_path / "in"), format="csv", schema="n long, day long"))
    (tmp_path / "stage").mkdir()
    kept = stage(dataset, str(tmp_path / "stage"), 0)
    assert kept is not None
    both = staged(dataset, kept)
    assert (dataset.rows, both.rows) == (None, 3)
    rows = scan(both, with_record=True, with_number=True).filter(pl.col("n") != 2).collect()
    assert rows.select("n", RECORD, NUMBER).rows() == [(1, 0, 0), (3, 0, 2)]
