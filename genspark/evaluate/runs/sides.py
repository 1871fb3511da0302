"""The rows to be scored: a section of the YAML opened on an engine, with what is known of where they are from."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from genspark.config import Side
from genspark.engines.fate import CORRUPT, FILE, RECORD
from genspark.errors import DataError, SourceError, did_you_mean
from genspark.evaluate import parts
from genspark.sinks.history import Entry
from genspark.sources.formats import format_of
from genspark.sources.source import paths_of
from genspark.storage.files import storage_path
from genspark.storage.object_stores import delta_options
from genspark.storage.secrets import masked_texts
from genspark.storage.sizes import counted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Rows:
    """Rows of one side. `facts` tell where they are from: of a Delta table its version, and the run that wrote it."""

    frame: Any
    facts: Mapping[str, Any]

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return parts.columns_of(self.frame)


def opened(side: Side, place: str, spark: SparkSession | None) -> Rows:
    """The rows of a side, not read yet. Raises SourceError that names `place`, DataError for corrupt records."""
    from genspark.sources import find_dataset, scan

    try:
        if spark is None:
            dataset = find_dataset(side)
            frame: Any = scan(dataset)
            description = dataset.description
        else:
            from genspark.sources import on_spark

            read = on_spark.read(spark, side)
            frame, description = read.frame, read.description
    except SourceError as error:
        raise SourceError(str(error).replace("source.", f"{place}.")) from None
    facts = {"path": masked_texts(side.path), "format": side.format, **_facts(side, description)}
    return Rows(_chosen(_without_corrupt(frame, side, place), side.where, place), facts)


def given(frame: Any) -> Rows:
    """Rows that a caller has, or the path of a Delta table."""
    if isinstance(frame, str | Path):
        return opened(Side(path=str(frame), format="delta"), "rows", None)
    import polars as pl

    if parts.is_spark(frame) or isinstance(frame, pl.LazyFrame):
        return Rows(frame, {})
    return Rows(pl.DataFrame(frame).lazy(), {})


def _facts(side: Side, description: Mapping[str, Any]) -> dict[str, Any]:
    """The version of what is read, what chose from it, and of a table of genspark the run and the model behind it."""
    found = {"version": description.get("version")}
    if side.where:
        found["where"] = dict(side.where)
    if not format_of(side.format).is_versioned or len(paths_of(side)) > 1 or not isinstance(found["version"], int):
        return found
    run = _run_behind(paths_of(side)[0], found["version"])
    return {**found, **{name: run[name] for name in ("run_id", "job", "model_sha256") if name in run}}


def _run_behind(path: str, version: int) -> Mapping[str, Any]:
    """What the last run of genspark up to a version told of itself; nothing where there is none."""
    import deltalake
    from deltalake.exceptions import DeltaError

    place = storage_path(path)
    try:
        history = deltalake.DeltaTable(place, storage_options=delta_options(place)).history()
    except (DeltaError, OSError):
        return {}
    entries = (Entry.of(commit) for commit in history if commit["version"] <= version)
    return next((entry.run for entry in entries if "run_id" in entry.run), {})


def _without_corrupt(frame: Any, side: Side, place: str) -> Any:
    """The rows without the hidden columns. Raises DataError where records of text could not be read.

    Images keep their bytes, and are counted where they are decoded.
    """
    there = parts.columns_of(frame)
    hidden = [name for name in (CORRUPT, FILE, RECORD) if name in there]
    if CORRUPT in there and not format_of(side.format).holds_images:
        broken = parts.narwhals_of(frame).select(CORRUPT).filter(~nw.col(CORRUPT).is_null())
        counted_rows = broken.select(nw.len().alias("n"), nw.col(CORRUPT).min()).collect(backend="pyarrow").to_native()
        count, first = counted_rows["n"][0].as_py(), counted_rows[CORRUPT][0].as_py()
        if count:
            raise DataError(
                f"{place}.path: {counted(count, 'record')} cannot be read, such as {first[:60]!r}; "
                "genspark run quarantines such: evaluate the table that it writes"
            )
    return frame.drop(*hidden) if hidden else frame


def _chosen(frame: Any, where: Mapping[str, Any], place: str) -> Any:
    if not where:
        return frame
    there = parts.columns_of(frame)
    for name in where:
        if name not in there:
            raise SourceError(f"{place}.where: there is no column {name!r}{did_you_mean(name, there)}")
    chosen = functools.reduce(operator.and_, (nw.col(name) == value for name, value in where.items()))
    return nw.to_native(parts.narwhals_of(frame).filter(chosen))
