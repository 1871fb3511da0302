"""Files that are written only where none is, on the local disk; tests/job/test_object_store.py has a store."""

from __future__ import annotations

import concurrent.futures
from pathlib import Path

import pytest

from genspark.storage.exclusive import write_new


def test_of_several_writers_one_gets_the_name(tmp_path: Path) -> None:
    path = tmp_path / "log" / "1.json"

    def put(writer: int) -> str | None:
        try:
            write_new(str(path), f"{writer}\n" * 1000)
        except FileExistsError:
            return None
        return f"{writer}\n" * 1000

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        (won,) = [text for text in pool.map(put, range(32)) if text]
    assert path.read_text() == won
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        write_new(str(tmp_path / "file" / "1.json"), "")
    with pytest.raises(OSError, match="no store of scheme 'ftp' is known; known: s3, gs, abfs, abfss"):
        write_new("ftp://name/1.json", "")
