"""The tables below a folder of a disk or a store: folders are listed, level by level, and no file is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from genspark.errors import GensparkError, SourceError, first_line
from genspark.sinks.formats.parquet.manifest import MANIFEST
from genspark.storage.files import OWN, is_uri
from genspark.storage.object_stores import one_line
from genspark.storage.stores import absolute, children, entry

AT_ONCE = 16
DEPTH = 8
"""Levels of folders below the root that are looked into, unless told otherwise."""
MOST_FOLDERS = 20_000
_LOG = "_delta_log"


@dataclass
class Walk:
    """What was found: the paths of `tables`, and of the folders that could not be listed, with the cause of each."""

    root: str
    tables: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def name_of(self, path: str) -> str:
        """The path below the root; of the root itself, its own last part."""
        below = path.removeprefix(self.root).strip("/")
        return below or path.rstrip("/").rpartition("/")[2]


def walk(root: str, depth: int = DEPTH) -> Walk:
    """Find the tables below a folder, or the one that is there. Raises SourceError or StoreError where there is none.

    Folders of partitions, and those that begin with `_` or `.`, are not looked into, nor are the tables themselves.
    """
    found = Walk(absolute(root))
    here = entry(found.root)
    # A store without folders has no entry for one.
    if not is_uri(found.root) and (here is None or not here.is_folder):
        raise SourceError(f"{root}: there is no such folder; name the one that the tables are in")
    level, seen = [found.root], 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for step in range(depth + 1):
            level = level[: MOST_FOLDERS - seen]
            seen += len(level)
            level = [deeper for one in zip(level, pool.map(_look, level), strict=True) for deeper in _next(found, *one)]
            if level and (seen >= MOST_FOLDERS or step == depth):
                found.notes.append(
                    f"{len(level):,} folders were not looked into, of more than {depth} levels below the root or after "
                    f"the first {MOST_FOLDERS:,}; name a folder further down, or --depth"
                )
                break
    if found.root in found.broken:
        raise SourceError(f"{root}: {found.broken[found.root]}")
    return found


def is_table(folder: str) -> bool:
    """Whether a table is there; no, too, where it cannot be told."""
    told = _look(folder)
    return not isinstance(told, str) and told[0]


def _look(folder: str) -> tuple[bool, Sequence[str]] | str:
    """Whether a folder is a table, and the folders in it; a text says why it cannot be listed."""
    try:
        inside = children(folder)
        folders = [item.path for item in inside if item.is_folder]
        names = {path.rpartition("/")[2] for path in folders}
        is_one = _LOG in names or (OWN in names and entry(f"{folder}/{MANIFEST}") is not None)
    except GensparkError as error:
        return first_line(error)
    except OSError as error:
        return one_line(error)
    return is_one, folders


def _next(found: Walk, folder: str, told: tuple[bool, Sequence[str]] | str) -> Iterator[str]:
    if isinstance(told, str):
        found.broken[folder] = told
        return
    is_one, folders = told
    if is_one:
        found.tables.append(folder)
        return
    for path in folders:
        name = path.rpartition("/")[2]
        is_link = not is_uri(path) and os.path.islink(path)
        if name[:1] not in ("_", ".") and "=" not in name and not is_link:
            yield path
