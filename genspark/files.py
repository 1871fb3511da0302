"""Small files, whole: a local path or any URI that PyArrow's file systems reach."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import unquote


def is_uri(path: str) -> bool:
    """Whether a path names a file system other than the local one, as `s3://bucket/key` does."""
    scheme, separator, _ = path.partition("://")
    return bool(separator) and scheme != "file"


def local(path: str) -> Path:
    """The local file that a plain path or a `file:` URI names."""
    if not path.startswith("file:"):
        return Path(path).expanduser()
    return Path(unquote(path.removeprefix("file://").removeprefix("file:")))


def read_text(path: str) -> str:
    """The text of a file. Raises FileNotFoundError or OSError."""
    if not is_uri(path):
        return local(path).read_text(encoding="utf-8")
    system, inside = _file_system(path)
    with system.open_input_stream(inside) as stream:
        return bytes(stream.read()).decode("utf-8")


def write_text(path: str, text: str) -> None:
    """Write a file whole or not at all; its folder is made where it is absent. Raises OSError."""
    if is_uri(path):
        system, inside = _file_system(path)
        # An object appears when its stream closes, so a URI needs no temporary name.
        with system.open_output_stream(inside) as stream:
            stream.write(text.encode("utf-8"))
        return
    target = local(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _file_system(path: str) -> tuple[Any, str]:
    # Imported late: it takes a while, and most paths are local.
    from pyarrow import fs

    system, inside = fs.FileSystem.from_uri(path)
    return system, inside


def stamp(path: str) -> str:
    """A local file's size and time of change as text; empty for a URI, whose store is not asked."""
    if is_uri(path):
        return ""
    try:
        status = local(path).stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


def is_empty(path: str) -> bool:
    """Whether a folder is absent or has nothing in it; a store that cannot be listed here counts as empty."""
    if not is_uri(path):
        folder = local(path)
        return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    try:
        from pyarrow import fs

        system, inside = _file_system(path)
        return not system.get_file_info(fs.FileSelector(inside, allow_not_found=True))
    except (OSError, ValueError):
        return True


def why_not_writable(path: str) -> str | None:
    """Why a local folder cannot be made or written; None where it can, or where only the store knows."""
    if is_uri(path):
        return None
    folder = local(path).absolute()
    nearest = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
    if not nearest.is_dir():
        return f"{nearest} is a file"
    try:
        # A real attempt: permission bits say nothing about read-only mounts, or to root.
        with tempfile.TemporaryFile(dir=nearest):
            return None
    except OSError as error:
        return f"{nearest}: {error.strerror}"


def remove_tree(path: str) -> None:
    """Remove a folder and what is in it. Raises OSError where it is there and cannot be removed."""
    if not is_uri(path):
        if local(path).exists():
            shutil.rmtree(local(path))
        return
    system, inside = _file_system(path)
    system.delete_dir(inside)
