"""Sail, a native engine that speaks Spark Connect: how a session on it is known, and what engine `spark` lacks there.

Engine `spark-polars` lacks nothing: it asks a server for `range`, `mapInArrow` and `collect` alone.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from genspark.session.connect import is_connect

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LACKS = (
    "Sail has no metrics of a frame, no `_metadata` of files, no KLL sketches, none of Delta's SQL, and its "
    "try_divide takes no doubles"
)
"""Why engine `spark` does not run there: as pysail 0.7.2 is."""


def is_sail(spark: SparkSession) -> bool:
    """Whether a session is on a Sail server, which has the settings of no Spark, and a version of its own."""
    return is_connect(spark) and _is_sail(spark)


@functools.lru_cache(maxsize=8)
def _is_sail(spark: SparkSession) -> bool:
    from pyspark.errors import PySparkException

    try:
        if spark.conf.get("spark.master", None) is not None:
            return False
        row = spark.sql("SELECT version()").first()
    except PySparkException:
        return False
    return row is not None and not str(row[0]).startswith(spark.version)
