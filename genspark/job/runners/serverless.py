"""What Databricks' serverless compute cannot do of a job, told before anything starts.

Its sessions are those of Spark Connect, without a JVM, and take few settings; it has no disk that workers share, no
DBFS, and 1 GB of memory for a task's Python (docs.databricks.com/compute/serverless/limitations).
"""

from __future__ import annotations

import os

from genspark.config import JobConfig
from genspark.storage.files import is_uri

_NOT_THERE = ("hdfs", "viewfs", "wasb", "wasbs")
_MOUNTED = ("/Volumes/", "/Workspace/", "file:///Volumes/", "file:///Workspace/", "dbfs:/Volumes/")


def is_serverless() -> bool:
    """Whether the session is, or would be, one of serverless compute: in a task there, or by Databricks Connect."""
    runtime = os.environ.get("DATABRICKS_RUNTIME_VERSION", "")
    told = os.environ.get("IS_SERVERLESS", "").lower() == "true"
    return told or runtime.startswith("client.") or bool(os.environ.get("DATABRICKS_SERVERLESS_COMPUTE_ID"))


def refusal(engine: str, config: JobConfig) -> str | None:
    """The reason why serverless compute cannot run a job on this engine; None where it can, as far as is known."""
    if engine == "spark-polars":
        return "a task of serverless compute has 1 GB of memory, and reaches no storage by itself"
    for path in config.tables:
        if path.startswith(_MOUNTED):
            continue
        if path.startswith("dbfs:") or path.partition("://")[0] in _NOT_THERE:
            return f"serverless compute does not reach {path}; give one in /Volumes, or an object store's"
        if engine == "spark" and not is_uri(path):
            return f"{path} is on no disk that serverless compute shares; give one in /Volumes, or an object store's"
    if engine == "spark" and config.sink.compression_level is not None:
        return (
            "sink.compression_level is a setting of the session, and serverless compute takes none such; leave it out"
        )
    return None
