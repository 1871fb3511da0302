"""Files in a table's folder that no commit names: those of a run that failed, or of a task that was tried twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from genspark.storage.arrow_systems import arrow_file_system
from genspark.storage.files import OWN, is_uri


def delete_files(folder: str, run_id: str, kept: Iterable[str]) -> None:
    """Delete a run's files that no commit names, such as those of a task that was tried twice."""
    keep = set(kept)
    for path in list(names(folder)):
        if f"-{run_id}-" in path and path not in keep:
            if is_uri(folder):
                system, inside = arrow_file_system(folder)
                system.delete_file(f"{inside}/{path}")
            else:
                Path(folder, path).unlink(missing_ok=True)


def names(folder: str) -> Iterator[str]:
    """The table's Parquet files below a folder, relative to it, without those that genspark keeps for itself."""
    return (name for name in _all_names(folder) if not name.startswith(f"{OWN}/"))


def _all_names(folder: str) -> Iterator[str]:
    if not is_uri(folder):
        yield from (str(path.relative_to(folder)) for path in Path(folder).rglob("*.parquet"))
        return
    from pyarrow import fs

    system, inside = arrow_file_system(folder)
    for info in system.get_file_info(fs.FileSelector(inside, recursive=True, allow_not_found=True)):
        if info.path.endswith(".parquet"):
            yield info.path.removeprefix(inside).lstrip("/")
