"""Every format tells the file of each row and the number of its record there; corrupt records count as records."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow.orc
import pytest
from PIL import Image

from genspark.config import Source
from genspark.engines.fate import CORRUPT, FILE, RECORD
from genspark.sources import Dataset, find_dataset, scan
from genspark.sources.formats import names
from genspark.sources.parsing import blocks
from genspark.sources.stage import stage, staged
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
