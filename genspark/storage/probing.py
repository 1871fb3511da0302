"""Questions to a store before any work: does its server answer, and does it keep two writers from one name."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import time
import uuid
from collections.abc import Mapping
from urllib.parse import urlsplit

from genspark.errors import StoreError
from genspark.storage import access
from genspark.storage.files import OWN, delete, write_text
from genspark.storage.object_stores import CONNECT, REMEDY, SCHEMES, object_store, one_line, scheme_of

_RESTART = 2
"""Seconds for a server that refuses connections, since it may be starting."""
_KINDS = {"s3": "s3", "gs": "gs", "abfs": "azure", "abfss": "azure"}


def refuse_silent(places: Mapping[str, str]) -> None:
    """Raise StoreError where the server of a place, by its key in the YAML, takes no connection for some seconds.

    Only servers that were named are asked: the clouds' own answer.
    """
    now = access.current()
    for place, uri in places.items():
        kind = _KINDS.get(scheme_of(uri))
        endpoint = getattr(getattr(now, kind), "endpoint", None) if kind else _name_node(uri)
        if endpoint and (why := why_silent(endpoint)):
            raise StoreError(f"{place}: {uri}: nothing answers at {endpoint} ({why}); {REMEDY}")


def _name_node(uri: str) -> str | None:
    """The name node that a URI names with its port; None where it names a service, or none."""
    return uri if scheme_of(uri) == "hdfs" and urlsplit(uri).port else None


def why_silent(endpoint: str, patience: float = _RESTART) -> str | None:
    """The reason why a server takes no connection within some seconds; None where it does."""
    server = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
    address = (server.hostname or "", server.port or (80 if server.scheme == "http" else 443))
    deadline = time.monotonic() + patience
    while True:
        try:
            socket.create_connection(address, timeout=CONNECT).close()
        except OSError as error:
            # A server that is started anew takes a while; a name that is not there stays so.
            if time.monotonic() > deadline or isinstance(error, socket.gaierror):
                return error.strerror or str(error)
            time.sleep(0.5)
        else:
            return None


def loses_by_delta(uri: str) -> bool:
    """Whether Delta's own writer on Spark may lose commits at a URI: on S3 its log keeps no two drivers apart."""
    is_alone = access.current().s3.one_writer or "DATABRICKS_RUNTIME_VERSION" in os.environ
    return scheme_of(uri) == "s3" and not is_alone


def why_not_exclusive(uri: str) -> str | None:
    """The reason why two writers of a table below a URI may lose commits there; None where they cannot.

    A server of S3's kind is asked, once a process, by two puts of one name that must not both succeed; Amazon, Google,
    Azure and HDFS keep names from a second writer. Raises OSError or ValueError where it cannot be written.
    """
    s3 = access.current().s3
    if scheme_of(uri) != "s3" or s3.endpoint is None or s3.one_writer:
        try_to_write(uri)
        return None
    bucket = uri.partition("://")[2].partition("/")[0]
    return _asked(bucket, uri.rstrip("/"), access.current_key())


def try_to_write(uri: str) -> None:
    """Write a file below a URI of a store and delete it, once a process.

    Raises OSError or ValueError where it cannot be written.
    """
    if scheme_of(uri) in (*SCHEMES, "hdfs"):
        _tried(uri.rstrip("/"), access.current_key())


@functools.lru_cache(maxsize=32)
def _tried(uri: str, _: str) -> None:
    # One name, so that where nothing may be deleted no second one is left.
    name = f"{uri}/{OWN}/probe"
    write_text(name, "")
    with contextlib.suppress(OSError):
        delete(name)


@functools.lru_cache(maxsize=32)
def _asked(bucket: str, uri: str, _: str) -> str | None:
    import obstore
    from obstore.exceptions import AlreadyExistsError, BaseError, NotSupportedError, PreconditionError

    name = f"{uri}/{OWN}/probe-{uuid.uuid4().hex}"
    store, key = object_store(name)
    try:
        obstore.put(store, key, b"", mode="create")
        obstore.put(store, key, b"", mode="create")
    except (AlreadyExistsError, PreconditionError):
        return None
    except NotSupportedError as error:
        return f"bucket {bucket} takes no conditional puts ({one_line(error)})"
    except BaseError as error:
        raise OSError(one_line(error)) from None
    finally:
        delete(name)
    return f"bucket {bucket} does not heed If-None-Match"
