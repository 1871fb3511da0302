"""Raw shards as a Polars LazyFrame: the rows, columns and types that the Spark reader gives, without Spark.

`find` lists the shards and finds their schema, `scan` reads them lazily in bounded memory, and `diagnose` tells,
after a scan failed, which shard cannot be read and why. What differs from format to format is a `format.Format`,
one file or folder in `formats/`, which `on_spark.read` asks for a Spark DataFrame instead.
"""

from __future__ import annotations

from genspark.sources.dataset import Dataset
from genspark.sources.diagnosis import diagnose, shard_error
from genspark.sources.finding import find, list_source
from genspark.sources.listing import Listing
from genspark.sources.scanning import scan
from genspark.sources.shard import Shard

__all__ = ["Dataset", "Listing", "Shard", "diagnose", "find", "list_source", "scan", "shard_error"]
