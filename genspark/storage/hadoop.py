"""What Hadoop's file systems are told of a store, so that Spark reaches it as the other clients do."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from genspark.storage import access
from genspark.storage.access import S3, Azure, Gs, Hdfs
from genspark.storage.object_stores import CONNECT, PATIENCE

_S3A = "org.apache.hadoop.fs.s3a"
# Hadoop 3.5 writes these with units, and the connector reads plain numbers.
_GS_SIZES = {
    "fs.gs.block.size": 64 << 20,
    "fs.gs.rewrite.max.chunk.size": 512 << 20,
    "fs.gs.outputstream.buffer.size": 8 << 20,
    "fs.gs.outputstream.upload.chunk.size": 24 << 20,
    "fs.gs.inputstream.inplace.seek.limit": 8 << 20,
    "fs.gs.inputstream.min.range.request.size": 2 << 20,
}


def user_properties(uris: Iterable[str]) -> dict[str, str]:
    """Hadoop's properties for these places that say what a user said: addresses, credentials, names of schemes."""
    now, found = access.current(), dict[str, str]()
    for scheme, authority in sorted({_place(uri) for uri in uris}):
        if scheme in ("s3", "s3a", "s3n"):
            found |= _s3(now.s3)
        elif scheme in ("gs", "gcs"):
            found |= _gs(now.gs)
        elif scheme in ("abfs", "abfss"):
            found |= _azure(now.azure, authority.rpartition("@")[2])
        elif scheme == "hdfs":
            found |= _hdfs(now.hdfs)
    return found


def bounds(uris: Iterable[str]) -> dict[str, str]:
    """Hadoop's properties for these places that bound its patience, for sessions whose owner did not."""
    found: dict[str, str] = {}
    for scheme in {_place(uri)[0] for uri in uris}:
        if scheme in ("s3", "s3a", "s3n"):
            # Hadoop tries again by itself what Amazon's client gave up, and a server that is gone for minutes.
            found |= {
                "fs.s3a.attempts.maximum": "4",
                "fs.s3a.retry.limit": "4",
                "fs.s3a.retry.interval": "500ms",
                "fs.s3a.retry.throttle.limit": "6",
                "fs.s3a.connection.establish.timeout": f"{CONNECT}s",
                "fs.s3a.connection.request.timeout": f"{PATIENCE * 2}s",
                "fs.s3a.create.conditional.enabled": "true",
            }
        elif scheme in ("abfs", "abfss"):
            found |= {"fs.azure.io.retry.max.retries": "6", "fs.azure.io.retry.max.backoff.interval": "8000"}
        elif scheme in ("gs", "gcs"):
            found |= {"fs.gs.http.max.retry": "6", "fs.gs.http.connect-timeout": f"{CONNECT}000"}
    return found


def _place(uri: str) -> tuple[str, str]:
    scheme, separator, rest = uri.partition("://")
    return (scheme, rest.partition("/")[0]) if separator else ("", "")


def _s3(s3: S3) -> dict[str, str]:
    found = {f"fs.{scheme}.impl": f"{_S3A}.S3AFileSystem" for scheme in ("s3", "s3n")}
    if s3.endpoint:
        found |= {
            "fs.s3a.endpoint": s3.endpoint,
            "fs.s3a.endpoint.region": s3.region or "us-east-1",
            "fs.s3a.path.style.access": str(s3.path_style is not False).lower(),
            "fs.s3a.connection.ssl.enabled": str(not s3.endpoint.startswith("http://")).lower(),
        }
    elif s3.region:
        found["fs.s3a.endpoint.region"] = s3.region
    if s3.anonymous:
        return {**found, "fs.s3a.aws.credentials.provider": f"{_S3A}.AnonymousAWSCredentialsProvider"}
    if s3.access_key and s3.secret_key:
        found |= {"fs.s3a.access.key": s3.access_key, "fs.s3a.secret.key": s3.secret_key}
        provider = "SimpleAWSCredentialsProvider"
        if s3.session_token:
            found["fs.s3a.session.token"], provider = s3.session_token, "TemporaryAWSCredentialsProvider"
        found["fs.s3a.aws.credentials.provider"] = f"{_S3A}.{provider}"
    return found


def _gs(gs: Gs) -> dict[str, str]:
    found = {name: str(value) for name, value in _GS_SIZES.items()}
    found |= {
        "fs.gs.impl": "com.google.cloud.hadoop.fs.gcs.GoogleHadoopFileSystem",
        "fs.AbstractFileSystem.gs.impl": "com.google.cloud.hadoop.fs.gcs.GoogleHadoopFS",
    }
    if gs.endpoint:
        found |= {"fs.gs.storage.root.url": f"{gs.endpoint.rstrip('/')}/", "fs.gs.client.type": "HTTP_API_CLIENT"}
    if gs.anonymous or (gs.endpoint and not gs.credentials_file):
        found["fs.gs.auth.type"] = "UNAUTHENTICATED"
    elif gs.credentials_file:
        found |= {
            "fs.gs.auth.type": "SERVICE_ACCOUNT_JSON_KEYFILE",
            "fs.gs.auth.service.account.json.keyfile": gs.credentials_file,
        }
    return found


def _azure(azure: Azure, host: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if azure.account_key:
        found |= {f"fs.azure.account.auth.type.{host}": "SharedKey", f"fs.azure.account.key.{host}": azure.account_key}
    elif azure.sas_token:
        found |= {f"fs.azure.account.auth.type.{host}": "SAS", f"fs.azure.sas.fixed.token.{host}": azure.sas_token}
    elif azure.client_id and azure.client_secret and azure.tenant_id:
        found |= {
            f"fs.azure.account.auth.type.{host}": "OAuth",
            f"fs.azure.account.oauth.provider.type.{host}": (
                "org.apache.hadoop.fs.azurebfs.oauth2.ClientCredsTokenProvider"
            ),
            f"fs.azure.account.oauth2.client.id.{host}": azure.client_id,
            f"fs.azure.account.oauth2.client.secret.{host}": azure.client_secret,
            f"fs.azure.account.oauth2.client.endpoint.{host}": (
                f"https://login.microsoftonline.com/{azure.tenant_id}/oauth2/token"
            ),
        }
    if azure.endpoint:
        server = urlsplit(azure.endpoint)
        found |= {
            "fs.azure.abfs.endpoint": server.netloc,
            "fs.azure.always.use.https": str(server.scheme != "http").lower(),
            "fs.azure.networking.library": "JDK_HTTP_URL_CONNECTION",
            "fs.azure.account.hns.enabled": "false",
            "fs.azure.fns.account.service.type": "BLOB",
            "fs.azure.createRemoteFileSystemDuringInitialization": "false",
        }
    return found


def _hdfs(hdfs: Hdfs) -> dict[str, str]:
    return dict(hdfs.settings)
