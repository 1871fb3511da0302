"""PyArrow's file systems of stores, made once for each store and the access to it."""

from __future__ import annotations

import functools
import os
from typing import Any

from genspark.storage import access, hdfs
from genspark.storage.access import S3, Azure, Gs
from genspark.storage.object_stores import CONNECT, PATIENCE, RETRIES, normal_uri


def arrow_file_system(uri: str) -> tuple[Any, str]:
    """PyArrow's file system of a URI, and the path inside of it. Raises OSError or ValueError."""
    scheme, _, rest = normal_uri(uri).partition("://")
    authority, _, inside = rest.partition("/")
    if scheme == "hdfs":
        return hdfs.arrow_file_system(authority), f"/{inside}".rstrip("/") or "/"
    system, root = _file_system(scheme, authority, access.current_key())
    return system, f"{root.rstrip('/')}/{inside}".rstrip("/") if root else f"/{inside}"


@functools.lru_cache(maxsize=32)
def _file_system(scheme: str, authority: str, _: str) -> tuple[Any, str]:
    # Imported late: it takes a while, and most paths are local. The authority alone, since the rest of a
    # path may hold what a URI cannot.
    from pyarrow import fs

    now = access.current()
    if scheme == "s3":
        return _s3(now.s3, authority), authority
    if scheme == "gs" and now.gs != Gs():
        return _gs(now.gs), authority
    if scheme in ("abfs", "abfss") and now.azure != Azure():
        container, _, host = authority.partition("@")
        return _azure(now.azure, host.partition(".")[0]), container
    system, root = fs.FileSystem.from_uri(f"{scheme}://{authority}/")
    return system, root


def _s3(s3: S3, bucket: str) -> Any:
    from pyarrow import fs

    region = s3.region or ("us-east-1" if s3.endpoint else fs.resolve_s3_region(bucket))
    return fs.S3FileSystem(
        access_key=s3.access_key,
        secret_key=s3.secret_key,
        session_token=s3.session_token,
        anonymous=s3.anonymous,
        region=region,
        endpoint_override=s3.endpoint,
        force_virtual_addressing=s3.path_style is False,
        connect_timeout=CONNECT,
        request_timeout=PATIENCE,
        # The standard strategy has a quota of retries, which a store that throttles uses up.
        retry_strategy=fs.AwsDefaultS3RetryStrategy(max_attempts=RETRIES + 2),
    )


def _gs(gs: Gs) -> Any:
    import datetime as dt

    from pyarrow import fs

    if gs.credentials_file:
        # Google's own client reads it there alone.
        os.environ.setdefault("GOOGLE_APPLICATION_CREDENTIALS", gs.credentials_file)
    scheme, _, server = (gs.endpoint or "").rpartition("://")
    return fs.GcsFileSystem(
        anonymous=gs.anonymous or bool(gs.endpoint and not gs.credentials_file),
        scheme=scheme or "https",
        endpoint_override=server.rstrip("/") or None,
        retry_time_limit=dt.timedelta(seconds=PATIENCE),
    )


def _azure(azure: Azure, account: str) -> Any:
    from pyarrow import fs

    scheme, _, server = (azure.endpoint or "").rpartition("://")
    # The account is PyArrow's to add, after the server's name.
    server = server.rstrip("/").removesuffix(f"/{account}")
    own = {f"{kind}_storage_authority": server for kind in ("blob", "dfs")}
    own |= {f"{kind}_storage_scheme": scheme for kind in ("blob", "dfs")}
    return fs.AzureFileSystem(
        account_name=account,
        account_key=azure.account_key,
        # PyArrow puts it behind the URL as it is.
        sas_token=azure.sas_token and f"?{azure.sas_token.removeprefix('?')}",
        tenant_id=azure.tenant_id,
        client_id=azure.client_id,
        client_secret=azure.client_secret,
        **(own if server else {}),
    )
