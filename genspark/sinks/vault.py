"""The vault: a Delta table of pseudonyms and what each stands for, apart from every table that is trained on.

It is a set: a pseudonym is in it once, whoever adds it how often. So a run that was killed, or is made again, adds what
lacks and nothing else. It is written without Spark.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from genspark.errors import SinkError, TargetError
from genspark.sinks.ledgers import until_first
from genspark.storage.files import storage_path
from genspark.storage.object_stores import delta_options, one_line, unreached
from genspark.storage.secrets import masked

PLACE = "pseudonymize.vault"
_TIME = pl.Datetime("us", "UTC")
ENTRY = pl.Schema({"pseudonym": pl.String(), "original": pl.String(), "domain": pl.String(), "key_id": pl.String()})
"""What an entry tells. Numbers are told by their digits; `key_id` tells keys apart."""
COLUMNS = pl.Schema({**ENTRY, "added_at": _TIME})
_WHICH = ["pseudonym", "domain", "key_id"]


def read(path: str) -> pl.DataFrame:
    """The vault's entries. Raises TargetError where there is none, or another table, SinkError where it is unreadable.

    Its rows must fit into memory.
    """
    table = _open(path)
    if table is None:
        raise TargetError(f"{PLACE}: there is no vault at {masked(path)}; name the one that the job's steps name")
    return _rows(path, table)


def add(path: str, entries: pl.DataFrame, told: Mapping[str, Any]) -> int:
    """Add the entries that lack, in one commit, to the vault, which is made where there is none; return their number.

    Raises SinkError where it cannot be written, and where a pseudonym would stand for two values.
    """
    import deltalake

    refusal = unreached(path)
    if refusal:
        raise SinkError(f"{PLACE}: {masked(refusal)}")
    whole = storage_path(path)
    # What was found would be stale after another's commit, so a commit that meets one is made anew.
    once = deltalake.CommitProperties(custom_metadata={"userMetadata": json.dumps(told)}, max_commit_retries=0)

    def commit() -> int:
        table = _open(path)
        known = pl.DataFrame(schema=COLUMNS) if table is None else _rows(path, table)
        new = _lacking(entries, known)
        if new.height or table is None:
            deltalake.write_deltalake(
                whole if table is None else table,
                new.with_columns(pl.lit(dt.datetime.now(dt.UTC), _TIME).alias("added_at")).select(COLUMNS.names()),
                mode="error" if table is None else "append",
                storage_options=delta_options(whole) if table is None else None,
                # Bounds in the log would be values of persons.
                configuration={"delta.dataSkippingNumIndexedCols": "0"} if table is None else None,
                commit_properties=once,
            )
        return new.height

    return until_first(commit, f"{PLACE}: {masked(path)}")


def _lacking(entries: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The entries whose pseudonyms are not known. No value is told in an error."""
    both = pl.concat([known.select(ENTRY.names()), entries.select(ENTRY.names())]).unique()
    twice = both.height - both.select(_WHICH).unique().height
    if twice:
        raise SinkError(
            f"{PLACE}: {twice} pseudonyms would stand for two values each; take form: text, whose pseudonyms have 128 "
            "bits"
        )
    return entries.unique(maintain_order=True).join(known, on=_WHICH, how="anti")


def _open(path: str) -> Any:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    whole = storage_path(path)
    options = delta_options(whole)
    try:
        return DeltaTable(whole, storage_options=options) if DeltaTable.is_deltatable(whole, options) else None
    except (DeltaError, OSError) as error:
        raise SinkError(f"{PLACE}: {masked(path)} cannot be read ({masked(one_line(error))})") from None


def _rows(path: str, table: Any) -> pl.DataFrame:
    names = [field.name for field in table.schema().fields]
    if not set(COLUMNS) <= set(names):
        raise TargetError(f"{PLACE}: {masked(path)} is a table, but not a vault; choose another path")
    try:
        arrow = table.to_pyarrow_dataset().to_table(columns=list(COLUMNS), use_threads=False)
    except OSError as error:
        raise SinkError(f"{PLACE}: {masked(path)} cannot be read ({masked(one_line(error))})") from None
    return pl.DataFrame(pl.from_arrow(arrow)).cast(COLUMNS)
