"""The same job in each peer's own idiom: mean-impute, drop outliers, standardise, write by group.

A peer is a function of a `Task` that fills an `Outcome`. It imports its libraries itself, inside the
phase `session`, so that no peer pays for another's.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from peers.task import Outcome, Task

# Where each is, module and function, in the order in which they run and are shown.
PEERS: Mapping[str, tuple[str, str]] = {
    "genspark-polars": ("peers.genspark", "run_polars"),
    "genspark-spark-polars": ("peers.genspark", "run_spark_polars"),
    "genspark-sail": ("peers.sail", "run"),
    "genspark-spark": ("peers.genspark", "run_spark"),
    "genspark-spark-delta": ("peers.genspark", "run_spark_delta"),
    "mllib": ("peers.mllib", "run"),
    "mllib-tuned": ("peers.mllib", "run_tuned"),
    "polars": ("peers.polars", "run"),
    "duckdb": ("peers.duckdb", "run"),
    "spark-sql": ("peers.spark_sql", "run"),
    "sklearn": ("peers.sklearn", "run"),
    "ray": ("peers.ray", "run"),
}
# Peers that are genspark itself: a failure of theirs is a failure of the benchmark.
OWN = tuple(name for name, (module, _) in PEERS.items() if module in ("peers.genspark", "peers.sail"))
OTHERS = {".": "peers.tables", ":": "peers.trust"}
"""The modules of peers with names such as `polars.global` and `polars:rules`."""


def peer(name: str) -> Callable[[Task, Outcome], None]:
    """The function of that name's peer; those of other benchmarks have a sign in their names that tells which."""
    others = [module for sign, module in OTHERS.items() if sign in name]
    module, function = (others[0], "run") if others else PEERS[name]
    found: Callable[[Task, Outcome], None] = getattr(importlib.import_module(module), function)
    return found
