"""Engines: the only code that runs scans. `engine_for` finds the engine of a frame."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from genspark.engines.eager.engine import EagerEngine
from genspark.engines.engine import Engine
from genspark.engines.polars.engine import PolarsEngine
from genspark.engines.spark.engine import SparkEngine
from genspark.engines.spark.names import wrapped as quoting
from genspark.errors import SchemaError

EAGER = ("pandas", "polars", "pyarrow")


def engine_for(frame: Any) -> tuple[Engine, Any]:
    """The engine of a native frame, and the frame wrapped for narwhals. Raises SchemaError."""
    wrapped = nw.from_native(frame, pass_through=True)
    if not isinstance(wrapped, nw.DataFrame | nw.LazyFrame):
        raise SchemaError(f"a {type(frame).__name__} is not a frame; give a Spark, Polars, pandas or PyArrow one")
    if wrapped.implementation.is_spark_like():
        return SparkEngine(), quoting(frame)
    if isinstance(wrapped, nw.LazyFrame) and wrapped.implementation.is_polars():
        return PolarsEngine(), wrapped
    if isinstance(wrapped, nw.DataFrame) and wrapped.implementation.value in EAGER:
        return EagerEngine(), wrapped
    raise SchemaError(
        f"a {type(frame).__module__}.{type(frame).__name__} is not supported here; "
        "collect it into a Polars, pandas or PyArrow frame, or give a Spark DataFrame"
    )
