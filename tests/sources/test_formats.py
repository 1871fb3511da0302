"""A format is one object: registered by its name, known to the YAML, and asked about nowhere by its name."""

from __future__ import annotations

import ast
import pickle
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import genspark
from genspark import JobConfig, run
from genspark.config import Source, json_schema
from genspark.engines.fate import CORRUPT
from genspark.errors import ConfigError
from genspark.sources import find_dataset, listing, scan
from genspark.sources.format import Format, Found, Schema, StreamedFormat
from genspark.sources.formats import format_of, names
from genspark.sources.shard import Shard
from genspark.storage import globs, stores

PACKAGE = Path(genspark.__file__).parent


def texts(node: ast.expr) -> bool:
    """Whether an expression is a constant text, or a collection with one."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(texts(item) for item in node.elts)
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_format(node: ast.expr) -> bool:
    return getattr(node, "attr", getattr(node, "id", None)) == "format"


def questions(source: str) -> Iterator[int]:
    """The lines that ask a format for its name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(map(is_format, sides)) and any(map(texts, sides)):
                yield node.lineno
        elif isinstance(node, ast.Match) and is_format(node.subject):
            yield node.lineno


@pytest.mark.parametrize(
    "line",
    [
        "if source.format == 'csv': pass",
        "x = 'csv' != format",
        "y = format in ('a', 'b')",
        "match a.format:\n case 1: 2",
    ],
)
def test_a_question_for_a_format_is_found(line: str) -> None:
    assert list(questions(line)) == [1]


def test_no_format_is_asked_for_its_name() -> None:
    files = [file for file in PACKAGE.rglob("*.py") if PACKAGE / "sources" / "formats" not in file.parents]
    asked = [f"{file.relative_to(PACKAGE)}:{line}" for file in files for line in questions(file.read_text())]
    assert not asked, "give Format an attribute or a method instead"


def test_the_yaml_knows_every_format_that_has_a_file() -> None:
    rooms = (PACKAGE / "sources" / "formats").iterdir()
    files = sorted(room.stem for room in rooms if not room.name.startswith("__"))
    assert names() == files
    assert json_schema()["$defs"]["Source"]["properties"]["format"]["enum"] == files


class Numbers(StreamedFormat):
    """A file of digits: each is a row."""

    def schema(
        self, shards: Sequence[Shard], options: Mapping[str, str], given: Schema | None, constants: Schema
    ) -> Found:
        return Found({"n": pl.Int64()})

    def frames(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"n": [int(digit) for digit in Path(shard.path).read_text()]})


def test_a_format_needs_a_name_a_schema_and_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Format, "registry", dict(Format.registry))
    with pytest.raises(ConfigError, match="source.format"):
        job(tmp_path, "digits")
    type("Digits", (Numbers,), {"name": "digits"})
    (tmp_path / "day=7").mkdir()
    (tmp_path / "day=7" / "a.txt").write_text("123")
    (tmp_path / "day=8").mkdir()
    (tmp_path / "day=8" / "b.txt").write_text("4")
    dataset = find_dataset(job(tmp_path, "digits").source)
    assert scan(dataset).collect().rows() == [(1, 7), (2, 7), (3, 7), (4, 8)]
    assert scan(dataset, with_file=True).select("n").collect().rows() == [(1,), (2,), (3,), (4,)]


def job(folder: Path, kind: str, engine: str = "auto") -> JobConfig:
    source = f"{{path: '{folder}', format: {kind}}}"
    return JobConfig.from_text(
        f"{{name: j, engine: {engine}, source: {source}, sink: {{path: '{folder.parent / 'table'}'}}}}"
    )


@pytest.mark.parametrize("kind", names())
def test_a_format_travels_to_workers(kind: str) -> None:
    assert type(pickle.loads(pickle.dumps(format_of(kind)))) is type(format_of(kind))


@pytest.mark.parametrize("engine", ["auto", "polars"])
def test_the_shards_are_listed_once_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    source = tmp_path / "raw"
    for day in (1, 2):
        (source / f"day={day}").mkdir(parents=True)
        pl.DataFrame({"x": [day]}).write_parquet(source / f"day={day}" / "a.parquet")
    listed: Counter[str] = Counter()

    def children(path: str) -> list[Any]:
        listed[path] += 1
        return real(path)

    real = stores.children
    for module in (globs, listing):
        monkeypatch.setattr(module, "children", children)
    monkeypatch.setattr("genspark.job.runners.choice.is_running", lambda: False)
    report = run(job(source, "parquet", engine))
    assert report.rows_written == 2
    assert listed == {str(source): 1, str(source / "day=1"): 1, str(source / "day=2"): 1}


def test_versions_go_with_formats_that_have_them() -> None:
    with pytest.raises(ConfigError, match="only a delta source has versions, and format is 'csv'"):
        Source(path="x", format="csv", version=1)


def test_an_image_of_no_bytes_is_a_corrupt_record(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "a.png").touch()
    frame = scan(find_dataset(Source(path=str(tmp_path), format="images"))).collect()
    assert frame.drop(CORRUPT).rows() == [("cats/a.png", "cats", None, None, b"")]
    assert frame[CORRUPT].to_list() == ["not an image that can be read: UnidentifiedImageError"]
