"""The engine `spark-polars` on a Sail server in this process, in place of Spark: no JVM."""

from __future__ import annotations

from peers.genspark import job_of, note
from peers.task import Outcome, Skipped, Task


def run(task: Task, outcome: Outcome) -> None:
    """The job of genspark's on Sail, which deals out the work as Spark does."""
    with outcome.timed("session"):
        try:
            import pysail
            from pysail.spark import SparkConnectServer
        except ImportError as error:
            raise Skipped("pysail is not installed: pip install pysail") from error

        import genspark
        from genspark.session import get_spark

        server = SparkConnectServer("127.0.0.1", 0)
        server.start(background=True)
        host, port = server.listening_address
        spark = get_spark("benchmark", remote=f"sc://{host}:{port}")
    with outcome.timed("total"):
        report = genspark.run(genspark.JobConfig.model_validate(job_of(task, "spark-polars", {})), spark=spark)
    note(report, task, outcome)
    outcome.scans = sum(report.passes.values())
    outcome.versions = {"sail": pysail.__version__}
    spark.stop()
    server.stop()
