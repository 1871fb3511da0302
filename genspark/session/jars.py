"""The seven jars that Delta Lake adds to pyspark: pinned, fetched once, checked at every start.

Ivy's own resolution (`--packages`) drags in 26 more that pyspark has already, and takes five seconds
at every start. These seven are all that is used.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import secrets
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genspark.errors import SessionError

MAVEN_CENTRAL = "https://repo1.maven.org/maven2"
SPARK_LINE = "4.2"
"""The Spark that these jars are built for: a Delta jar links against one minor version of Spark."""

DELTA_PACKAGE = f"io.delta:delta-spark_{SPARK_LINE}_2.13:4.4.0"
"""What `--packages` wants, for those who would rather have Spark fetch Delta itself."""


@dataclass(frozen=True)
class Jar:
    """One jar of a Maven repository, with the digest that its bytes must have."""

    group: str
    artifact: str
    version: str
    sha256: str
    classifier: str = ""

    @property
    def file_name(self) -> str:
        """`delta-storage-4.4.0.jar`."""
        return f"{self.artifact}-{self.version}{self.classifier and f'-{self.classifier}'}.jar"

    @property
    def repository_path(self) -> str:
        """`io/delta/delta-storage/4.4.0/delta-storage-4.4.0.jar`."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file_name}"


_DELTA, _UNITY = "io.delta", "io.unitycatalog"
DELTA_JARS = (
    Jar(
        _DELTA,
        "delta-spark_4.2_2.13",
        "4.4.0",
        "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead",
    ),
    Jar(_DELTA, "delta-storage", "4.4.0", "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc"),
    Jar(
        _DELTA,
        "delta-kernel-api",
        "4.4.0",
        "ee9b5a14ac3b7efdff4d61a58478fe8eb0e5a3fbca43889dca7290795fe79a11",
    ),
    Jar(
        _DELTA,
        "delta-kernel-defaults",
        "4.4.0",
        "225c975199e4718b38ee5b7e6da7f19e9585024262b2cec2656b32151a856b0b",
    ),
    Jar(
        _DELTA,
        "delta-kernel-unitycatalog",
        "4.4.0",
        "cea22dfb4ac562b3cd27bf652697750e8336009d73fb06631363aaaad5345ffa",
    ),
    Jar(
        _UNITY,
        "unitycatalog-client",
        "0.6.0",
        "48257499a86b801a3e2372cec55ac226ca1c1c7eabe5c118e7302f29a1fdbc19",
    ),
    Jar(
        _UNITY,
        "unitycatalog-hadoop",
        "0.6.0",
        "c47b63c961c87102b9e1d63809a0915ba4c86b7652f57c8d39ca3a05b441a150",
    ),
)


def cache_folder() -> Path:
    """`GENSPARK_CACHE`, else `$XDG_CACHE_HOME/genspark`, else `~/.cache/genspark`; made if absent."""
    named = os.environ.get("GENSPARK_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(named or f"{base}/genspark").expanduser().absolute()
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def delta_jars(spark_version: str) -> tuple[Path, ...]:
    """The seven jars in the cache, in a fixed order, fetched where absent or damaged.

    The order matters: the JVM's class archive holds for exactly one class path. All 13 MB are hashed
    each time (10 ms), so that what a session loads is what is pinned here.

    Raises:
        SessionError: Spark is of another minor version, the repository is out of reach, or what came
            from it is not what is pinned.

    """
    if not spark_version.startswith(f"{SPARK_LINE}."):
        raise SessionError(
            f"genspark's Delta jars are for Spark {SPARK_LINE}, and this is Spark {spark_version}: name the "
            f"Delta of that version in spark.jars.packages (--packages), or install pyspark {SPARK_LINE}"
        )
    return tuple(map(cached, DELTA_JARS))


def cached(jar: Jar) -> Path:
    """The jar in the cache, fetched where absent or damaged. Raises SessionError as `delta_jars` does."""
    folder = cache_folder() / "jars"
    with _writing(folder):
        folder.mkdir(exist_ok=True)
    return _cached(jar, folder)


def missing_jars() -> tuple[Jar, ...]:
    """The jars not yet in the cache, so that a caller can announce the download."""
    folder = cache_folder() / "jars"
    return tuple(jar for jar in DELTA_JARS if not (folder / jar.file_name).is_file())


def _cached(jar: Jar, folder: Path) -> Path:
    path = folder / jar.file_name
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256:
        return path
    content = _fetch(jar, folder)
    digest = hashlib.sha256(content).hexdigest()
    if digest != jar.sha256:
        raise SessionError(
            f"{_address(jar)}: sha256 is {digest}, not the pinned {jar.sha256}: the repository or something "
            "on the way altered the file; set GENSPARK_MAVEN_REPOSITORY to a repository you trust"
        )
    # Under another name first, so that of two processes at once each sees a whole jar or none.
    temporary = folder / f".{jar.file_name}.{os.getpid()}-{secrets.token_hex(4)}"
    with _writing(folder):
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return path


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SessionError(
            f"the cache folder {folder} cannot be written ({error}): set GENSPARK_CACHE to one that can"
        ) from error


def _address(jar: Jar) -> str:
    repository = os.environ.get("GENSPARK_MAVEN_REPOSITORY") or MAVEN_CENTRAL
    return f"{repository.rstrip('/')}/{jar.repository_path}"


def _fetch(jar: Jar, folder: Path) -> bytes:
    address = _address(jar)
    try:
        with urllib.request.urlopen(address, timeout=60) as response:  # noqa: S310 - or file:
            content: bytes = response.read()
            return content
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SessionError(
            f"{address} cannot be fetched ({error}): set GENSPARK_MAVEN_REPOSITORY to a Maven repository "
            f"within reach, or put {jar.file_name} into {folder}"
        ) from error
