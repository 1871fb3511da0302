"""MLlib, each stage fitted on what the stages before it give."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING

from peers.sessions import genspark_session, plain_session, scans, versions
from peers.task import Outcome, Task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(task: Task, outcome: Outcome) -> None:
    """With Spark and Delta as they come."""
    _run(plain_session, task, outcome)


def run_tuned(task: Task, outcome: Outcome) -> None:
    """The same program on genspark's session: what genspark's settings alone are worth."""
    _run(genspark_session, task, outcome)


def _run(session: Callable[[Task], SparkSession], task: Task, outcome: Outcome) -> None:
    with outcome.timed("session"):
        from pyspark.ml.feature import Imputer, StandardScaler, VectorAssembler
        from pyspark.ml.functions import vector_to_array
        from pyspark.sql import functions as F

        spark = session(task)
    imputed_names = [f"{column}_imputed" for column in task.columns]
    with outcome.timed("total"):
        frame = spark.read.parquet(task.shards)
        with outcome.timed("fit"):
            imputer = Imputer(strategy="mean", inputCols=list(task.columns), outputCols=imputed_names).fit(frame)
            imputed = imputer.transform(frame).drop(*task.columns)
            both = [f(name) for name in imputed_names for f in (F.avg, F.stddev_pop)]
            numbers = tuple(imputed.agg(*both).collect()[0])
            bounds = zip(imputed_names, numbers[::2], numbers[1::2], strict=True)
            near = [F.abs(F.col(name) - F.lit(mean)) <= F.lit(task.threshold * std) for name, mean, std in bounds]
            kept = imputed.filter(functools.reduce(operator.and_, near))
            assembled = VectorAssembler(inputCols=imputed_names, outputCol="vector").transform(kept)
            scaler = StandardScaler(inputCol="vector", outputCol="scaled", withMean=True, withStd=True).fit(assembled)
        with outcome.timed("write"):
            # In a column of its own, so that the vector is unpacked once and not once for every column.
            unpacked = scaler.transform(assembled).withColumn("values", vector_to_array("scaled"))
            values = [F.col("values")[i].alias(column) for i, column in enumerate(task.columns)]
            unpacked.select("id", "group", *values).write.format("delta").partitionBy("group").save(task.table)
    outcome.fill = list(imputer.surrogateDF.select(*task.columns).collect()[0])
    # StandardScaler divides by the sample standard deviation. The table is left as MLlib's users have it;
    # agreement.py corrects by the factor, sqrt((n - 1) / n).
    outcome.mean, outcome.std, outcome.ddof = scaler.mean.toArray().tolist(), scaler.std.toArray().tolist(), 1
    outcome.scans, outcome.versions = scans(spark, task), versions(spark)
    spark.stop()
