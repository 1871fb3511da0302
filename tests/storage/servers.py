"""The four stores that jobs are tested on, each as a client that is none of genspark's own sees it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
from between import Between
from processes import CACHE, Process, answers, free_port

from genspark.errors import SessionError
from genspark.session import jars, jvm

KEY, SECRET = "genspark-tests", "no-secret-at-all"
S3PROXY = jars.Jar(
    "org.gaul",
    "s3proxy",
    "4.1.0",
    "a4d025969aaf796616ed4b1e2491d87d455ce84bb28cb9db086b2e6aaa68b48d",
    "jar-with-dependencies",
)
MINICLUSTER = jars.Jar(
    "org.apache.hadoop",
    "hadoop-client-minicluster",
    "3.5.0",
    "06772d24529e59939915979b3edba204d367750ef7dc5120411f35221dd4818c",
)
SMALL_JVM = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]


class Store(ABC):
    """A place for tables and shards. `root` is its URI; `environment` is what a user sets to reach it."""

    kind: ClassVar[str]
    root: str
    environment: dict[str, str]

    @abstractmethod
    def end(self) -> None: ...

    @abstractmethod
    def put(self, key: str, content: bytes) -> None: ...

    @abstractmethod
    def get(self, key: str) -> bytes: ...

    @abstractmethod
    def names(self, prefix: str) -> list[str]:
        """Every file below a prefix, relative to it."""

    def uri(self, key: str) -> str:
        return f"{self.root}/{key}"

    def log(self, table: str) -> list[dict[str, Any]]:
        """The actions in the log of a Delta table, in their order."""
        names = sorted(name for name in self.names(f"{table}/_delta_log") if name.endswith(".json"))
        texts = [self.get(f"{table}/_delta_log/{name}").decode() for name in names if name[:20].isdigit()]
        return [json.loads(line) for text in texts for line in text.splitlines()]


def java() -> str:
    return str(jvm.find_java().command)


def jar(wanted: jars.Jar) -> Path:
    try:
        return jars.cached(wanted)
    except SessionError as error:
        pytest.skip(f"no server to test with: {error}")


class ByArrow(Store):
    """A store that is seen through PyArrow."""

    system: Any
    inside: str

    def put(self, key: str, content: bytes) -> None:
        with self.system.open_output_stream(f"{self.inside}/{key}", compression=None) as stream:
            stream.write(content)

    def get(self, key: str) -> bytes:
        with self.system.open_input_stream(f"{self.inside}/{key}", compression=None) as stream:
            return bytes(stream.read())

    def names(self, prefix: str) -> list[str]:
        from pyarrow import fs

        base = f"{self.inside}/{prefix}"
        infos = self.system.get_file_info(fs.FileSelector(base, recursive=True, allow_not_found=True))
        return sorted(info.path.removeprefix(f"{base}/") for info in infos if info.is_file)


def s3_system(endpoint: str, bucket: str) -> Any:
    """A client of a server of S3's kind that is none of genspark's own, with a bucket there."""
    from pyarrow import fs

    system = fs.S3FileSystem(
        access_key=KEY,
        secret_key=SECRET,
        endpoint_override=endpoint,
        region="us-east-1",
        allow_bucket_creation=True,
    )
    system.create_dir(bucket)
    return system


class S3(ByArrow):
    """S3Proxy, which enforces If-None-Match."""

    kind = "s3"

    def __init__(self, folder: Path, bucket: str = "shelf", authorization: str = "aws-v4") -> None:
        self.port = free_port()
        self.bucket = bucket
        self.endpoint = f"http://127.0.0.1:{self.port}"
        (folder / "data").mkdir()
        settings = {
            "s3proxy.endpoint": self.endpoint,
            "s3proxy.authorization": authorization,
            "s3proxy.identity": KEY,
            "s3proxy.credential": SECRET,
            "jclouds.provider": "filesystem-nio2",
            "jclouds.identity": "none",
            "jclouds.credential": "none",
            "jclouds.filesystem.basedir": folder / "data",
        }
        (folder / "s3proxy.conf").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        command = [java(), *SMALL_JVM, "-jar", str(jar(S3PROXY)), "--properties", "s3proxy.conf"]
        self.process = Process(command, folder, lambda: answers(self.port), name="s3proxy")
        self.process.start()
        self.environment = {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": self.endpoint,
        }
        self.root, self.inside = f"s3://{bucket}", bucket
        self.connect()

    def connect(self) -> None:
        self.system = s3_system(self.endpoint, self.bucket)

    def end(self) -> None:
        self.process.end()


class Hdfs(Store):
    """A name node and data nodes, in JVMs of their own."""

    kind = "hdfs"

    def __init__(self, folder: Path, nodes: int = 1) -> None:
        import pyspark

        spark_jars = Path(pyspark.__file__).parent / "jars"
        names = ("hadoop-client-*", "slf4j-api*", "log4j-*", "jcl-over*", "snappy-java*")
        paths = [str(path) for name in names for path in sorted(spark_jars.glob(f"{name}.jar"))]
        class_path = os.pathsep.join([str(folder / "conf"), str(jar(MINICLUSTER)), *paths])
        self.port, self.folder = free_port(), folder
        self.root, self.environment = f"hdfs://127.0.0.1:{self.port}/shelf", {}
        self._configure(min(nodes, 2))
        start = [java(), *SMALL_JVM, "-cp", class_path]
        name_node = [*start, "org.apache.hadoop.hdfs.server.namenode.NameNode"]
        format_it = Process([*name_node, "-format", "-nonInteractive"], folder, lambda: True, name="format")
        format_it.launch()
        assert format_it.process is not None
        format_it.process.wait(60)
        self.name_node = Process(name_node, folder, lambda: answers(self.port), name="name-node")
        self.name_node.launch()
        self.data_nodes = [self._data_node(start, n) for n in range(nodes)]
        for node in self.data_nodes:
            node.launch()
        self.name_node.wait()
        self.connect()
        for node in self.data_nodes:
            node.wait()
        self._wait_for_writes()

    def _configure(self, replication: int) -> None:
        (self.folder / "conf").mkdir()
        core = {"fs.defaultFS": f"hdfs://127.0.0.1:{self.port}"}
        hdfs = {
            "dfs.namenode.name.dir": (self.folder / "names").as_uri(),
            "dfs.namenode.http-address": "127.0.0.1:0",
            "dfs.replication": str(replication),
            "dfs.namenode.heartbeat.recheck-interval": "1000",
            "dfs.heartbeat.interval": "1",
            "dfs.namenode.datanode.registration.ip-hostname-check": "false",
        }
        for name, properties in {"core-site": core, "hdfs-site": hdfs}.items():
            lines = "".join(f"<property><name>{n}</name><value>{v}</value></property>" for n, v in properties.items())
            (self.folder / "conf" / f"{name}.xml").write_text(f"<configuration>{lines}</configuration>")

    def _data_node(self, start: list[str], number: int) -> Process:
        own = dict.fromkeys(("dfs.datanode.address", "dfs.datanode.http.address"), "127.0.0.1:0")
        own |= {"dfs.datanode.ipc.address": "127.0.0.1:0"}
        own |= {"dfs.datanode.data.dir": (self.folder / f"node-{number}").as_uri()}
        options = [part for name, value in own.items() for part in ("-D", f"{name}={value}")]
        command = [*start, "org.apache.hadoop.hdfs.server.datanode.DataNode", *options]
        return Process(command, self.folder, lambda: self._is_registered(number), name=f"data-node-{number}")

    def connect(self) -> None:
        from hdfs_native import Client

        self.client = Client(f"hdfs://127.0.0.1:{self.port}", {"dfs.replication": str(min(len(self.data_nodes), 2))})

    def _wait_for_writes(self) -> None:
        for _ in range(200):
            with contextlib.suppress(OSError, RuntimeError):
                self.put("up", b"!")
                return
            time.sleep(0.1)
        pytest.fail("the data nodes take no writes")

    def _is_registered(self, number: int) -> bool:
        return any((self.folder / f"node-{number}" / "current").glob("BP-*/current/finalized"))

    def put(self, key: str, content: bytes) -> None:
        from hdfs_native import WriteOptions

        with self.client.create(f"/shelf/{key}", WriteOptions(overwrite=True)) as stream:
            stream.write(content)

    def get(self, key: str) -> bytes:
        return bytes(self.client.read(f"/shelf/{key}").read())

    def names(self, prefix: str) -> list[str]:
        base = f"/shelf/{prefix}"
        try:
            found = [status.path for status in self.client.list_status(base, recursive=True) if not status.isdir]
        except FileNotFoundError:
            return []
        return sorted(path.removeprefix(f"{base}/") for path in found)

    def end(self) -> None:
        for node in self.data_nodes:
            node.end()
        self.name_node.end()


class Gcs(Store):
    """fake-gcs-server, by its JSON interface; genspark reaches it through what knows PUTs of the XML one."""

    kind = "gs"

    def __init__(self, folder: Path) -> None:
        binary = CACHE / "bin" / "fake-gcs-server"
        if not binary.is_file():
            pytest.skip(f"no server of Google's kind at {binary}: CONTRIBUTING.md says how to get it")
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.between = Between(self.port, folder, "xml_puts_as_json")
        seen = f"127.0.0.1:{self.between.port}"
        options = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(self.port), "-public-host", seen]
        options += ["-external-url", f"http://{seen}", "-backend", "memory"]
        command = [str(binary), *options]
        self.process = Process(command, folder, lambda: answers(self.port), name="fake-gcs-server")
        self.process.start()
        self.root, self.environment = "gs://shelf", {"STORAGE_EMULATOR_HOST": f"http://{seen}"}
        self._ask("POST", "/storage/v1/b?project=tests", json.dumps({"name": "shelf"}).encode())

    def _ask(self, method: str, path: str, content: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/json"} if content is not None else {}
        request = urllib.request.Request(f"{self.endpoint}{path}", content, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def put(self, key: str, content: bytes) -> None:
        self._ask("POST", f"/upload/storage/v1/b/shelf/o?uploadType=media&name={quote(key, safe='')}", content)

    def get(self, key: str) -> bytes:
        return self._ask("GET", f"/storage/v1/b/shelf/o/{quote(key, safe='')}?alt=media")

    def names(self, prefix: str) -> list[str]:
        found = json.loads(self._ask("GET", f"/storage/v1/b/shelf/o?prefix={quote(prefix, safe='')}/&maxResults=5000"))
        names = [item["name"].removeprefix(f"{prefix}/") for item in found.get("items", ())]
        return sorted(name for name in names if name and not name.endswith("/"))

    def end(self) -> None:
        self.between.end()
        self.process.end()


class Azure(ByArrow):
    """Azurite, over its Blob interface."""

    kind = "abfs"
    ACCOUNT = "devstoreaccount1"
    # Azurite's own, which its documentation prints.
    ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

    def __init__(self, folder: Path) -> None:
        from pyarrow import fs

        program = CACHE / "azurite" / "node_modules" / ".bin" / "azurite-blob"
        if not program.exists() or shutil.which("node") is None:
            pytest.skip(f"no server of Azure's kind at {program}: CONTRIBUTING.md says how to get it")
        self.port = free_port()
        options = ["--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--location", str(folder / "data")]
        command = [str(program), *options, "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        self.process = Process(command, folder, lambda: answers(self.port), name="azurite")
        self.process.start()
        self.root = f"abfs://shelf@{self.ACCOUNT}.dfs.core.windows.net"
        self.environment = {
            "AZURE_STORAGE_ACCOUNT_KEY": self.ACCOUNT_KEY,
            "AZURE_ENDPOINT": f"http://127.0.0.1:{self.port}/{self.ACCOUNT}",
        }
        server = f"127.0.0.1:{self.port}"
        self.system, self.inside = (
            fs.AzureFileSystem(
                account_name=self.ACCOUNT,
                account_key=self.ACCOUNT_KEY,
                blob_storage_authority=server,
                dfs_storage_authority=server,
                blob_storage_scheme="http",
                dfs_storage_scheme="http",
            ),
            "shelf",
        )
        self.system.create_dir("shelf")

    def end(self) -> None:
        self.process.end()


KINDS: dict[str, type[Any]] = {"s3": S3, "hdfs": Hdfs, "gs": Gcs, "abfs": Azure}
VARIABLES = ("AWS_", "AZURE_", "GOOGLE_", "STORAGE_EMULATOR_HOST", "HADOOP_")


@contextlib.contextmanager
def reachable(store: Store) -> Iterator[None]:
    """The environment as a user of this store alone sets it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(VARIABLES)]:
            patch.delenv(name)
        for name, value in store.environment.items():
            patch.setenv(name, value)
        yield
