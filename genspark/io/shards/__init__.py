"""Raw shards as a Polars LazyFrame: the rows, columns and types that the Spark reader gives, without Spark.

`find` lists the shards and finds their schema, `scan` reads them lazily in bounded memory, and
`diagnose` tells, after a scan failed, which shard cannot be read and why.
"""

from __future__ import annotations

from genspark.io.shards.dataset import Dataset
from genspark.io.shards.diagnosis import diagnose, shard_error
from genspark.io.shards.finding import find
from genspark.io.shards.scanning import scan
from genspark.io.shards.shard import Shard

__all__ = ["Dataset", "Shard", "diagnose", "find", "scan", "shard_error"]
