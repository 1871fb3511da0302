"""The files of a source, as Spark lists them, and what the names of their folders tell."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import polars as pl

from genspark.errors import SourceError
from genspark.sources import hive
from genspark.sources.options import is_true
from genspark.sources.places import PLACE
from genspark.sources.shard import Shard
from genspark.storage import globs
from genspark.storage.stores import UNSUPPORTED_CODECS, Entry, absolute, children


@dataclass(frozen=True)
class Listing:
    """The shards that a source has at one moment, sorted by path, and the options that they are read with.

    Where a table's log tells them, `schema` has the columns and `description` what the model and the commit
    keep of the source.
    """

    shards: tuple[Shard, ...]
    options: Mapping[str, str]
    schema: Mapping[str, pl.DataType] | None = None
    description: Mapping[str, Any] | None = None

    @property
    def size(self) -> int:
        """Bytes of all shards."""
        return sum(shard.size for shard in self.shards)


def list_shards(paths: Sequence[str], options: Mapping[str, str], told: Mapping[str, pl.DataType]) -> Listing:
    """Every file below the paths, sorted, with the values of Hive folders; `told` holds types given for these.

    Raises SourceError where a path names nothing, or all of them hold no file.
    """
    deep = is_true(options, "recursiveFileLookup")
    files: dict[str, tuple[Entry, dict[str, str]]] = {}
    roots: set[str] = set()
    for path in paths:
        entries = globs.expand(absolute(path))
        if not entries:
            raise SourceError(f"{PLACE}: there is nothing at {path}; check the path")
        roots.update(root.path for root in entries)
        for root in entries:
            for item in _files(root):
                files.setdefault(item.path, (item, {} if deep else _folders(root.path, item.path)))
    chosen = _chosen({path: files[path] for path in sorted(files)}, roots, deep=deep)
    kept = _filtered(chosen, options.get("pathGlobFilter"))
    if not kept:
        raise SourceError(f"{PLACE}: no file below {', '.join(paths[:3])}; check the path")
    _refuse_codecs(kept)
    values = hive.typed([texts for _, texts in kept.values()], told)
    shards = (Shard(e.path, e.size, e.modified, None, v) for (e, _), v in zip(kept.values(), values, strict=True))
    return Listing(tuple(shards), options)


def _files(root: Entry) -> list[Entry]:
    """The files at or below a path. Names that begin with `_` or `.` are hidden, save Hive folders'."""
    if not root.is_folder:
        return [root]
    found = []
    for child in children(root.path):
        name = child.path.rpartition("/")[2]
        if name.startswith(".") or (name.startswith("_") and "=" not in name) or name.endswith("._COPYING_"):
            continue
        found += _files(child)
    return found


def _folders(root: str, path: str) -> dict[str, str]:
    """The values of the folders between a root and a file; empty where one of them is no Hive folder."""
    if not path.startswith(root.rstrip("/") + "/"):
        return {}
    names = path[len(root.rstrip("/")) + 1 :].split("/")[:-1]
    pairs = [name.partition("=") for name in names]
    if not all(sign and name for name, sign, _ in pairs):
        return {}
    return {unquote(name): unquote(value) for name, _, value in pairs}


def _chosen(
    files: Mapping[str, tuple[Entry, dict[str, str]]],
    roots: Container[str],
    *,
    deep: bool,
) -> dict[str, tuple[Entry, dict[str, str]]]:
    """Of a tree of Hive folders all files; otherwise, unless asked to go deeper, only the topmost."""
    named = {tuple(folders) for _, folders in files.values() if folders}
    if deep:
        return dict(files)
    if len(named) > 1:
        some = sorted("/".join(names) for names in named)
        raise SourceError(f"{PLACE}: folders name different columns: {some[0]} and {some[1]}; read them one by one")
    if named:
        bare = [path for path, (_, folders) in files.items() if not folders]
        if bare:
            columns = ", ".join(next(iter(named)))
            raise SourceError(
                f"{PLACE}: {bare[0]} is in no folder of {columns}, as others are; move it or leave it out"
            )
        return dict(files)
    return {path: found for path, found in files.items() if path in roots or path.rpartition("/")[0] in roots}


def _filtered(
    files: Mapping[str, tuple[Entry, dict[str, str]]], pattern: str | None
) -> dict[str, tuple[Entry, dict[str, str]]]:
    if pattern is None:
        return dict(files)
    wanted = globs.name_filter(pattern)
    return {path: found for path, found in files.items() if wanted(path.rpartition("/")[2])}


def _refuse_codecs(files: Mapping[str, Any]) -> None:
    for path in files:
        if path.endswith(UNSUPPORTED_CODECS):
            codec = re.sub(r".*\.", ".", path)
            raise SourceError(f"{PLACE}: {path}: {codec} is not read without Spark; `engine: spark` reads it")
