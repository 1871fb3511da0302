"""Which rows make which global batch of an epoch, as a Parquet file."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from genspark.errors import SourceError
from genspark.readers.batches import MASK
from genspark.readers.plan import ROW_ID
from genspark.readers.reader import Reader
from genspark.storage.files import file_system, is_uri, local
from genspark.storage.object_stores import one_line

SCHEMA = pa.schema([("epoch", pa.int32()), ("step", pa.int64()), ("slot", pa.int32()), (ROW_ID, pa.int64())])
ROWS = 1 << 18
"""Rows of a row group."""


def write_manifest(reader: Reader, epoch: int, path: str) -> int:
    """Write (epoch, step, slot, `_row_id`) of the rows that count, in their order, and return their number.

    The reader reads `_row_id` alone, for a world of one. Raises SourceError where the file cannot be written.
    """
    try:
        if not is_uri(path):
            local(path).absolute().parent.mkdir(parents=True, exist_ok=True)
        system, inside = file_system(path)
        with system.open_output_stream(inside) as stream, pq.ParquetWriter(stream, SCHEMA) as writer:
            written, waiting = 0, []
            for step, batch in reader.read(epoch, range(len(reader))):
                slots = np.flatnonzero(batch.get(MASK, np.ones(len(batch[ROW_ID]), bool)))
                columns = np.full(len(slots), epoch), np.full(len(slots), step), slots, batch[ROW_ID][slots]
                arrays = [pa.array(values, kind) for values, kind in zip(columns, SCHEMA.types, strict=True)]
                waiting.append(pa.table(arrays, SCHEMA))
                written += len(slots)
                if sum(map(len, waiting)) >= ROWS:
                    writer.write_table(pa.concat_tables(waiting), row_group_size=ROWS)
                    waiting = []
            if waiting:
                writer.write_table(pa.concat_tables(waiting), row_group_size=ROWS)
            return written
    except (OSError, ValueError) as error:
        raise SourceError(f"manifest: {path} cannot be written: {one_line(error)}") from error
