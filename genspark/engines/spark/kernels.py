"""Kernels on Spark: vectorised Arrow functions in the tasks, on classic and on Connect sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from genspark.columns.kernels import RESULT, Kernel
from genspark.engines.spark.errors import RAISED
from genspark.engines.spark.functions import functions
from genspark.engines.spark.names import quoted
from genspark.errors import GensparkError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def with_kernel(frame: DataFrame, kernel: Kernel) -> DataFrame:
    """The frame with the kernel's outputs. The workers need genspark, since functions are pickled by their names."""
    F = functions()
    result = frame.withColumn(RESULT, _call(kernel))
    return result.withColumns({name: F.col(RESULT)[name] for name in kernel.outputs}).drop(RESULT)


def _call(kernel: Kernel) -> Column:
    from pyspark.sql.pandas.types import from_arrow_type

    F = functions()

    def serve(row: pa.Array) -> pa.Array:
        return served(kernel, row)

    # One struct and not a column each: Spark takes the kind of function from its annotations.
    columns = [F.col(quoted(column)) for column in kernel.columns]
    called: Column = F.arrow_udf(serve, from_arrow_type(kernel.type))(F.struct(*columns))
    return called


def served(kernel: Kernel, rows: pa.StructArray) -> pa.StructArray:
    """The kernel's outputs of some rows, in a task; a GensparkError is marked so that the driver knows it."""
    try:
        return kernel(rows.flatten())
    except GensparkError as error:
        raise RuntimeError(f"{RAISED}{error}") from None
