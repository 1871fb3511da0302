"""What each program of `scans.py` does, one in a process of its own: given a `Task` as JSON it prints one line of JSON.

python benchmarks/scan_peers.py '{"peer": "summary genspark-polars", ...}'
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from peers.sessions import genspark_session, scans
from peers.task import Outcome, Task

GROUPS = 10_000
GROUPED_COLUMNS = 10
RANK_ERROR = 0.005
PROBABILITIES = (0.25, 0.5, 0.75)
GROUP = "bucket"


def polars_frame(task: Task) -> Any:
    import polars as pl

    return pl.scan_parquet(f"{task.shards}/*.parquet").with_columns((pl.col("id") % GROUPS).alias(GROUP))


def spark_frame(spark: Any, task: Task) -> Any:
    return spark.read.parquet(task.shards).selectExpr("*", f"id % {GROUPS} AS {GROUP}")


# --- genspark -----------------------------------------------------------------------------------------------


def statistics_of_all(task: Task) -> list[Any]:
    from genspark.statistics import Extremes, Moments, Quantiles

    return [
        statistic
        for column in task.columns
        for statistic in (Moments((column,)), Extremes((column,)), Quantiles((column,), rank_error=RANK_ERROR))
    ]


def statistics_of_groups(task: Task) -> list[Any]:
    from genspark.statistics import Extremes, Moments

    columns = task.columns[:GROUPED_COLUMNS]
    return [kind((column,), by=(GROUP,)) for column in columns for kind in (Moments, Extremes)]


def scan(statistics: Callable[[Task], Sequence[Any]]) -> Callable[[Any, Task], int]:
    """One scan for these statistics."""

    def run(frame: Any, task: Task) -> int:
        from genspark.engines import engine_for

        engine, wrapped = engine_for(frame)
        engine.scan(wrapped, statistics(task))
        return 1

    return run


def fit(steps: Sequence[Mapping[str, Any]]) -> Callable[[Any, Task], int]:
    """A fit of steps of all columns; the scans it made."""

    def run(frame: Any, task: Task) -> int:
        from genspark.pipeline import Pipeline
        from genspark.steps.base import from_json

        made: list[int] = []
        columns = list(task.columns)
        bound = [from_json({kind: {"columns": columns, **fields}}) for step in steps for kind, fields in step.items()]
        Pipeline(bound, key=["id"]).fit(frame, on_scan=lambda number, _of: made.append(number))
        return len(made)

    return run


SCALERS = fit([{"impute": {"strategy": "median"}}, {"scale": {"method": "robust"}}, {"scale": {"method": "standard"}}])
MODEL = fit([{"impute": {"strategy": "model"}}])


# --- by hand ------------------------------------------------------------------------------------------------


def spark_summary(frame: Any, task: Task) -> int:
    """`summary`, and quartiles once more to the rank error that genspark's sketches keep."""
    from pyspark.sql import functions as F

    frame.select(*task.columns).summary().collect()
    accuracy = round(1 / RANK_ERROR)
    frame.agg(*(F.percentile_approx(column, list(PROBABILITIES), accuracy) for column in task.columns)).collect()
    return 0


def spark_groups(frame: Any, task: Task) -> int:
    from pyspark.sql import functions as F

    kinds = (F.count, F.avg, F.var_pop, F.min, F.max)
    frame.groupBy(GROUP).agg(*(kind(c) for c in task.columns[:GROUPED_COLUMNS] for kind in kinds)).collect()
    return 0


def mllib(frame: Any, task: Task) -> int:
    """Each stage fitted on what the stages before it give, as MLlib's Pipeline does."""
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import Imputer, RobustScaler, StandardScaler, VectorAssembler

    filled = [f"{column}_filled" for column in task.columns]
    stages = [
        Imputer(strategy="median", inputCols=list(task.columns), outputCols=filled, relativeError=RANK_ERROR),
        VectorAssembler(inputCols=filled, outputCol="vector"),
        RobustScaler(inputCol="vector", outputCol="robust", withCentering=True, relativeError=RANK_ERROR),
        StandardScaler(inputCol="robust", outputCol="scaled", withMean=True),
    ]
    Pipeline(stages=stages).fit(frame)
    return 0


def polars_groups(frame: Any, task: Task) -> int:
    import polars as pl

    some = [pl.col(column) for column in task.columns[:GROUPED_COLUMNS]]
    wanted = [
        expression.name.suffix(f"_{what}")
        for column in some
        for what, expression in {
            "count": column.count(),
            "mean": column.mean(),
            "var": column.var(ddof=0),
            "min": column.min(),
            "max": column.max(),
        }.items()
    ]
    frame.group_by(GROUP).agg(wanted).collect(engine="streaming")
    return 1


# --- each in its engine -------------------------------------------------------------------------------------


def on_polars(work: Callable[[Any, Task], int], task: Task, outcome: Outcome) -> None:
    with outcome.timed("session"):
        import genspark.engines  # noqa: F401 - imports are no part of the work

        frame = polars_frame(task)
    with outcome.timed("total"):
        outcome.scans = work(frame, task)


def on_spark(work: Callable[[Any, Task], int], task: Task, outcome: Outcome) -> None:
    """In genspark's session, for every program alike."""
    with outcome.timed("session"):
        import genspark.engines  # noqa: F401 - imports are no part of the work
        from genspark.session import stop

        spark = genspark_session(task)
        frame = spark_frame(spark, task)
    with outcome.timed("total"):
        work(frame, task)
    outcome.scans = scans(spark, task)
    stop(spark)


PEERS: Mapping[str, tuple[Callable[..., None], Callable[[Any, Task], int]]] = {
    "summary genspark-spark": (on_spark, scan(statistics_of_all)),
    "summary genspark-polars": (on_polars, scan(statistics_of_all)),
    "summary spark": (on_spark, spark_summary),
    "scalers genspark-spark": (on_spark, SCALERS),
    "scalers genspark-polars": (on_polars, SCALERS),
    "scalers mllib": (on_spark, mllib),
    "wide genspark-spark": (on_spark, scan(statistics_of_all)),
    "wide genspark-polars": (on_polars, scan(statistics_of_all)),
    "groups genspark-spark": (on_spark, scan(statistics_of_groups)),
    "groups genspark-polars": (on_polars, scan(statistics_of_groups)),
    "groups spark": (on_spark, spark_groups),
    "groups polars": (on_polars, polars_groups),
    "model genspark-spark": (on_spark, MODEL),
    "model genspark-polars": (on_polars, MODEL),
}
"""What is measured, and by whom."""


def main() -> None:
    task, outcome = Task(**json.loads(sys.argv[1])), Outcome()
    engine, work = PEERS[task.peer]
    engine(work, task, outcome)
    print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
