"""Files and folders of the local disk, or of a store that PyArrow's file systems reach."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from genspark.errors import StoreError
from genspark.storage import object_stores
from genspark.storage.arrow_systems import arrow_file_system
from genspark.storage.files import is_uri, listing, local
from genspark.storage.object_stores import SCHEMES, normal_uri, scheme_of, unreached
from genspark.storage.refusals import is_refusal, refusal
from genspark.storage.secrets import masked

_CHUNK = 4 << 20


@dataclass(frozen=True)
class Entry:
    """A file or a folder."""

    path: str
    is_folder: bool
    size: int
    modified: int


def absolute(path: str) -> str:
    """The absolute form of a local path, or a URI with the scheme that PyArrow and Polars know. Raises StoreError."""
    if not is_uri(path):
        return os.path.abspath(local(path))
    uri = normal_uri(path)
    scheme = uri.partition("://")[0]
    if scheme not in (*SCHEMES, "hdfs"):
        known = ", ".join((*SCHEMES, "hdfs"))
        raise StoreError(f"{path}: no store of scheme {scheme!r} is known here; known: {known}")
    if why := unreached(uri):
        raise StoreError(why)
    return uri


def entry(path: str) -> Entry | None:
    """The file or folder at an absolute path, or None. Raises StoreError where the store does not answer."""
    if not is_uri(path):
        try:
            status = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Entry(path, os.path.isdir(path), status.st_size, status.st_mtime_ns // 1_000_000)
    with _answering(path):
        system, inside = arrow_file_system(path)
        info = system.get_file_info(inside)
        is_marker = _is_marker(system, info)
    if is_marker:
        return Entry(path, True, 0, 0)
    return _of_store(path, info) if info.type.name in ("File", "Directory") else None


def children(path: str) -> list[Entry]:
    """The files and folders in a folder, sorted by name."""
    if not is_uri(path):
        with os.scandir(path) as items:
            return [child for name in sorted(item.path for item in items) if (child := entry(name))]
    with _answering(path):
        if path.startswith("gs://"):
            return sorted(_of_google(path), key=lambda item: item.path)
        system, inside = arrow_file_system(path)
        infos = listing(system, inside)
        infos = [info for info in infos if not _is_marker(system, info)]
    base = path.rstrip("/")
    return sorted((_of_store(f"{base}/{info.base_name}", info) for info in infos), key=lambda item: item.path)


def open_stream(path: str) -> Any:
    """Open a file as a stream of its bytes. Raises OSError."""
    import pyarrow as pa

    if is_uri(path):
        system, inside = arrow_file_system(path)
        return system.open_input_stream(inside, compression=None)
    return pa.OSFile(path)


def download(uri: str, file: str) -> None:
    """Copy a file of a store to this machine, by one request that reads it from end to end. Raises OSError."""
    if scheme_of(uri) in SCHEMES:
        object_stores.download(uri, file)
        return
    with open_stream(uri) as stream, open(file, "wb") as out:
        shutil.copyfileobj(stream, out, _CHUNK)


def open_file(path: str) -> Any:
    """Open a file for reads at any position. Raises OSError."""
    import pyarrow as pa

    if is_uri(path):
        system, inside = arrow_file_system(path)
        return system.open_input_file(inside)
    return pa.memory_map(path)


def file_uri(path: str) -> str:
    """A shard's URI as Spark writes it: what a URI cannot hold is quoted, letters of any script stand.

    Credentials in a path are masked: the URI names the file in tables, and is not what opens it.
    """
    path = masked(path) if is_uri(path) else path
    scheme, separator, rest = path.partition("://") if is_uri(path) else ("file", "://", path)
    legal = "/-_.!~'()*,;:$&+=@"
    return scheme + separator + re.sub(r"[^\x80-\U0010ffff]+", lambda part: quote(part.group(), safe=legal), rest)


def _is_marker(system: Any, info: Any) -> bool:
    """Whether an object only stands for a folder of its name: Hadoop's connector of Azure makes such, without bytes."""
    if info.size != 0 or info.type.name != "File" or system.type_name != "abfs":
        return False
    return bool(listing(system, info.path))


def _of_google(path: str) -> Iterator[Entry]:
    """The files and folders in a folder of Google's, whose folders PyArrow does not list."""
    base = path.rstrip("/")
    folders, objects = object_stores.children(base)
    yield from (Entry(f"{base}/{name}", True, 0, 0) for name in folders)
    yield from (Entry(f"{base}/{name}", False, size, modified) for name, size, modified in objects)


def _of_store(path: str, info: Any) -> Entry:
    modified = (info.mtime_ns or 0) // 1_000_000
    return Entry(path, info.type.name == "Directory", info.size or 0, modified)


def is_the_stores(path: str, failure: str) -> bool:
    """Whether a failure to read a file is its store's, which refuses or is gone, and not the file's own."""
    if not is_uri(path) or unreached(path):
        return False
    if is_refusal(failure):
        return True
    try:
        entry(path)
    except StoreError:
        return True
    return False


@contextlib.contextmanager
def _answering(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: {refusal(error, path)}") from error
