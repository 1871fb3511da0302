"""Read raw shards as a Polars LazyFrame with the rows, columns and types that Spark's reader gives, without Spark.

`find_dataset` lists the shards and finds their schema, `scan` reads them lazily in bounded memory, and after a failed
scan `diagnose` names the shards that cannot be read, and why. Each source format is a `format.Format`, one file or
folder in `formats/`. `on_spark.read` reads the same sources as a Spark DataFrame.
"""

from __future__ import annotations

from genspark.sources.dataset import Dataset
from genspark.sources.diagnosis import diagnose, shard_error
from genspark.sources.finding import find_dataset, list_source
from genspark.sources.listing import Listing
from genspark.sources.scanning import scan
from genspark.sources.shard import Shard

__all__ = ["Dataset", "Listing", "Shard", "diagnose", "find_dataset", "list_source", "scan", "shard_error"]
