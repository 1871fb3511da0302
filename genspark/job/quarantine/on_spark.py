"""The quarantine's rows as a frame of Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import narwhals as nw

from genspark.columns.expressions import is_hidden
from genspark.columns.hashing import KeyHash
from genspark.engines.fate import FATE, QUARANTINED, REASONS
from genspark.engines.spark.engine import SparkEngine
from genspark.engines.spark.fate import REASONS_TYPE, Fates
from genspark.engines.spark.functions import functions
from genspark.engines.spark.names import renamed, wrapped
from genspark.job.quarantine import FILE_URI, READ_AS, REASON_LIST, ROW, RUN, TEXT, own_names, rows_of_shards
from genspark.pipeline.model import PipelineModel
from genspark.sinks.names import held_names
from genspark.sources.spark_input import Input

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def quarantined(given: Input, model: PipelineModel, run_id: str, left_out: Mapping[str, str]) -> DataFrame:
    """The quarantine's rows of the input, and of the shards left out, not computed yet."""
    F = functions()
    originals = [name for name in given.frame.columns if not is_hidden(name)]
    frame = given.with_origin()
    frame = frame.withColumn(ROW, F.struct(*renamed(frame, originals, own_names(originals), held_names)))
    taken_out = marked(frame, model, Fates(reasons=True)).filter(F.col(FATE) == QUARANTINED)
    beside = [F.col(hidden).alias(name) for name, hidden in READ_AS.items() if hidden in frame.columns]
    rows = taken_out.select(f"{ROW}.*", *beside, F.col(REASONS).alias(REASON_LIST), F.lit(run_id).alias(RUN))
    if not left_out:
        return rows
    shards = [
        (row[TEXT], row[FILE_URI], [tuple(why.values()) for why in row[REASON_LIST]], row[RUN])
        for row in rows_of_shards(left_out, run_id)
    ]
    schema = f"{TEXT} string, {FILE_URI} string, {REASON_LIST} {REASONS_TYPE}, {RUN} string"
    return rows.unionByName(frame.sparkSession.createDataFrame(shards, schema), allowMissingColumns=True)


def marked(frame: DataFrame, model: PipelineModel, fates: Fates, hashes: Sequence[KeyHash] = ()) -> DataFrame:
    """Apply every step of the model; all rows are still there, each with its fate; `hashes` are added, too."""
    engine = SparkEngine()
    start = engine.with_draws(wrapped(fates.start(frame)), model.key, [*hashes, *model.draws()])
    return nw.to_native(model.apply(engine, start, fates.before))  # type: ignore[no-any-return]
