"""Hadoop's file system through hdfs-native, which needs no JVM; HADOOP_CONF_DIR tells name nodes and Kerberos."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import time
import uuid
from typing import IO, Any

from genspark.storage import access
from genspark.storage.object_stores import PATIENCE

_CHUNK = 4 << 20
_FOR_GOOD = (FileNotFoundError, FileExistsError, NotADirectoryError, PermissionError)
_REFUSED = ("AccessControlException", "QuotaExceededException", "ParentNotDirectoryException", "InvalidPathException")


def arrow_file_system(authority: str) -> Any:
    """PyArrow's file system of a name node, or of a name service. Raises OSError where hdfs-native is not installed."""
    return _systems(authority, access.current_key())[1]


def write(uri: str, content: bytes | IO[bytes], *, replaces: bool) -> None:
    """Write a file whole or not at all: under another name first, and renamed then. Raises FileExistsError or OSError.

    `replaces`: a file that is there is replaced, in one step. A data node that died is still handed out for some
    seconds, for which it is tried again.
    """
    authority, _, path = uri.removeprefix("hdfs://").partition("/")
    client = _systems(authority, access.current_key())[0]
    folder, _, name = f"/{path}".rpartition("/")
    draft = f"{folder}/.{name}.{uuid.uuid4().hex}"
    try:
        _put(client, draft, content)
        client.rename(draft, f"/{path}", replaces)
    except (OSError, RuntimeError) as error:
        with contextlib.suppress(OSError, RuntimeError):
            client.delete(draft, False)
        if isinstance(error, FileExistsError) or (not replaces and _is_there(client, f"/{path}")):
            raise FileExistsError(f"{uri} is there already") from None
        raise OSError(str(error)) from None


def _put(client: Any, path: str, content: bytes | IO[bytes]) -> None:
    from hdfs_native import WriteOptions

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with client.create(path, WriteOptions(overwrite=True)) as stream:
                if isinstance(content, bytes):
                    stream.write(content)
                else:
                    content.seek(0)
                    shutil.copyfileobj(content, stream, _CHUNK)
        except (OSError, RuntimeError) as error:
            # hdfs-native has no error of its own for a node that is gone, nor for what the name node refuses.
            is_refused = isinstance(error, _FOR_GOOD) or any(name in str(error) for name in _REFUSED)
            if is_refused or time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


def _is_there(client: Any, path: str) -> bool:
    with contextlib.suppress(OSError, RuntimeError):
        client.get_file_info(path)
        return True
    return False


@functools.lru_cache(maxsize=8)
def _systems(authority: str, _: str) -> tuple[Any, Any]:
    """The client, and PyArrow's file system over it."""
    try:
        from hdfs_native.fsspec import HdfsFileSystem
    except ImportError:
        raise OSError("hdfs:// needs one more package: pip install 'genspark[hdfs]'") from None
    from pyarrow import fs

    class Whole(HdfsFileSystem):
        """Takes paths as they are: no sign in a file's name begins a query."""

        cachable = False

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return path.removeprefix(f"hdfs://{authority}") or "/"

    told = access.current().hdfs
    if told.user:
        # hdfs-native reads it there alone.
        os.environ["HADOOP_USER_NAME"] = told.user
    host, _, port = authority.partition(":")
    system = Whole(host, int(port) if port else None, **told.settings)
    return system.client, fs.PyFileSystem(fs.FSSpecHandler(system))
