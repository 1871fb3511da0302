"""Spark sessions, genspark's and one at the defaults, and what a session remembers of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peers.task import Task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def genspark_session(task: Task) -> SparkSession:
    """The session that genspark makes."""
    from genspark.session import get_spark

    return get_spark("benchmark", master=f"local[{task.cores}]", config={"spark.driver.memory": task.memory})


def plain_session(task: Task) -> SparkSession:
    """Spark and Delta at their defaults, but for what makes them run here: place, memory, jars."""
    import pyspark
    from pyspark.sql import SparkSession

    from genspark.session.jars import delta_jars
    from genspark.session.jvm import delta_conf

    settings = {
        "spark.driver.memory": task.memory,
        "spark.driver.extraClassPath": ":".join(map(str, delta_jars(pyspark.__version__))),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        **delta_conf({}),
    }
    return SparkSession.builder.appName("benchmark").master(f"local[{task.cores}]").config(map=settings).getOrCreate()


def scans(spark: SparkSession, task: Task) -> int:
    """How often the source was read, by the records that Spark counted."""
    jvm: Any = spark._jvm
    context: Any = spark.sparkContext._jsc.sc()
    context.listenerBus().waitUntilEmpty()
    nothing = spark.sparkContext._gateway.new_array(jvm.double, 0)
    stages = context.statusStore().stageList(None, False, False, nothing, jvm.java.util.ArrayList())
    return round(sum(stages.apply(i).inputRecords() for i in range(stages.size())) / task.rows)


def versions(spark: SparkSession) -> dict[str, str]:
    """Of Spark and of the JVM it runs on."""
    jvm: Any = spark._jvm
    return {"spark": spark.version, "java": jvm.System.getProperty("java.version")}
