"""The same job in each peer's own idiom: mean-impute, drop |z| > 3, standardise, write by group.

Run as a program with a `Task` as JSON, this is one peer in a process of its own: it prints one line of
JSON. Libraries are imported by the peer that uses them, so that no peer pays for another's.
"""

from __future__ import annotations

import contextlib
import functools
import json
import operator
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    from pyspark.sql import SparkSession

THRESHOLD = 3.0


@dataclass(frozen=True)
class Task:
    """What a worker is told."""

    peer: str
    shards: str
    table: str
    rows: int
    columns: Sequence[str]
    cores: int
    memory: str


@dataclass
class Outcome:
    """What a worker tells.

    `seconds` holds session (imports and the JVM, up to the first call), fit, write, and total, which is
    all but the session. `scans` are the passes over the source, the one that writes among them. `fill`,
    `mean` and `std` are what was learnt, column by column; `ddof` is 1 where `std` and the written values
    are of the sample standard deviation, 0 where of the population's.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    scans: int = 0
    fill: Sequence[float] = ()
    mean: Sequence[float] = ()
    std: Sequence[float] = ()
    ddof: int = 0
    versions: dict[str, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Note the block's wall time as the phase's."""
        start = time.perf_counter()
        yield
        self.seconds[phase] = time.perf_counter() - start


def run_genspark(task: Task, outcome: Outcome) -> None:
    """The steps of a job of genspark's, on Spark: two fused scans, and one more that writes."""
    with outcome.timed("session"):
        import genspark
        from genspark.session import stop

        spark = _genspark_session(task)
    with outcome.timed("total"):
        config = genspark.JobConfig.model_validate(
            {
                "name": "benchmark",
                "engine": "spark",
                "source": {"path": task.shards, "format": "parquet"},
                "steps": [
                    {"impute": {"columns": list(task.columns), "strategy": "mean"}},
                    {
                        "outliers": {
                            "columns": list(task.columns),
                            "method": "zscore",
                            "threshold": THRESHOLD,
                            "action": "drop",
                        }
                    },
                    {"scale": {"columns": list(task.columns), "method": "standard"}},
                ],
                "sink": {"path": task.table, "partition_by": ["group"], "mode": "overwrite"},
            }
        )
        report = genspark.run(config, spark=spark)
    outcome.seconds |= {phase: report.seconds[phase] for phase in ("plan", "fit", "write")}
    fill, _, scale = genspark.PipelineModel.load(report.model).parameters
    outcome.fill = [fill["values"][column] for column in task.columns]
    outcome.mean, outcome.std, _ = zip(*(scale["maps"][column] for column in task.columns), strict=True)
    _look_back(spark, task, outcome)
    stop(spark)


def run_mllib(task: Task, outcome: Outcome) -> None:
    """MLlib, each stage fitted on what the stages before it give, with Spark and Delta as they come."""
    _run_mllib(_plain_session, task, outcome)


def run_mllib_tuned(task: Task, outcome: Outcome) -> None:
    """The same MLlib program on genspark's session: what genspark's settings alone are worth."""
    _run_mllib(_genspark_session, task, outcome)


def _run_mllib(session: Callable[[Task], SparkSession], task: Task, outcome: Outcome) -> None:
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
            near = [F.abs(F.col(name) - F.lit(mean)) <= F.lit(THRESHOLD * std) for name, mean, std in bounds]
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
    _look_back(spark, task, outcome)
    spark.stop()


def run_polars(task: Task, outcome: Outcome) -> None:
    """Polars by hand, in one process and no JVM: as near to the hardware as columnar code comes."""
    with outcome.timed("session"):
        import deltalake
        import polars as pl
    with outcome.timed("total"):
        frame = pl.scan_parquet(f"{task.shards}/*.parquet")
        with outcome.timed("fit"):
            fill, bounds = _bounds(frame, task.columns)
            near = [pl.col(column).is_between(*bounds[column]) for column in task.columns]
            kept = frame.with_columns(pl.col(column).fill_null(fill[column]) for column in task.columns).filter(*near)
            mean, std = _mean_and_std(kept, task.columns, ddof=0)
        with outcome.timed("write"):
            scaled = kept.with_columns((pl.col(column) - mean[column]) / std[column] for column in task.columns)
            _write_by_group(scaled, Path(task.table))
    outcome.fill, outcome.mean, outcome.std = ([by[c] for c in task.columns] for by in (fill, mean, std))
    outcome.scans = 3
    outcome.versions = {"polars": pl.__version__, "deltalake": deltalake.__version__}


def _bounds(frame: pl.LazyFrame, columns: Sequence[str]) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Mean of the observed values, and mean -+ 3 deviations of the imputed column: in one scan.

    Nulls filled with the mean add nothing to the sum of squared deviations, so the imputed column's
    variance is the observed one's times the share that was observed.
    """
    import polars as pl

    wanted = [pl.len().alias("rows"), *(pl.col(column).count().name.prefix("count_") for column in columns)]
    fill, observed, counts = _mean_and_std(frame, columns, ddof=0, also=wanted)
    std = {c: observed[c] * (counts[f"count_{c}"] / counts["rows"]) ** 0.5 for c in columns}
    return fill, {c: (fill[c] - THRESHOLD * std[c], fill[c] + THRESHOLD * std[c]) for c in columns}


def _mean_and_std(frame: pl.LazyFrame, columns: Sequence[str], *, ddof: int, also: Sequence[pl.Expr] = ()) -> Any:
    import polars as pl

    means = [pl.col(column).mean().alias(f"mean_{column}") for column in columns]
    stds = [pl.col(column).std(ddof=ddof).alias(f"std_{column}") for column in columns]
    (row,) = frame.select(*means, *stds, *also).collect(engine="streaming").rows(named=True)
    found = [{column: row[f"{name}_{column}"] for column in columns} for name in ("mean", "std")]
    return (*found, row) if also else tuple(found)


def _write_by_group(frame: pl.LazyFrame, table: Path) -> None:
    """Parquet files by group, then one Delta commit that adds them."""
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq
    from deltalake import Schema
    from deltalake.transaction import AddAction, create_table_with_add_actions

    by_group = pl.PartitionBy(table, key="group", include_key=False)
    # The codec of the other peers; maintain_order=False lets the threads write as they finish.
    frame.sink_parquet(by_group, compression="snappy", mkdir=True, maintain_order=False, engine="streaming")
    actions = []
    for file in sorted(table.rglob("*.parquet")):
        name, value = file.parent.name.split("=")
        status = file.stat()
        actions.append(
            AddAction(
                path=file.relative_to(table).as_posix(),
                size=status.st_size,
                partition_values={name: value},
                modification_time=int(status.st_mtime * 1000),
                data_change=True,
                stats=json.dumps({"numRecords": pq.read_metadata(file).num_rows}),
            )
        )
    kinds = {pl.Int64: pa.int64(), pl.Float64: pa.float64(), pl.String: pa.string()}
    fields = [pa.field(name, kinds[type(dtype)]) for name, dtype in frame.collect_schema().items()]
    create_table_with_add_actions(str(table), Schema.from_arrow(pa.schema(fields)), actions, partition_by=["group"])


def _genspark_session(task: Task) -> SparkSession:
    from genspark.session import get_spark

    return get_spark("benchmark", master=f"local[{task.cores}]", config={"spark.driver.memory": task.memory})


def _plain_session(task: Task) -> SparkSession:
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


def _look_back(spark: SparkSession, task: Task, outcome: Outcome) -> None:
    """Note how often the source was read, by the records that Spark counted, and the versions at work."""
    jvm: Any = spark._jvm
    context: Any = spark.sparkContext._jsc.sc()
    context.listenerBus().waitUntilEmpty()
    nothing = spark.sparkContext._gateway.new_array(jvm.double, 0)
    stages = context.statusStore().stageList(None, False, False, nothing, jvm.java.util.ArrayList())
    records = sum(stages.apply(i).inputRecords() for i in range(stages.size()))
    outcome.scans = round(records / task.rows)
    outcome.versions = {"spark": spark.version, "java": jvm.System.getProperty("java.version")}


PEERS: Mapping[str, Callable[[Task, Outcome], None]] = {
    "genspark": run_genspark,
    "mllib": run_mllib,
    "mllib-tuned": run_mllib_tuned,
    "polars": run_polars,
}


def main() -> None:
    task, outcome = Task(**json.loads(sys.argv[1])), Outcome()
    PEERS[task.peer](task, outcome)
    print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
