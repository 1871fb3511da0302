"""Jobs whose tables are named in a catalog: they run on the places of these, and new tables get their names last."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from genspark.config import JobConfig
from genspark.config.beside import Ledger
from genspark.config.job import LEDGER_SUFFIX, QUARANTINE_SUFFIX
from genspark.config.section import Section
from genspark.config.sections import Quarantine
from genspark.errors import PlanError
from genspark.session import is_running, reach
from genspark.session.catalogs import with_catalog
from genspark.sources.formats import format_of
from genspark.sources.source import paths_of
from genspark.storage import access, catalogs
from genspark.storage.catalogs import beside, is_name
from genspark.storage.files import is_uri, storage_path
from genspark.storage.object_stores import delta_options

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Naming:
    """A job as it is to run: `config` has places for names. `names` are those that tables are to have, with places."""

    config: JobConfig
    spark: SparkSession | None
    names: dict[str, str] = field(default_factory=dict)

    def register(self) -> None:
        """Let the catalog know what was written, by its names. Raises StoreError."""
        with access.using(self.config.storage):
            for name, place in self.names.items():
                assert self.spark is not None
                if place == self.config.sink.path or _is_there(place):
                    catalogs.register(self.spark, name, place)


def named(config: JobConfig, spark: SparkSession | None) -> Naming:
    """The job with places for names, which a session tells; a job without names as it is.

    Raises PlanError where engine polars would have to start one, SessionError where the catalog's server is silent, and
    StoreError for names that the catalog has no use for.
    """
    section = config.sink
    asked = [section.path, *(part.path for part in (config.quarantine, config.ledger) if part)]
    asked += paths_of(config.source) if format_of(config.source.format).is_versioned else []
    given = [path for path in asked if is_name(path)]
    if not given:
        return Naming(config, spark)
    if config.engine == "polars" and spark is None and not is_running():
        raise PlanError(
            f"engine: polars cannot look up {given[0]}, a name in a catalog; set engine: spark, start a Spark session "
            f"before, give the table's path, or write ./{given[0]} for a folder of that name"
        )
    with access.using(config.storage):
        for name in given:
            spark = with_catalog(name, spark)
        assert spark is not None
        return _on_places(config, spark)


def _on_places(config: JobConfig, spark: SparkSession) -> Naming:
    section = config.sink
    names: dict[str, str] = {}
    if section.location and is_uri(section.location):
        reach(spark, [section.location])
    sink = _place(spark, section.path, section.location)
    changed: dict[str, Section] = {"sink": section.model_copy(update={"path": sink, "location": None})}
    if is_name(section.path):
        names[section.path] = sink
    for part, kind, suffix in (("quarantine", Quarantine, QUARANTINE_SUFFIX), ("ledger", Ledger, LEDGER_SUFFIX)):
        told = getattr(config, part)
        name = told.path if told else beside(section.path, suffix)
        if is_name(name):
            default = None if told else f"{sink.rstrip('/')}{suffix}"
            names[name] = _place(spark, name, default)
            changed[part] = kind(path=names[name])
    return Naming(config.model_copy(update=changed), spark, names)


def _is_there(place: str) -> bool:
    """Whether a table is at a place: a quarantine that got no row is none, nor a ledger that is out of reach."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    path = storage_path(place)
    with contextlib.suppress(DeltaError, OSError):
        return bool(DeltaTable.is_deltatable(path, delta_options(path)))
    return False


def _place(spark: SparkSession, path: str, default: str | None) -> str:
    """The place of a table by its name, or of one that is to be made; any other path as it is."""
    if not is_name(path):
        return path
    return catalogs.found(spark, path) or default or catalogs.new_place(spark, path)
