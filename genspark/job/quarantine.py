"""The rows that a job took out: as they were read, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import narwhals as nw

from genspark.columns.expressions import HIDDEN, is_hidden
from genspark.engines.fate import CORRUPT, CORRUPT_SHARD, FATE, FILE, QUARANTINED, REASONS
from genspark.engines.spark.engine import SparkEngine
from genspark.engines.spark.fate import REASONS_TYPE, Fates
from genspark.engines.spark.functions import functions
from genspark.pipeline.model import PipelineModel
from genspark.sources.on_spark import Input
from genspark.storage.stores import absolute, file_uri

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROW = f"{HIDDEN}row"


def quarantined(given: Input, model: PipelineModel, run_id: str, left_out: Mapping[str, str]) -> DataFrame:
    """The quarantined rows of the input, and a row for each shard left out, as a frame; nothing is computed yet.

    Columns: the row's own as they were read; `_corrupt_record` (string, where the source can tell:
    the record's text) and `_file` (string); `_reasons`, an array of structs (step, column, rule,
    value, threshold), where value and threshold are doubles in the units the step saw; `_run_id`.
    """
    F = functions()
    frame = given.frame
    originals = [name for name in frame.columns if not is_hidden(name)]
    if given.knows_files:
        # Hadoop writes a local file's URI in two ways; other engines know one.
        frame = frame.withColumn(FILE, F.regexp_replace("_metadata.file_path", "^file:/(?!/)", "file:///"))
    frame = frame.withColumn(ROW, F.struct(*(F.col(f"`{name}`") for name in originals)))
    marked = judged(frame, model, Fates(reasons=True)).filter(F.col(FATE) == QUARANTINED)
    told = {"_corrupt_record": CORRUPT, "_file": FILE}
    beside = [F.col(hidden).alias(name) for name, hidden in told.items() if hidden in frame.columns]
    rows = marked.select(f"{ROW}.*", *beside, F.col(REASONS).alias("_reasons"), F.lit(run_id).alias("_run_id"))
    if not left_out:
        return rows
    why = [(*CORRUPT_SHARD, None, None)]
    shards = [(cause, file_uri(absolute(path)), why, run_id) for path, cause in left_out.items()]
    told_schema = f"_corrupt_record string, _file string, _reasons {REASONS_TYPE}, _run_id string"
    return rows.unionByName(frame.sparkSession.createDataFrame(shards, told_schema), allowMissingColumns=True)


def judged(frame: DataFrame, model: PipelineModel, fates: Fates) -> DataFrame:
    """The frame after every step of the model, all rows still there with their fates."""
    engine = SparkEngine()
    wrapped = engine.with_draws(nw.from_native(fates.start(frame)), model.key, model.draws())
    return nw.to_native(model.apply(engine, wrapped, fates.before))  # type: ignore[no-any-return]
