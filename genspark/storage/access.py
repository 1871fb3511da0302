"""Access to stores: addresses and credentials, from a job's section `storage`, else from the environment."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from genspark.errors import PlanError
from genspark.storage.secrets import remember

PLACE = "storage"
_STRICT = ConfigDict(extra="forbid")


def _text(description: str) -> Any:
    return Field(default=None, min_length=1, description=description)


def _secret(description: str) -> Any:
    return Field(default=None, min_length=1, description=description, repr=False)


@dataclass(frozen=True, config=_STRICT, kw_only=True)
class S3:
    """Amazon S3, or a store that speaks as it does: MinIO, Ceph, R2, S3Proxy."""

    endpoint: str | None = _text("The server, such as https://minio.example:9000; http:// too.")
    region: str | None = _text("The region; us-east-1 where an endpoint is given and no region.")
    access_key: str | None = _secret("The access key's id.")
    secret_key: str | None = _secret("The secret access key.")
    session_token: str | None = _secret("The token of temporary credentials.")
    path_style: bool | None = Field(
        default=None,
        description="Whether buckets are folders of the server, and no hosts: so at an endpoint.",
    )
    anonymous: bool = Field(default=False, description="Ask without credentials, as for public buckets.")
    one_writer: bool = Field(
        default=False,
        description="Nobody else writes these tables: allows stores without conditional puts, and Delta's own writer.",
    )


@dataclass(frozen=True, config=_STRICT, kw_only=True)
class Gs:
    """Google Cloud Storage."""

    endpoint: str | None = _text("A server of one's own, such as an emulator.")
    credentials_file: str | None = _text("The JSON file of a service account.")
    anonymous: bool = Field(default=False, description="Ask without credentials, as for public buckets.")


@dataclass(frozen=True, config=_STRICT, kw_only=True)
class Azure:
    """Azure Blob Storage and Data Lake Storage."""

    endpoint: str | None = _text("A server of one's own: Azurite's ends with the account.")
    account_key: str | None = _secret("The key of the storage account.")
    sas_token: str | None = _secret("A shared access signature, in place of the key.")
    tenant_id: str | None = _text("The tenant of a service principal.")
    client_id: str | None = _text("The id of a service principal.")
    client_secret: str | None = _secret("The secret of a service principal.")


@dataclass(frozen=True, config=_STRICT, kw_only=True)
class Hdfs:
    """Hadoop's file system. Name nodes and Kerberos are told by HADOOP_CONF_DIR, as to every Hadoop client."""

    user: str | None = _text("Who asks, on a cluster without Kerberos.")
    settings: dict[str, str] = Field(default={}, description="Hadoop's properties, such as dfs.replication: '2'.")


@dataclass(frozen=True, config=_STRICT, kw_only=True)
class Access:
    """How stores are reached; what is left out, the environment tells, and the clouds' usual chains of credentials."""

    s3: S3 = Field(default=S3())
    gs: Gs = Field(default=Gs())
    azure: Azure = Field(default=Azure())
    hdfs: Hdfs = Field(default=Hdfs())


_ENVIRONMENT: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "s3": {
        "endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
        "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
        "access_key": ("AWS_ACCESS_KEY_ID",),
        "secret_key": ("AWS_SECRET_ACCESS_KEY",),
        "session_token": ("AWS_SESSION_TOKEN",),
    },
    "gs": {
        "endpoint": ("STORAGE_EMULATOR_HOST", "GOOGLE_CLOUD_STORAGE_ENDPOINT"),
        "credentials_file": ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT"),
    },
    "azure": {
        "endpoint": ("AZURE_ENDPOINT", "AZURE_STORAGE_ENDPOINT"),
        "account_key": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"),
        "sas_token": ("AZURE_STORAGE_SAS_TOKEN",),
        "tenant_id": ("AZURE_TENANT_ID",),
        "client_id": ("AZURE_CLIENT_ID",),
        "client_secret": ("AZURE_CLIENT_SECRET",),
    },
    "hdfs": {"user": ("HADOOP_USER_NAME",)},
}
# Names of one credential: where a section gives some of them, the environment's others are not of it.
_CREDENTIALS = frozenset(
    {"access_key", "secret_key", "session_token", "account_key", "sas_token", "tenant_id", "client_id", "client_secret"}
)

Store = TypeVar("Store", S3, Gs, Azure, Hdfs)

_given = Access()


def given() -> Access:
    """What was given in place of the environment."""
    return _given


def give(access: Access) -> None:
    """Let every client heed this from now on, for the whole process: as the command line does, and Spark's workers."""
    global _given
    remember(asdict(access))
    _given = access


def heed(access: Access) -> None:
    """Give what a job's section says, for the commands that read a job's tables; an empty section changes nothing."""
    if access != Access():
        give(access)


@contextlib.contextmanager
def replaced(access: Access) -> Iterator[None]:
    """Let every client heed this, and nothing that was given before, for the length of the block."""
    before = _given
    give(access)
    try:
        yield
    finally:
        give(before)


@contextlib.contextmanager
def using(access: Access) -> Iterator[None]:
    """Let every client heed a job's section for the length of the block; an empty one changes nothing.

    Raises PlanError where a block of this process, in another thread, has another section.
    """
    if access != Access() and _given not in (Access(), access):
        raise PlanError(
            f"{PLACE}: another job of this process reaches its stores by other settings; run this one in a process of "
            "its own, or give both the same section"
        )
    with contextlib.nullcontext() if access == Access() else replaced(access):
        yield


def current() -> Access:
    """What is given, with the environment's values where nothing is."""
    return Access(
        s3=_filled("s3", _given.s3),
        gs=_filled("gs", _given.gs),
        azure=_filled("azure", _given.azure),
        hdfs=_filled("hdfs", _given.hdfs),
    )


def current_key() -> str:
    """A text that is the same for the same access, for caches of clients."""
    return json.dumps(asdict(current()), sort_keys=True)


def _filled(kind: str, store: Store) -> Store:
    values = asdict(store)
    is_told = values.get("anonymous") or any(values.get(name) for name in _CREDENTIALS)
    for name, variables in _ENVIRONMENT[kind].items():
        if values[name] is None and not (is_told and name in (*_CREDENTIALS, "credentials_file")):
            values[name] = next((os.environ[each] for each in variables if os.environ.get(each)), None)
    return type(store)(**values)
