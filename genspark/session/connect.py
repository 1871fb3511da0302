"""Spark Connect sessions: on a server at an address, or on one that is started here."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from genspark.errors import SessionError
from genspark.session import driver

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_connected_to: dict[str, str] = {}
"""Sessions that were opened here: session id -> the address asked for."""


def is_connect(spark: SparkSession) -> bool:
    """Whether the session is a Connect client, which has no JVM, no SparkContext and no RDDs."""
    return type(spark).__module__.startswith("pyspark.sql.connect")


def connect(address: str) -> SparkSession:
    """Open a session on the Connect server at an address. Raises SessionError where none answers."""
    from pyspark.errors import PySparkException

    driver.prepare_python()
    try:
        _knock(address)
        return _open(address, address)
    except ImportError as error:
        raise SessionError(f"Spark Connect needs more packages ({error}): pip install 'pyspark[connect]'") from error
    except PySparkException as error:
        raise SessionError(f"no Spark Connect session at {address}: {error}") from error


def _knock(address: str) -> None:
    """Check that a server answers: a session opens without asking it, and the first query would try for ten minutes."""
    import grpc  # type: ignore[import-untyped]
    from pyspark.sql.connect.client import DefaultChannelBuilder

    if not address.startswith("sc://"):
        return
    with DefaultChannelBuilder(address).toChannel() as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=10)
        except grpc.FutureTimeoutError as error:
            raise SessionError(
                f"no Spark Connect server answers at {address}: check host and port, start a server with "
                "sbin/start-connect-server.sh, or leave the address out to run on this machine"
            ) from error


def connect_locally(conf: Mapping[str, str]) -> SparkSession:
    """Start a Connect server in a new JVM and open a session on it.

    PySpark's `remote("local[2]")` does the same, but always on port 15002, so that two of them collide;
    here the system picks the port and a token keeps others out.
    """
    token = secrets.token_urlsafe(32)
    server = {
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.port": "0",
        "spark.connect.grpc.binding.address": "localhost",
        "spark.connect.progress.reportInterval": "200ms",
        "spark.sql.artifact.isolation.enabled": "true",
        "spark.sql.artifact.isolation.alwaysApplyClassloader": "true",
    }
    with _environment(SPARK_REMOTE=None, SPARK_CONNECT_AUTHENTICATE_TOKEN=token):
        driver.launch({**server, **conf})
        os.environ["SPARK_LOCAL_REMOTE"] = "1"  # so that the session's stop() ends the server too
        return _open(f"sc://localhost:{driver.connect_port()}/;token={token}", conf["spark.master"])


def address_of(spark: SparkSession) -> str | None:
    """The address at which `connect` opened a session; None for a session that it did not open."""
    return _connected_to.get(_id(spark))


def _open(url: str, address: str) -> SparkSession:
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.remote(url).create()
    _connected_to[_id(spark)] = address
    return spark


def _id(spark: SparkSession) -> str:
    return str(spark.session_id)  # type: ignore[attr-defined]  # Connect's sessions have one


@contextlib.contextmanager
def _environment(**values: str | None) -> Iterator[None]:
    """Set environment variables for the length of the block; None removes one."""
    before = {name: os.environ.get(name) for name in values}
    _set_environment(values)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
