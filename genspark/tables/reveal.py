"""A table with the originals in the place of pseudonyms, as a file of its own, for whoever may read the vault."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from genspark.errors import ConfigError, SinkError, SourceError
from genspark.sinks import vault
from genspark.storage.object_stores import one_line
from genspark.tables.footers import Tell, silent
from genspark.tables.rows import frames, refuse_vectors
from genspark.tables.snapshot import read_snapshot


def reveal(
    table: str, from_vault: str, columns: Sequence[str], output: str, tell: Tell = silent
) -> dict[str, int | str]:
    """Write the table's rows to a Parquet file, with originals, as text, in these columns; tell how many there were.

    What the vault does not know becomes null, and is counted as `unknown`. Raises ConfigError, SourceError, SinkError.
    """
    import pyarrow.parquet as pq

    if Path(output).exists():
        raise ConfigError(f"--output: {output} is there already; name another file")
    snapshot = read_snapshot(table)
    refuse_vectors(snapshot)
    snapshot.refuse_absent(columns, "--columns")
    entries = vault.read(from_vault).unique("pseudonym", keep="first")
    originals = dict(entries.select("pseudonym", "original").iter_rows())
    rows = unknown = 0
    writer = None
    try:
        for frame in frames(snapshot, tell=tell):
            hidden = frame.select(*snapshot.columns)
            revealed = hidden.with_columns(
                pl.col(name).cast(pl.String).replace_strict(originals, default=None, return_dtype=pl.String)
                for name in columns
            )
            rows += hidden.height
            unknown += sum(revealed[name].null_count() - hidden[name].null_count() for name in columns)
            arrow = revealed.to_arrow()
            writer = writer or pq.ParquetWriter(output, arrow.schema)
            writer.write_table(arrow.cast(writer.schema))
    except ValueError as error:
        raise SourceError(f"{snapshot.path}: {one_line(error)}") from None
    except OSError as error:
        raise SinkError(f"--output: {output}: {one_line(error)}") from None
    finally:
        if writer is not None:
            writer.close()
    return {"table": snapshot.path, "output": output, "rows": rows, "unknown": unknown}
