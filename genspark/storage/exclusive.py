"""Files that are written only where none is: of several writers who want one name, one gets it."""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import Path
from typing import Any, TextIO

from genspark.storage import access, hdfs, object_stores
from genspark.storage.files import is_uri, local


def write_new(path: str, text: str) -> None:
    """Write a file whole or not at all, unless there is one; its folder is made where it is absent.

    Once this returns, the file outlives a loss of power. Raises FileExistsError, or OSError; a local file system
    must have hard links, and a store conditional puts, as S3, GCS and Azure have.
    """
    if path.startswith("hdfs://"):
        hdfs.write(path, text.encode("utf-8"), replaces=False)
        return
    if is_uri(path):
        _put_new(path, text.encode("utf-8"))
        return
    target = local(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(target.parent)) from None
    if not _named_when_written(target, text):
        _linked(target, text)
    _sync_names(str(target.parent))


def _named_when_written(target: Path, text: str) -> bool:
    """Write a file that has no name until it is whole, so that a kill leaves nothing; False where that cannot be."""
    try:
        handle = os.open(target.parent, os.O_WRONLY | os.O_TMPFILE, 0o666)
    except (AttributeError, OSError):
        return False
    with open(handle, "w", encoding="utf-8") as stream:
        _write_whole(stream, text)
        try:
            own = os.open("/proc/self/fd", os.O_RDONLY)
        except OSError:
            return False
        try:
            # Only with a folder named does Python ask the system to follow the link there.
            os.link(str(handle), target, src_dir_fd=own, follow_symlinks=True)
        except FileExistsError:
            raise
        except OSError:
            return False
        finally:
            os.close(own)
    return True


def _linked(target: Path, text: str) -> None:
    """Write a file under another name, and link it: a link, unlike a rename, replaces nothing."""
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("w", encoding="utf-8") as stream:
            _write_whole(stream, text)
        os.link(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _write_whole(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
    os.fsync(stream.fileno())


def _sync_names(folder: str) -> None:
    """Make the names of a folder's files outlive a loss of power, where the system lets folders be opened."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_new(uri: str, content: bytes) -> None:
    import obstore
    from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

    try:
        store, key = object_stores.object_store(uri)
        if access.current().s3.one_writer and object_stores.scheme_of(uri) == "s3":
            _put_alone(store, key, content)
            return
        obstore.put(store, key, content, mode="create")
    except (AlreadyExistsError, PreconditionError):
        raise FileExistsError(f"{uri} is there already") from None
    except (BaseError, ValueError) as error:
        raise OSError(object_stores.one_line(error)) from None


def _put_alone(store: Any, key: str, content: bytes) -> None:
    """Put an object where none is, on the word of its only writer."""
    import obstore

    try:
        obstore.head(store, key)
    except FileNotFoundError:
        obstore.put(store, key, content)
    else:
        raise FileExistsError(f"{key} is there already")
