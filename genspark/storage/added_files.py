"""The files of a Delta table's version, as its log adds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import deltalake
    import pyarrow as pa


def added_files(table: deltalake.DeltaTable, *, flatten: bool = False) -> pa.Table:
    """The adding actions as deltalake tells them, a row a file: path, size_bytes, num_records, partition, bounds.

    With `flatten` partitions and bounds are columns named `partition.NAME`, `min.NAME` and so on.
    """
    import pyarrow as pa

    # By a stream: what PyArrow does not know as its own it holds against pandas, which takes 0.2 s to load.
    return pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=flatten)).read_all()
