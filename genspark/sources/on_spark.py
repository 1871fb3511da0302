"""Read raw shards as a Spark DataFrame, with the text of corrupt records in a column of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genspark.engines.spark.errors import spark_errors
from genspark.errors import SourceError
from genspark.sources.formats import format_of
from genspark.sources.places import PLACE
from genspark.sources.source import Source
from genspark.sources.spark_input import Input

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def read(spark: SparkSession, source: Source) -> Input:
    """Find the shards and their schema; the frame reads them lazily.

    No data is read, except by the pass that infers the types of csv and json. Raises SourceError for what is missing,
    unreadable or of another format.
    """
    with spark_errors(PLACE, SourceError):
        return format_of(source.format).on_spark(spark, source)
