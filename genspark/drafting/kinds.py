"""The format of files, and its options, told by their names and their first lines."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from genspark.config import Source
from genspark.drafting.separated import csv_options
from genspark.errors import SourceError
from genspark.sources import Shard
from genspark.sources.codecs import is_compressed, open_unpacked
from genspark.sources.finding import list_source
from genspark.sources.format import UNREADABLE
from genspark.sources.formats import format_of
from genspark.sources.places import PLACE
from genspark.sources.source import named
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
_HEAD = 1 << 10
_BESIDE = re.compile(r"(readme|licen[cs]e|copying|notice|citation)(\W.*)?|.*\.(md|rst)", re.IGNORECASE)
"""Names of files that tell of data and hold none."""


class Told(NamedTuple):
    """A section `source`, and what a person should know of how it came about, a line for each."""

    source: Source
    notes: tuple[str, ...] = ()


def source_of(paths: Sequence[str]) -> Told:
    """The section `source` for some paths, globs, or one Delta table.

    Files that tell of data, such as README.md, are left out. Folders in folders are gone through where there is no file
    above them. Raises SourceError where nothing is there, the names tell no format that is known or several, or the
    first lines cannot be read.
    """
    given: Any = paths[0] if len(paths) == 1 else list(paths)
    if len(paths) == 1 and "*" not in paths[0] and not _suffix(paths[0]) and is_table(paths[0]):
        return Told(Source(path=given, format="delta"))
    shards, is_deep = _listed(given)
    files: dict[str, list[str]] = {form: [] for form in SUFFIXES.values()}
    for shard in shards:
        if form := _format(shard.path):
            files[form].append(shard.path)
    known = {form: found for form, found in files.items() if found}
    if not known:
        first = shards[0].path
        raise SourceError(
            f"{first}: the name tells no format; rename it, such as to {first}.csv, or write the YAML by hand"
        )
    if len(known) > 1:
        raise SourceError(_several(Source(path=given, format="text"), known))
    ((form, found),) = known.items()
    options: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    if not format_of(form).holds_images:
        options = {"recursiveFileLookup": True} if is_deep else {}
        others = sorted({_name(s.path) for s in shards} - {_name(path) for path in found})
        if others:
            options["pathGlobFilter"] = _pattern(found)
            notes = (f"left out, as no {form}: {', '.join(others[:3])}{', ...' if len(others) > 3 else ''}",)
    if form == "csv":
        own, why = csv_options(found[0])
        options, notes = {**own, **options}, (*notes, *why)
    elif form == "json":
        _refuse_array(found[0])
    return Told(Source(path=given, format=form, options=options), notes)


def _refuse_array(path: str) -> None:
    """Raise SourceError for a file of JSON that is one array. One that cannot be unpacked is told when it is read."""
    with contextlib.suppress(*UNREADABLE), open_unpacked(path) as file:
        if bytes(file.read(_HEAD)).lstrip().startswith(b"["):
            remedy = "write each element on a line of its own, as jq -c '.[]' does"
            raise SourceError(f"{PLACE}: {path} is one array, and JSON lines are read; {remedy}")


def _listed(given: Any) -> tuple[Sequence[Shard], bool]:
    """The files directly at the paths or in Hive's folders; where none has a format, all below, which True tells."""
    plain, deep = Source(path=given, format="text"), {"recursiveFileLookup": True}
    try:
        shards = list_source(plain).shards
    except SourceError:
        every = list_source(plain.model_copy(update={"options": deep})).shards
        if any("=" in PurePosixPath(shard.path).parent.name for shard in every):
            raise
        return every, True
    if any(_format(shard.path) for shard in shards):
        return shards, False
    every = list_source(plain.model_copy(update={"options": deep})).shards
    return (every, True) if any(_format(shard.path) for shard in every) else (shards, False)


def _several(source: Source, known: Mapping[str, Sequence[str]]) -> str:
    each = [f"{form} ({_name(paths[0])})" for form, paths in known.items()]
    first = next(iter(known.values()))
    remedy = f"{first[0].rpartition('/')[0]}/{_pattern(first)}"
    return f"{PLACE}: {named(source)} holds {' and '.join(each)}; name the files of one format, such as '{remedy}'"


def _pattern(paths: Sequence[str]) -> str:
    """A glob of the names that end as these do."""
    ends = sorted({"".join(PurePosixPath(path).suffixes[-1 - is_compressed(path) :]) for path in paths})
    return f"*{ends[0]}" if len(ends) == 1 else f"*{{{','.join(ends)}}}"


def _format(path: str) -> str | None:
    """The format that a file's name tells; None where it tells none, or the file only tells of data."""
    return None if _BESIDE.fullmatch(_name(path)) else SUFFIXES.get(_suffix(path))


def _name(path: str) -> str:
    return PurePosixPath(path).name


def _suffix(path: str) -> str:
    """The suffix of a file's name, before that of a codec."""
    name = PurePosixPath(path.rstrip("/"))
    return (name.with_suffix("") if is_compressed(path) else name).suffix.lower()
