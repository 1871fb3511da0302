"""What killed runs leave in the folder of a Delta table: files that no commit names, and a log without a commit."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

from genspark.sinks.formats.delta.leftovers import delete_files
from genspark.storage.files import OWN, delete, file_system, is_uri

_LOG = "_delta_log"
_OF_A_WRITER = re.compile(r"\.?part-\d{5}-[\w.-]+\.parquet(\.crc)?")
"""The name of a data file, or of Hadoop's checksum of one, by any writer."""


def clear_unborn(table: str, dead: Sequence[str], *, are_all: bool) -> None:
    """Delete what dead runs left where there is no table yet; nothing where there is one.

    `dead` are the ids of runs that began in an empty folder; where they `are_all` the runs that may have written there,
    so are the files whose names tell no run, such as those of Spark's own writer. Raises OSError or ValueError.
    """
    names = _names(table)
    if not dead or any(name.startswith(f"{_LOG}/") and name.endswith((".json", ".parquet")) for name in names):
        return
    for run_id in dead:
        delete_files(table, run_id, ())
    system, inside = file_system(table)
    if are_all:
        for name in names:
            path = f"{inside}/{name}"
            is_ours = _OF_A_WRITER.fullmatch(name.rpartition("/")[2]) and not name.startswith(f"{OWN}/")
            if (is_ours or name.startswith(f"{_LOG}/")) and system.get_file_info(path).is_file:
                delete(f"{table}/{name}")
        _remove_empty_folders(table)


def _names(table: str) -> list[str]:
    """The files below the table's folder, relative to it."""
    from pyarrow import fs

    system, inside = file_system(table)
    infos = system.get_file_info(fs.FileSelector(inside, recursive=True, allow_not_found=True))
    return [info.path.removeprefix(inside).lstrip("/") for info in infos if info.is_file]


def _remove_empty_folders(table: str) -> None:
    if is_uri(table):
        return
    folders = [path for path in Path(table).rglob("*") if path.is_dir() and OWN not in path.relative_to(table).parts]
    for folder in sorted(folders, key=lambda path: -len(path.parts)):
        with contextlib.suppress(OSError):
            folder.rmdir()
