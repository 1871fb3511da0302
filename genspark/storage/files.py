"""Small files read and written as a whole, at a local path or any URI that PyArrow's file systems reach."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from genspark.storage import hdfs, object_stores
from genspark.storage.arrow_systems import arrow_file_system

OWN = "_genspark"
"""The folder inside a table's that holds its model; Delta passes over names that begin so."""


def is_uri(path: str) -> bool:
    """Whether a path is on a file system other than the local one, as `s3://bucket/key` is."""
    scheme, separator, _ = path.partition("://")
    return bool(separator) and scheme != "file"


def local(path: str) -> Path:
    """The local file that a plain path or a `file:` URI names."""
    if path.startswith("dbfs:"):
        # Databricks mounts both its volumes and its file system on the driver.
        bare = path.removeprefix("dbfs:")
        return Path(bare if bare.startswith("/Volumes/") else f"/dbfs{bare}")
    if not path.startswith("file:"):
        return Path(path).expanduser()
    return Path(unquote(path.removeprefix("file://").removeprefix("file:")))


def storage_path(path: str) -> str:
    """A path as Polars, deltalake and PyArrow take it: absolute, or a URI with the scheme that they know."""
    if not is_uri(path):
        return str(local(path).absolute())
    return object_stores.normal_uri(path)


def file_system(path: str) -> tuple[Any, str]:
    """PyArrow's file system of a path or URI, and the path inside of it. Raises OSError or ValueError."""
    if is_uri(path):
        return arrow_file_system(path)
    from pyarrow import fs

    return fs.LocalFileSystem(), str(local(path).absolute())


@contextlib.contextmanager
def writing(path: str) -> Iterator[Any]:
    """PyArrow's stream to a new file, whose folder is made where it is absent. Raises OSError or ValueError.

    An object of a store is there when the block ends well, and not at all where it does not.
    """
    import pyarrow as pa

    if object_stores.scheme_of(path) in object_stores.SCHEMES:
        with object_stores.writing(path) as raw:
            yield pa.PythonFile(raw, mode="w")
        return
    if path.startswith("hdfs://"):
        with tempfile.TemporaryFile() as spool:
            yield pa.PythonFile(spool, mode="w")
            hdfs.write(path, spool, replaces=True)
        return
    system, inside = file_system(path)
    if not is_uri(path):
        system.create_dir(inside.rpartition("/")[0], recursive=True)
    with system.open_output_stream(inside) as stream:
        yield stream


def read_text(path: str) -> str:
    """The text of a file. Raises FileNotFoundError or OSError."""
    if not is_uri(path):
        return local(path).read_text(encoding="utf-8")
    system, inside = arrow_file_system(path)
    with system.open_input_stream(inside) as stream:
        return bytes(stream.read()).decode("utf-8")


def write_text(path: str, text: str) -> None:
    """Write a file whole or not at all; its folder is made where it is absent. Raises OSError."""
    if path.startswith("hdfs://"):
        hdfs.write(path, text.encode("utf-8"), replaces=True)
        return
    if is_uri(path):
        with writing(path) as stream:
            stream.write(text.encode("utf-8"))
        return
    target = local(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as draft:
        draft.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A path beside a local file at which to write what takes its place: at once where the block ends well, else not.

    Raises OSError.
    """
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        yield draft
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def delete(path: str) -> None:
    """Delete a file, and leave nothing in its place; one that is gone is no mistake. Raises OSError or ValueError."""
    if not is_uri(path):
        local(path).unlink(missing_ok=True)
    elif object_stores.scheme_of(path) in object_stores.SCHEMES:
        # PyArrow would leave an empty object for the folder.
        object_stores.delete(path)
    else:
        system, inside = arrow_file_system(path)
        with contextlib.suppress(FileNotFoundError):
            system.delete_file(inside)


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
    """Whether a folder is absent or holds nothing but `OWN`; a store that this process cannot list counts as empty."""
    return all(name == OWN for name in _names(path))


def why_not_writable(path: str) -> str | None:
    """The reason why a folder cannot be made or written; None where it can, or where only the store knows."""
    if is_uri(path):
        try:
            arrow_file_system(path)
        except (OSError, ValueError) as error:
            return str(error)
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


def clear(path: str) -> None:
    """Remove everything in a folder but `OWN`, and the folder itself if that leaves it empty. Raises OSError."""
    if is_uri(path):
        _clear_store(path)
        return
    folder = local(path)
    for child in list(folder.iterdir()) if folder.is_dir() else []:
        if child.name != OWN:
            shutil.rmtree(child) if child.is_dir() else child.unlink()
    remove_empty(path)


def remove_empty(path: str) -> None:
    """Remove a folder that holds nothing; one that holds something stays."""
    if not is_uri(path):
        with contextlib.suppress(OSError):
            local(path).rmdir()
        return
    if path.startswith("gs://"):
        # There PyArrow leaves nothing, nor does it list folders: what it calls empty may be a table.
        return
    # It leaves an empty object where the last file of a folder was.
    system, inside = arrow_file_system(path)
    if not listing(system, inside):
        with contextlib.suppress(FileNotFoundError):
            system.delete_dir(inside)


def _names(path: str) -> list[str]:
    if not is_uri(path):
        folder = local(path)
        return sorted(child.name for child in folder.iterdir()) if folder.is_dir() else []
    try:
        if path.startswith("gs://"):
            folders, objects = object_stores.children(path)
            return [*folders, *(name for name, _, _ in objects)]
        system, inside = arrow_file_system(path)
        return [info.base_name for info in listing(system, inside)]
    except (OSError, ValueError):
        return []


def listing(system: Any, inside: str) -> list[Any]:
    """What PyArrow says of the files and folders in a folder; nothing where there is none."""
    from pyarrow import fs

    return list(system.get_file_info(fs.FileSelector(inside, allow_not_found=True)))


def _clear_store(path: str) -> None:
    system, inside = arrow_file_system(path)
    for name in _names(path):
        if name != OWN:
            whole = f"{inside}/{name}"
            (system.delete_file if system.get_file_info(whole).is_file else system.delete_dir)(whole)
    remove_empty(path)
