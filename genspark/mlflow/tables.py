"""A version of a table as a dataset of MLflow: where it is, its schema, and a digest that names table and version."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from genspark.errors import SourceError, first_line
from genspark.mlflow.package import package, part
from genspark.sinks.contents import Contents, contents
from genspark.storage.catalogs import place_of
from genspark.storage.files import storage_path
from genspark.storage.object_stores import delta_options
from genspark.storage.secrets import masked

_TYPES = {
    **dict.fromkeys(("bigint", "int64", "long", "uint32"), "long"),
    **dict.fromkeys(("int", "int8", "int16", "int32", "smallint", "tinyint", "uint8", "uint16"), "integer"),
    **dict.fromkeys(("double", "float64"), "double"),
    **dict.fromkeys(("float", "float32"), "float"),
    **dict.fromkeys(("string", "str", "utf8"), "string"),
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    "binary": "binary",
    **dict.fromkeys(("date", "datetime", "timestamp", "timestamp_ntz"), "datetime"),
}
"""MLflow's types by the names that Polars and Spark have for them, in lower case. Of others it is told: any value."""


def dataset(table: str, version: int | None = None, *, name: str | None = None) -> Any:
    """A version of a table, the newest unless one is given, as MLflow's `Dataset`, called by the table's folder.

    Only its log is read. Raises SourceError where there is no table, ConfigError where MLflow is not installed.
    """
    place = place_of(str(table)).rstrip("/")
    where = storage_path(place)
    is_delta, there = _contents(where, version)
    of = _id_of(where) if is_delta else where
    digest = f"{there.version}-{hashlib.sha256(of.encode()).hexdigest()[:8]}"
    return part("data.meta_dataset").MetaDataset(
        source=_source(masked(where), there.version, is_delta=is_delta),
        name=name or where.rpartition("/")[2],
        digest=digest,
        schema=schema(there.columns),
    )


def log_table(table: str, version: int | None = None, *, context: str = "training") -> Any:
    """Log a version of a table as an input of MLflow's active run, and return its dataset. Raises as `dataset` does."""
    found = dataset(table, version)
    package().log_input(found, context=context)
    return found


def schema(columns: Mapping[str, str]) -> Any:
    """MLflow's schema of columns by their types as text."""
    types = part("types.schema")
    specs = []
    for name, text in columns.items():
        kind = text.split("(")[0].lower()
        known = types.DataType[_TYPES[kind]] if kind in _TYPES else types.AnyType()
        specs.append(types.ColSpec(known, name=name, required=False))
    return types.Schema(specs)


def _contents(where: str, version: int | None) -> tuple[bool, Contents]:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        is_delta = DeltaTable.is_deltatable(where, delta_options(where))
        return is_delta, contents("delta" if is_delta else "parquet", where, version if is_delta else None)
    except (DeltaError, OSError, ValueError) as error:
        raise SourceError(f"{where}: there is no table that can be read ({first_line(error)})") from None


def _id_of(where: str) -> str:
    from deltalake import DeltaTable

    return str(DeltaTable(where, storage_options=delta_options(where)).metadata().id)


def _source(where: str, version: int, *, is_delta: bool) -> Any:
    if is_delta:
        return part("data.delta_dataset_source").DeltaDatasetSource(path=where, delta_table_version=version)
    return part("data.dataset_source_registry").resolve_dataset_source(where)
