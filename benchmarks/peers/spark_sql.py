"""Spark SQL by hand, in genspark's session: two aggregates, then a Delta write by group."""

from __future__ import annotations

import functools
import operator

from peers.reading import ddl
from peers.sessions import genspark_session, versions
from peers.task import Outcome, Task


def run(task: Task, outcome: Outcome) -> None:
    """Numbers of the first aggregate stand in the second, those of both in the writing query."""
    with outcome.timed("session"):
        from pyspark.sql import functions as F

        spark = genspark_session(task)
    with outcome.timed("total"):
        with outcome.timed("fit"):
            reader = spark.read.schema(ddl(task)) if task.told and task.kind != "parquet" else spark.read
            if task.kind == "parquet":
                frame = reader.parquet(task.shards)
            elif task.kind.startswith("jsonl"):
                frame = reader.option("mode", "DROPMALFORMED").json(task.shards)
            else:
                options = {"header": True, "escape": '"', "mode": "DROPMALFORMED", "inferSchema": not task.told}
                frame = reader.options(**options).csv(task.shards)
            names = task.columns
            measures = [f(name) for name in names for f in (F.avg, F.stddev_pop, F.count)]
            *numbers, rows = frame.agg(*measures, F.count(F.lit(1))).collect()[0]
            fill, observed, counts = numbers[::3], numbers[1::3], numbers[2::3]
            spread = [task.threshold * s * (n / rows) ** 0.5 for s, n in zip(observed, counts, strict=True)]
            filled = frame.fillna(dict(zip(names, fill, strict=True)))
            near = [F.abs(F.col(c) - F.lit(m)) <= F.lit(s) for c, m, s in zip(names, fill, spread, strict=True)]
            kept = filled.filter(functools.reduce(operator.and_, near))
            learnt = kept.agg(*(f(name) for name in names for f in (F.avg, F.stddev_pop))).collect()[0]
            mean, std = learnt[::2], learnt[1::2]
        with outcome.timed("write"):
            scaled = {c: (F.col(c) - F.lit(m)) / F.lit(s) for c, m, s in zip(names, mean, std, strict=True)}
            kept.withColumns(scaled).write.format("delta").partitionBy("group").save(task.table)
    outcome.fill, outcome.mean, outcome.std = fill, mean, std
    outcome.scans, outcome.versions = 3, versions(spark)
    spark.stop()
