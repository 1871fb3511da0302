"""List the files of a source as Spark does, with the columns that Hive folders name."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import polars as pl

from genspark.errors import SourceError
from genspark.sources import hive
from genspark.sources.codecs import refuse_codecs
from genspark.sources.options import is_true
from genspark.sources.places import PLACE
from genspark.sources.shard import Shard
from genspark.storage import globs
from genspark.storage.files import is_uri
from genspark.storage.refusals import why_nothing
from genspark.storage.stores import Entry, absolute, children

Files = Mapping[str, tuple[Entry, dict[str, str]]]
"""Files by path, each with the texts of its Hive folders by column."""


@dataclass(frozen=True)
class Listing:
    """The shards that a source has at one moment, sorted by path, and the options that they are read with.

    Where a table's log gives them, `schema` has the columns and `description` what the model and the commit record
    about the source.
    """

    shards: tuple[Shard, ...]
    options: Mapping[str, str]
    schema: Mapping[str, pl.DataType] | None = None
    description: Mapping[str, Any] | None = None

    @property
    def size(self) -> int:
        """The total size of the shards in bytes."""
        return sum(shard.size for shard in self.shards)


def list_shards(paths: Sequence[str], options: Mapping[str, str], given: Mapping[str, pl.DataType]) -> Listing:
    """List every file below the paths, sorted by path, with the values of Hive folders.

    `given` has types for columns of folders. Raises SourceError where a path names nothing, or no path holds a file,
    and StoreError where a store does not answer.
    """
    recursive = is_true(options, "recursiveFileLookup")
    files: dict[str, tuple[Entry, dict[str, str]]] = {}
    roots: set[str] = set()
    for path in paths:
        entries = globs.expand(absolute(path))
        if not entries:
            why = why_nothing(absolute(path)) if is_uri(path) else None
            raise SourceError(f"{PLACE}: there is nothing at {path}" + (f": {why}" if why else "; check the path"))
        roots.update(root.path for root in entries)
        for root in entries:
            for file in _files(root):
                files.setdefault(file.path, (file, {} if recursive else _folders(root.path, file.path)))
    chosen = _chosen({path: files[path] for path in sorted(files)}, roots, recursive=recursive)
    kept = _filtered(chosen, options.get("pathGlobFilter"))
    if not kept:
        raise SourceError(f"{PLACE}: no file below {', '.join(paths[:3])}; check the path")
    refuse_codecs(kept)
    constants = hive.typed([texts for _, texts in kept.values()], given)
    shards = (Shard(e.path, e.size, e.modified, None, c) for (e, _), c in zip(kept.values(), constants, strict=True))
    return Listing(tuple(shards), options)


def _files(root: Entry) -> list[Entry]:
    """The files at or below a path. Names that begin with `_` or `.` are hidden, except those of Hive folders."""
    if not root.is_folder:
        return [root]
    files = []
    for child in children(root.path):
        name = child.path.rpartition("/")[2]
        if name.startswith(".") or (name.startswith("_") and "=" not in name) or name.endswith("._COPYING_"):
            continue
        files += _files(child)
    return files


def _folders(root: str, path: str) -> dict[str, str]:
    """The texts of the Hive folders between a root and a file; empty where one of the folders is of another kind."""
    if not path.startswith(root.rstrip("/") + "/"):
        return {}
    names = path[len(root.rstrip("/")) + 1 :].split("/")[:-1]
    pairs = [name.partition("=") for name in names]
    if not all(sign and name for name, sign, _ in pairs):
        return {}
    return {unquote(name): unquote(value) for name, _, value in pairs}


def _chosen(files: Files, roots: Container[str], *, recursive: bool) -> Files:
    """All files of a tree of Hive folders or of a recursive listing; otherwise those that stand directly in a root."""
    if recursive:
        return files
    hive_columns = {tuple(folders) for _, folders in files.values() if folders}
    if len(hive_columns) > 1:
        some = sorted("/".join(names) for names in hive_columns)
        raise SourceError(f"{PLACE}: folders name different columns: {some[0]} and {some[1]}; read them one by one")
    if hive_columns:
        bare = [path for path, (_, folders) in files.items() if not folders]
        if bare:
            columns = ", ".join(next(iter(hive_columns)))
            raise SourceError(
                f"{PLACE}: {bare[0]} is in no folder of {columns}, as others are; move it or leave it out"
            )
        return files
    return {path: file for path, file in files.items() if path in roots or path.rpartition("/")[0] in roots}


def _filtered(files: Files, pattern: str | None) -> Files:
    if pattern is None:
        return files
    is_wanted = globs.name_filter(pattern)
    return {path: file for path, file in files.items() if is_wanted(path.rpartition("/")[2])}
