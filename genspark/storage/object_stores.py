"""Options for the clients of object stores, so that PyArrow, Polars and deltalake heed the same environment."""

from __future__ import annotations

import datetime as dt
import functools
import os
import re
from collections.abc import Mapping
from typing import Any

ALIASES = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}
"""Hadoop's and others' names for stores, with those that all clients know."""
SCHEMES = ("s3", "gs", "abfs", "abfss")
"""The stores that PyArrow, Polars and deltalake all reach."""
REMEDY = "check the path, the credentials and the endpoint in the environment"

# deltalake's own would try for three minutes; Polars and PyArrow give up sooner by themselves.
_PATIENCE = {"max_retries": "8", "retry_timeout": "30s", "connect_timeout": "5s"}
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_SETTINGS = ("AWS_", "AZURE_", "GOOGLE_")


def normal_uri(uri: str) -> str:
    """A URI with the scheme that every client knows, and no slash at its end."""
    scheme, _, rest = uri.partition("://")
    return f"{ALIASES.get(scheme, scheme)}://{rest.rstrip('/')}"


def polars_options(path: str) -> dict[str, str] | None:
    """The `storage_options` with which Polars reads and writes below a path; None where it needs none."""
    return _s3_options() if path.startswith("s3://") else None


def delta_options(path: str) -> dict[str, str] | None:
    """The `storage_options` with which deltalake opens the table at a path; None where it needs none."""
    if path.partition("://")[0] not in SCHEMES:
        return None
    return {**_PATIENCE, **(polars_options(path) or {})}


def arrow_file_system(uri: str) -> tuple[Any, str]:
    """PyArrow's file system of a URI, and the path inside of it. Raises OSError or ValueError."""
    scheme, _, rest = normal_uri(uri).partition("://")
    authority, _, inside = rest.partition("/")
    system, root = _file_system(scheme, authority, _settings())
    return system, f"{root.rstrip('/')}/{inside}".rstrip("/") if root else f"/{inside}"


def object_store(uri: str) -> tuple[Any, str]:
    """Obstore's store of a URI, whose puts may be conditional, and the key inside. Raises OSError or ValueError."""
    scheme, _, rest = normal_uri(uri).partition("://")
    authority, _, key = rest.partition("/")
    if scheme not in SCHEMES:
        raise ValueError(f"no store of scheme {scheme!r} is known; known: {', '.join(SCHEMES)}")
    return _object_store(f"{scheme}://{authority}", _settings()), key


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
    """The message of a client's error on one line, without colours and the store's XML."""
    text = re.sub(r"\x1b\[\d+m|↳", "", str(error))
    answer = re.search(r"<Code>([^<]*)</Code>\s*(?:<Message>([^<]*)</Message>)?", text)
    message = f"the store answers {answer[1]}: {answer[2] or ''}" if answer else text
    return " ".join(message.split()).rstrip(": .")


def _s3_options() -> dict[str, str] | None:
    endpoint = _first(_ENDPOINTS)
    if endpoint is None:
        return None
    # Without a region some clients ask the metadata service of a machine in AWS, which this may not be.
    options = {"aws_endpoint_url": endpoint, "aws_region": _first(_REGIONS) or "us-east-1"}
    return {**options, "aws_allow_http": "true"} if endpoint.startswith("http://") else options


def _first(names: tuple[str, ...]) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _settings() -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith(_SETTINGS)))


@functools.lru_cache(maxsize=32)
def _object_store(uri: str, _: tuple[tuple[str, str], ...]) -> Any:
    from obstore.store import from_url

    options = polars_options(uri) or {}
    config = {name: value for name, value in options.items() if name != "aws_allow_http"}
    patience: Any = {"max_retries": 8, "retry_timeout": dt.timedelta(seconds=30)}
    client: Any = {"connect_timeout": dt.timedelta(seconds=5), "allow_http": "aws_allow_http" in options}
    return from_url(uri, config=config or None, client_options=client, retry_config=patience)  # type: ignore[arg-type]


@functools.lru_cache(maxsize=32)
def _file_system(scheme: str, authority: str, settings: tuple[tuple[str, str], ...]) -> tuple[Any, str]:
    # Imported late: it takes a while, and most paths are local. The authority alone, since the rest of a
    # path may hold what a URI cannot.
    from pyarrow import fs

    options = _s3_options() if scheme == "s3" else None
    if options:
        return fs.S3FileSystem(endpoint_override=options["aws_endpoint_url"], region=options["aws_region"]), authority
    if scheme in ("abfs", "abfss") and (key := _azure_key(dict(settings))):
        container, _, host = authority.partition("@")
        return fs.AzureFileSystem(account_name=host.partition(".")[0], **key), container
    system, root = fs.FileSystem.from_uri(f"{scheme}://{authority}/")
    return system, root


def _azure_key(settings: Mapping[str, str]) -> dict[str, str]:
    """The account key or SAS token from the environment, which PyArrow does not read by itself as the others do."""
    names = {"account_key": "AZURE_STORAGE_ACCOUNT_KEY", "sas_token": "AZURE_STORAGE_SAS_TOKEN"}
    return next(({argument: settings[name]} for argument, name in names.items() if settings.get(name)), {})
