"""Object stores: what Polars, deltalake and obstore are told of one, and what is asked of it by its key."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import importlib.util
import io
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from genspark.storage import access
from genspark.storage.access import S3, Azure, Gs

ALIASES = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}
"""Hadoop's and others' names for stores, with those that all clients know."""
SCHEMES = ("s3", "gs", "abfs", "abfss")
"""The stores that PyArrow, Polars and deltalake all reach."""
REMEDY = "check the path, the credentials and the endpoint in the environment, or in the section storage"

RETRIES, PATIENCE, CONNECT = 6, 30, 5
"""Attempts after the first, seconds until the last one begins, and seconds that a server has to accept a connection."""
_ANSWERS = (
    re.compile(r"<Code>([^<]*)</Code>\s*(?:<Message>([^<]*)</Message>)?"),
    re.compile(r"Azure Error: \[(\w+)\] \d+ ([^\n]*)"),
    re.compile(r'RPCError\("(?:\w+\.)*(\w+)", "(.*)"\)', re.DOTALL),
)
"""Of S3, Google and Azure, of Azure as PyArrow tells it, and of a name node as hdfs-native does: code and message."""
_CHUNK, _PART = 4 << 20, 16 << 20
"""Bytes of a piece of an object that is read, and of a part of a large one that is written."""


def normal_uri(uri: str) -> str:
    """A URI with the scheme that every client knows, and no slash at its end."""
    scheme, _, rest = uri.partition("://")
    return f"{ALIASES.get(scheme, scheme)}://{rest.rstrip('/')}"


def scheme_of(uri: str) -> str:
    """The scheme that every client knows; empty for a plain path."""
    scheme, separator, _ = uri.partition("://")
    return ALIASES.get(scheme, scheme) if separator else ""


def unreached(uri: str) -> str | None:
    """The reason why this process cannot reach a path or URI without Spark; None where it can."""
    scheme = scheme_of(uri)
    if scheme in ("", "file", *SCHEMES):
        return None
    if scheme != "hdfs":
        return f"{uri} can be reached through Spark alone"
    if importlib.util.find_spec("hdfs_native") is None:
        return f"{uri} needs one more package here (pip install 'genspark[hdfs]')"
    return None


def polars_options(path: str) -> dict[str, str] | None:
    """The `storage_options` with which Polars reads and writes below a path; None where it needs none."""
    scheme, _, rest = path.partition("://")
    authority, now = rest.partition("/")[0], access.current()
    if scheme == "s3":
        return _s3_options(now.s3, authority) or None
    if scheme == "gs":
        return _gs_options(now.gs) or None
    if scheme in ("abfs", "abfss"):
        return _azure_options(now.azure, authority) or None
    return None


def delta_options(path: str) -> dict[str, str] | None:
    """The `storage_options` with which deltalake opens the table at a path; None where it needs none."""
    if path.partition("://")[0] not in SCHEMES:
        return None
    patience = {"max_retries": str(RETRIES), "retry_timeout": f"{PATIENCE}s", "connect_timeout": f"{CONNECT}s"}
    return {**patience, **_written_options(path)}


def object_store(uri: str) -> tuple[Any, str]:
    """Obstore's store of a URI, whose puts may be conditional, and the key inside. Raises OSError or ValueError."""
    scheme, _, rest = normal_uri(uri).partition("://")
    authority, _, key = rest.partition("/")
    if scheme not in SCHEMES:
        raise ValueError(f"no store of scheme {scheme!r} is known; known: {', '.join(SCHEMES)}")
    root = f"{scheme}://{authority}"
    return _object_store(root, tuple(sorted(_written_options(root).items()))), key


@contextlib.contextmanager
def writing(uri: str) -> Iterator[Any]:
    """A stream to an object, which is there whole when the block ends, and not at all where it fails.

    Small ones are one put; every request is tried again where the store throttles, which PyArrow's client does not do
    for the last part of a large one. Raises OSError or ValueError.
    """
    import obstore
    from obstore.exceptions import BaseError

    store, key = object_store(uri)
    try:
        stream = obstore.open_writer(store, key, buffer_size=_PART)
        yield _Writing(stream)
        stream.close()
    except BaseError as error:
        raise OSError(one_line(error)) from None


class _Writing(io.RawIOBase):
    """Obstore's stream as one of Python's, which PyArrow writes to."""

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self._stream, self._written = stream, 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        # PyArrow's buffers are of signed bytes, which obstore does not take.
        self._stream.write(bytes(content))
        self._written += len(content)
        return len(content)

    def tell(self) -> int:
        return self._written


def children(uri: str) -> tuple[list[str], list[tuple[str, int, int]]]:
    """The names of the folders in a folder, and name, bytes and time in milliseconds of each object directly in it.

    Raises OSError or ValueError.
    """
    import obstore
    from obstore.exceptions import BaseError

    store, key = object_store(uri)
    try:
        found = obstore.list_with_delimiter(store, key or None)
    except BaseError as error:
        raise OSError(one_line(error)) from None
    objects = [
        (each["path"].rpartition("/")[2], each["size"], int(each["last_modified"].timestamp() * 1000))
        for each in found["objects"]
    ]
    return [each.rpartition("/")[2] for each in found["common_prefixes"]], objects


def download(uri: str, file: str) -> None:
    """Copy an object to a local file. Raises OSError or ValueError."""
    import obstore
    from obstore.exceptions import BaseError

    store, key = object_store(uri)
    try:
        with open(file, "wb") as out:
            out.writelines(obstore.get(store, key).stream(min_chunk_size=_CHUNK))
    except BaseError as error:
        raise OSError(one_line(error)) from None


def delete(uri: str) -> None:
    """Delete an object; one that is gone is no mistake. Raises OSError or ValueError."""
    import obstore
    from obstore.exceptions import BaseError, NotFoundError

    store, key = object_store(uri)
    try:
        obstore.delete(store, key)
    except (NotFoundError, FileNotFoundError):
        return
    except BaseError as error:
        raise OSError(one_line(error)) from None


def one_line(error: object) -> str:
    """The message of a client's error on one line, without colours, the store's XML, and traces of Java and Rust."""
    text = re.sub(r"\x1b\[\d+m|↳", "", str(error))
    answer = next(filter(None, (pattern.search(text) for pattern in _ANSWERS)), None)
    message = f"the store answers {answer[1]}: {answer[2] or ''}" if answer else text
    message = re.split(r"(?:\\n|\n)(?:\\t|\t)at |\s*RequestId:|\n\s+0: ", message)[0].replace('\\"', '"')
    return " ".join(message.split()).rstrip(": .")


def _written_options(path: str) -> dict[str, str]:
    """What clients that write are told: what is read with, and to sign no contents that nobody could change on the way.

    Amazon's own clients do the same over TLS. Signing is a pass over the bytes here, and one on the server.
    """
    options, s3 = polars_options(path) or {}, access.current().s3
    server = urlsplit(s3.endpoint or "https://")
    is_safe = server.scheme == "https" or server.hostname in ("127.0.0.1", "localhost", "::1")
    return {**options, "aws_unsigned_payload": "true"} if scheme_of(path) == "s3" and is_safe else options


def _s3_options(s3: S3, bucket: str) -> dict[str, str]:
    options = _told(
        aws_access_key_id=s3.access_key, aws_secret_access_key=s3.secret_key, aws_session_token=s3.session_token
    )
    if s3.anonymous:
        options["aws_skip_signature"] = "true"
    endpoint = s3.endpoint
    if endpoint is None:
        return {**options, **_told(aws_region=s3.region)}
    if s3.path_style is False:
        options["aws_virtual_hosted_style_request"] = "true"
        endpoint = endpoint.replace("://", f"://{bucket}.", 1)
    # Without a region some clients ask the metadata service of a machine in AWS, which this may not be.
    options |= {"aws_endpoint_url": endpoint, "aws_region": s3.region or "us-east-1"}
    return {**options, "aws_allow_http": "true"} if endpoint.startswith("http://") else options


def _gs_options(gs: Gs) -> dict[str, str]:
    options = _told(google_service_account=gs.credentials_file)
    if gs.endpoint and not gs.credentials_file:
        # A server of one's own asks for no credentials; without this its clients ask Google for some.
        nobody = {"client_email": "", "private_key": "", "private_key_id": "", "disable_oauth": True}
        options["google_service_account_key"] = json.dumps({**nobody, "gcs_base_url": gs.endpoint})
    elif gs.anonymous:
        options["google_skip_signature"] = "true"
    return {**options, "allow_http": "true"} if (gs.endpoint or "").startswith("http://") else options


def _azure_options(azure: Azure, authority: str) -> dict[str, str]:
    options = _told(
        azure_storage_account_key=azure.account_key,
        azure_storage_sas_token=azure.sas_token,
        azure_storage_tenant_id=azure.tenant_id,
        azure_storage_client_id=azure.client_id,
        azure_storage_client_secret=azure.client_secret,
        azure_endpoint=azure.endpoint,
    )
    if options and (account := authority.partition("@")[2].partition(".")[0]):
        options["azure_storage_account_name"] = account
    return {**options, "allow_http": "true"} if (azure.endpoint or "").startswith("http://") else options


def _told(**options: str | None) -> dict[str, str]:
    return {name: value for name, value in options.items() if value}


@functools.lru_cache(maxsize=32)
def _object_store(uri: str, options: tuple[tuple[str, str], ...]) -> Any:
    from obstore.store import from_url

    http = {"aws_allow_http", "allow_http"}
    config: Any = {name: value for name, value in options if name not in http}
    patience: Any = {"max_retries": RETRIES, "retry_timeout": dt.timedelta(seconds=PATIENCE)}
    client: Any = {"connect_timeout": dt.timedelta(seconds=CONNECT), "allow_http": bool(http & dict(options).keys())}
    return from_url(uri, config=config or None, client_options=client, retry_config=patience)
