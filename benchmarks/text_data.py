"""Text shards: the rows of data.py with a group, a caption and a time, as csv or JSON lines, plain or compressed."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from data import Spec, frame

KINDS = ("quoted.csv", "plain.csv", "csv.gz", "csv.bz2", "jsonl", "jsonl.gz")
# One record in so many is made corrupt.
CORRUPT_EVERY = 1_000
WORDS = np.array(["a", "red", "blue", "small", "old", "dog", "cat", "house", "tree", "river", "on", "under", "market"])
START = np.datetime64("2024-01-01T00:00:00", "us")


@dataclass(frozen=True)
class TextSpec(Spec):
    """What decides text shards: `kind` is one of KINDS.

    `told` gives the readers the types; `corrupt` spoils one record in CORRUPT_EVERY. Where csv's types are inferred,
    only the number of fields is spoilt: a word among numbers would make their column one of text.
    """

    kind: str = "plain.csv"
    told: bool = True
    corrupt: bool = False

    @property
    def folder_name(self) -> str:
        """`text-2000000x6-8-seed20-csv.gz-corrupt`, or `-ragged`; told and inferred runs share all other shards."""
        ragged = not (self.told or self.is_json)
        spoilt = ("-ragged" if ragged else "-corrupt") if self.corrupt else ""
        return f"text-{self.rows}x{self.columns}-{self.shards}-seed{self.seed}-{self.kind}{spoilt}"

    @property
    def is_json(self) -> bool:
        """Whether a record is an object of JSON on a line of its own, and not a line of csv."""
        return self.kind.startswith("jsonl")

    @property
    def suffix(self) -> str:
        """What a shard's name ends with: `csv` of both plain and quoted csv, else the kind."""
        return "csv" if self.kind in ("quoted.csv", "plain.csv") else self.kind

    def source(self) -> Mapping[str, Any]:
        """The fields of a `Task` that tell how to read the shards."""
        return {"kind": self.kind, "told": self.told, "corrupt": self.corrupt}


def write_text(spec: TextSpec, out: Path, tell: Callable[[str], None]) -> Path:
    """The folder with the spec's shards, written if it is not there yet."""
    folder = out / spec.folder_name
    if folder.is_dir():
        return folder
    tell(f"shards: writing {folder.name}")
    draft = out / f".{spec.folder_name}.{os.getpid()}"
    draft.mkdir(parents=True)
    try:
        for shard in range(spec.shards):
            (draft / f"shard-{shard:03d}.{spec.suffix}").write_bytes(_packed(spec.kind, _text(spec, shard)))
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _packed(kind: str, text: bytes) -> bytes:
    if kind.endswith(".gz"):
        return gzip.compress(text, 6)
    return bz2.compress(text) if kind.endswith(".bz2") else text


def _text(spec: TextSpec, shard: int) -> bytes:
    rows, stream = _rows(spec, shard), io.BytesIO()
    if spec.is_json:
        rows.write_ndjson(stream)
    else:
        rows.write_csv(stream)
    if not spec.corrupt:
        return stream.getvalue()
    # Captions hold no newlines, so a line is a record; csv's first is the header.
    lines, header = stream.getvalue().split(b"\n"), 0 if spec.is_json else 1
    for line, identity in enumerate(spec.ids(shard).tolist(), start=header):
        number, place = divmod(identity, CORRUPT_EVERY)
        if place == CORRUPT_EVERY // 2:
            lines[line] = _spoilt(spec, lines[line], number)
    return b"\n".join(lines)


def _spoilt(spec: TextSpec, line: bytes, number: int) -> bytes:
    """JSON cut in half; csv by turns with a field too many, one too few, and, types told, with a word in `x000`."""
    if spec.is_json:
        return line[: len(line) // 2]
    turn = number % (3 if spec.told else 2)
    if turn == 0:
        return line + b",more"
    if turn == 1:
        return line.rsplit(b",", 1)[0]
    identity, group, _, rest = line.split(b",", 3)
    return b",".join((identity, group, b"unknown", rest))


def _rows(spec: TextSpec, shard: int) -> pl.DataFrame:
    """`id`, `group`, the numbers, `caption`, and `taken`, an ISO time in microseconds without a zone."""
    numbers = frame(spec, shard)
    random = np.random.default_rng([spec.seed, shard, 1])
    words = [pl.Series(random.choice(WORDS, size=numbers.height)) for _ in range(5)]
    # Values in quotes only where the kind is about them: separators and doubled quotes inside.
    pattern = "{} {} {} {} {}" if spec.kind == "plain.csv" else '{} {}, "{}" {}, {}'
    taken = START + random.integers(0, 366 * 86_400 * 10**6, numbers.height).astype("timedelta64[us]")
    return numbers.with_columns(
        pl.select(pl.format(pattern, *words)).to_series().alias("caption"),
        pl.Series("taken", taken).dt.strftime("%Y-%m-%dT%H:%M:%S%.6f"),
    )
