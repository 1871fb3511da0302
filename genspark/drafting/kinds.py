"""The format of files, and its options, told by their names and their first line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from genspark.config import Source
from genspark.errors import SourceError
from genspark.sources.codecs import is_compressed, open_unpacked
from genspark.sources.finding import list_source
from genspark.tables.snapshot import is_table

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".avro": "avro",
    ".orc": "orc",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".txt": "text",
    ".tar": "tar",
    ".png": "images",
    ".jpg": "images",
    ".jpeg": "images",
}
_LOOKED_AT = 1 << 16


def source_of(paths: Sequence[str]) -> Source:
    """The section `source` for some paths, globs, or one Delta table.

    Raises SourceError where nothing is there, or the names tell no format that is known.
    """
    given: Any = paths[0] if len(paths) == 1 else list(paths)
    if len(paths) == 1 and "*" not in paths[0] and not _suffix(paths[0]) and is_table(paths[0]):
        return Source(path=given, format="delta")
    first = list_source(Source(path=given, format="text")).shards[0].path
    suffix = _suffix(first)
    if suffix not in SUFFIXES:
        raise SourceError(
            f"{first}: the name tells no format; rename it, such as to {first}.csv, or write the YAML by hand"
        )
    form = SUFFIXES[suffix]
    return Source(path=given, format=form, options=_csv_options(first) if form == "csv" else {})


def _suffix(path: str) -> str:
    """The suffix of a file's name, before that of a codec."""
    name = PurePosixPath(path.rstrip("/"))
    return (name.with_suffix("") if is_compressed(path) else name).suffix.lower()


def _csv_options(path: str) -> dict[str, Any]:
    with open_unpacked(path) as file:
        text = bytes(file.read(_LOOKED_AT)).decode("utf-8", "replace")
    lines = text.splitlines()[:50]
    try:
        separator = csv.Sniffer().sniff("\n".join(lines), ",;\t|").delimiter
    except csv.Error:
        separator = ","
    names = next(csv.reader(lines[:1], delimiter=separator), [])
    has_header = bool(names) and all(name.strip() and not _is_number(name) for name in names)
    return {"header": has_header, **({} if separator == "," else {"sep": separator})}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
