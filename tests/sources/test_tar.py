"""Tar shards: samples as the webdataset package groups them, on every engine, and damaged archives named."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import webdataset

from genspark import JobConfig, run
from genspark.config import Source
from genspark.engines.fate import CORRUPT
from genspark.errors import ShardError, SourceError
from genspark.sources import find_dataset, scan

FILES = [
    ("a/0001.jpg", b"\xff\xd8one"),
    ("a/0001.cls", b"7"),
    ("a/0001.json", b'{"w": 1}'),
    ("a/0002.jpg", b"\xff\xd8two"),
    ("a/0002.cls", b" 8\n"),
    ("a/0002.seg.PNG", b"\x89PNG"),
    ("b/0002.jpg", b"\xff\xd8three"),
    ("b/0002.txt", "ü".encode()),
]


def write(path: Path, files: Iterable[tuple[str, bytes]], pack: Callable[[bytes], bytes] = bytes) -> Path:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    path.write_bytes(pack(buffer.getvalue()))
    return path


def read(folder: Path, **fields: Any) -> pl.DataFrame:
    return scan(find_dataset(Source(path=str(folder), format="tar", **fields))).collect()


def job(folder: Path, engine: str = "polars", more: str = "") -> JobConfig:
    return JobConfig.from_text(
        f"name: shards\nengine: {engine}\nkey: __key__\nsource: {{path: '{folder}/*.t*', format: tar{more}}}\n"
        f"steps: [{{scale: {{columns: cls}}}}]\nsink: {{path: '{folder}/out/table'}}\n"
    )


def test_samples_are_rows_and_extensions_are_columns(tmp_path: Path) -> None:
    odd = [("a/README", b"?"), ("a/.hidden.txt", b"?"), ("__meta__.json", b"{}"), ("./c/0003.cls", b"9")]
    write(tmp_path / "0.tar", [*FILES, *odd])
    frame = read(tmp_path)
    assert frame.schema == {
        "__key__": pl.String,
        "jpg": pl.Binary,
        "cls": pl.Int64,
        "json": pl.String,
        "seg.png": pl.Binary,
        "txt": pl.String,
        CORRUPT: pl.String,
    }
    assert frame.drop(CORRUPT).rows() == [
        ("a/0001", b"\xff\xd8one", 7, '{"w": 1}', None, None),
        ("a/0002", b"\xff\xd8two", 8, None, b"\x89PNG", None),
        ("b/0002", b"\xff\xd8three", None, None, None, "ü"),
        ("c/0003", None, 9, None, None, None),
    ]


@pytest.mark.parametrize("engine", ["polars", "tasks", pytest.param("spark", marks=pytest.mark.connect)])
def test_a_job_on_every_engine(tmp_path: Path, start: Callable[[str], str], engine: str) -> None:
    write(tmp_path / "0.tar", FILES[:3])
    write(tmp_path / "1.tgz", [*FILES[3:], ("d.cls", b"many"), ("e.txt", b"\xff")], gzip.compress)
    report = run(job(tmp_path, start(engine)))
    assert (report.rows_read, report.rows_written, report.rows_quarantined) == (5, 3, 2)
    rows = pl.read_delta(f"{tmp_path}/out/table").sort("__key__")
    assert rows["jpg"].to_list() == [b"\xff\xd8one", b"\xff\xd8two", b"\xff\xd8three"]
    assert rows["cls"].to_list() == [-1.0, 1.0, None]
    assert [uri.rpartition("/")[2] for uri in rows["_source_file"]] == ["0.tar", "1.tgz", "1.tgz"]
    aside = pl.read_delta(f"{tmp_path}/out/table_quarantine").sort("__key__")
    assert aside["_corrupt_record"].to_list() == ["cls: not a bigint: 'many'", "txt: not UTF-8"]


def test_a_schema_chooses_and_types(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", FILES)
    frame = read(tmp_path, schema="`seg.png` binary, cls string")
    assert frame.drop(CORRUPT).row(1) == ("a/0002", b"\x89PNG", " 8\n")
    with pytest.raises(SourceError, match="'cls' is date, and tar files hold binary, string"):
        read(tmp_path, schema="cls date")


def test_an_extension_that_shows_late_is_told(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", [*((f"{i}.txt", b"x") for i in range(200)), ("200.cls", b"1")])
    with pytest.raises(ShardError, match=r"'cls', which the first 100 samples .* give the columns by source.schema"):
        run(job(tmp_path).model_copy(update={"steps": ()}))
    assert read(tmp_path, schema="cls long")["cls"].sum() == 1


@pytest.mark.parametrize("damage", ["cut in a file", "cut between files", "a header", "twice", "no tar"])
@pytest.mark.parametrize("engine", ["polars", pytest.param("spark", marks=pytest.mark.exhaustive)])
def test_a_damaged_archive_is_named(tmp_path: Path, start: Callable[[str], str], engine: str, damage: str) -> None:
    big = [("a.jpg", b"x" * 3000), ("b.jpg", b"y" * 3000), ("c.jpg", b"z" * 3000)]
    content = write(tmp_path / "0.tar", big).read_bytes()
    damaged = {
        "cut in a file": content[:6000],
        "cut between files": content[: 2 * (512 + 3072)],
        "a header": content[: 512 + 3072] + b"?" * 512 + content[1024 + 3072 :],
        "no tar": b"n,s\n1,a\n" * 200,
    }
    if damage == "twice":
        write(tmp_path / "0.tar", [*big, ("c.jpg", b"again")])
    else:
        (tmp_path / "0.tar").write_bytes(damaged[damage])
    config = job(tmp_path, start(engine), ", schema: 'jpg binary'").model_copy(update={"steps": ()})
    with pytest.raises(ShardError) as error:
        run(config)
    assert [path.removeprefix("file://") for path in error.value.shards] == [str(tmp_path / "0.tar")]


def test_samples_are_those_of_webdataset(tmp_path: Path, data: Path) -> None:
    images = sorted((data / "cifar10").rglob("*.jpg"))[::40]
    names = [f"{image.parent.name}/{image.stem}" for image in images]
    pairs = [((f"{n}.jpg", i.read_bytes()), (f"{n}.cls", b"3")) for n, i in zip(names, images, strict=True)]
    path = write(tmp_path / "0.tar", [file for pair in pairs for file in pair])
    theirs = [(s["__key__"], s["jpg"], int(s["cls"])) for s in webdataset.WebDataset(str(path), shardshuffle=False)]
    assert read(tmp_path).drop(CORRUPT).rows() == theirs
