"""The footers of Parquet files: row groups, encodings, which columns have statistics. No row is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, TypeVar

from genspark.sinks.files.footer import Footer
from genspark.storage.object_stores import one_line
from genspark.storage.stores import open_file
from genspark.tables.snapshot import DataFile

AT_ONCE = 16
"""Files that are open at a time."""

Tell = Callable[[int, int], None]
"""Told how many files are done, of how many."""
Found = TypeVar("Found")


def silent(_done: int, _known: int) -> None:
    """The `Tell` that nobody hears."""


def read_footer(path: str) -> Footer:
    """The footer of a file. Raises OSError or ValueError."""
    import pyarrow.parquet as pq

    with open_file(path) as file:
        return Footer.of(pq.read_metadata(file))


def of_each(
    files: Iterable[DataFile], look: Callable[[str], Found], tell: Tell
) -> tuple[dict[str, Found], dict[str, str]]:
    """What a look at each file finds, by the file's name, and the cause for each file that cannot be read."""
    found: dict[str, Found] = {}
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pending: dict[Any, str] = {pool.submit(look, file.path): file.name for file in files}
        for done, future in enumerate(as_completed(pending), start=1):
            try:
                found[pending[future]] = future.result()
            except (OSError, ValueError) as error:
                failed[pending[future]] = one_line(error)
            tell(done, len(pending))
    return found, failed


def sample(files: Sequence[DataFile], most: int | None) -> list[DataFile]:
    """At most so many files, spread evenly over all; None: all."""
    if most is None or len(files) <= most:
        return list(files)
    return [files[len(files) * i // most] for i in range(most)]
