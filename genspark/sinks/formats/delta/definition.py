"""The definition of a Delta table in its log: its protocol, and its columns, partitioning and properties."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

_LISTS_WRITER_FEATURES, _LISTS_READER_FEATURES = 7, 3
"""The versions from which a protocol lists its features."""
_IMPLIED = {
    2: {"appendOnly", "invariants"},
    3: {"checkConstraints"},
    4: {"changeDataFeed", "generatedColumns"},
    5: {"columnMapping"},
    6: {"identityColumns"},
}
"""The features that came with each version before."""


@dataclass(frozen=True)
class Definition:
    """The actions `protocol` and `metaData` of a log."""

    protocol: Mapping[str, Any]
    metadata: Mapping[str, Any]

    @classmethod
    def new(cls, schema: Any, partition_by: Sequence[str], properties: Mapping[str, str]) -> Definition:
        """The definition of a new table of deltalake's `schema`, as deltalake makes it. Raises DeltaError."""
        from deltalake import DeltaTable

        with tempfile.TemporaryDirectory(prefix="genspark-") as folder:
            DeltaTable.create(
                folder,
                schema,
                partition_by=list(partition_by),
                configuration=dict(properties),
                raise_if_key_not_exists=False,
            )
            log = Path(folder, "_delta_log", f"{0:020}.json").read_text(encoding="utf-8")
        actions = {name: body for line in log.splitlines() for name, body in json.loads(line).items()}
        return cls(actions["protocol"], actions["metaData"])

    @classmethod
    def of(cls, table: Any) -> Definition:
        """The definition of a deltalake table."""
        protocol, metadata = table.protocol(), table.metadata()
        versions = {
            "minReaderVersion": protocol.min_reader_version,
            "minWriterVersion": protocol.min_writer_version,
            "readerFeatures": protocol.reader_features,
            "writerFeatures": protocol.writer_features,
        }
        return cls(
            {name: value for name, value in versions.items() if value is not None},
            {
                "id": metadata.id,
                "name": metadata.name,
                "description": metadata.description,
                "format": {"provider": "parquet", "options": {}},
                "schemaString": table.schema().to_json(),
                "partitionColumns": metadata.partition_columns,
                "createdTime": metadata.created_time,
                "configuration": metadata.configuration,
            },
        )

    def changed(self, schema: Any, partition_by: Sequence[str], properties: Mapping[str, str]) -> Definition:
        """The same table with these columns, partitioning and properties; what its protocol demands, it still does."""
        new = Definition.new(schema, partition_by, properties)
        kept = {name: self.metadata[name] for name in ("id", "name", "description", "createdTime")}
        return Definition(_union(self.protocol, new.protocol), {**new.metadata, **kept})

    def actions(self, before: Definition | None) -> list[dict[str, Any]]:
        """The actions of a commit that makes this of the definition before; those that change nothing are left out."""
        actions = []
        if before is None or self.protocol != before.protocol:
            actions.append({"protocol": self.protocol})
        if before is None or _told(self.metadata) != _told(before.metadata):
            actions.append({"metaData": self.metadata})
        return actions


def definition_actions(
    now: Any, schema: Any, by: tuple[str, ...], properties: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The actions that give a table these columns, partitioning and properties; none where it has them."""
    if now is None:
        return Definition.new(schema, by, properties).actions(None)
    metadata = now.metadata()
    is_so = (schema, list(by), properties) == (now.schema(), metadata.partition_columns, metadata.configuration)
    before = Definition.of(now)
    return [] if is_so else before.changed(schema, by, properties).actions(before)


def merged_schema(there: Any, here: Any) -> Any:
    """The columns of a table after those that rows bring are added."""
    from deltalake import Schema

    known = {field.name for field in there.fields}
    return Schema([*there.fields, *(field for field in here.fields if field.name not in known)])


def schema_of(schema: pl.Schema) -> Any:
    """The deltalake schema of rows in Polars' types."""
    from deltalake import Schema

    arrow = pl.DataFrame(schema=schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    return Schema.from_arrow(arrow)


def types_of(schema: Any) -> dict[str, str]:
    """The type of each column as text, the same whether or not it allows nulls inside."""
    types = {field.name: field.type.to_json().strip('"') for field in schema.fields}
    return {
        name: re.sub(r'("containsNull"|"valueContainsNull"|"nullable"):false', r"\1:true", types[name])
        for name in types
    }


def _told(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {**metadata, "schemaString": json.loads(metadata["schemaString"])}


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """The protocol that demands what either does; `one` itself where that is all."""
    reader, writer = (max(one[name], other[name]) for name in ("minReaderVersion", "minWriterVersion"))
    union: dict[str, Any] = {"minReaderVersion": reader, "minWriterVersion": writer}
    if writer == _LISTS_WRITER_FEATURES:
        union["writerFeatures"] = sorted(_writer_features(one) | _writer_features(other))
    if reader == _LISTS_READER_FEATURES:
        union["readerFeatures"] = sorted(_reader_features(one) | _reader_features(other))
    is_one = {**one, **{name: sorted(one[name]) for name in one if name.endswith("Features")}} == union
    return one if is_one else union


def _writer_features(protocol: Mapping[str, Any]) -> set[str]:
    if protocol["minWriterVersion"] == _LISTS_WRITER_FEATURES:
        return set(protocol.get("writerFeatures") or ())
    return {name for version, names in _IMPLIED.items() if version <= protocol["minWriterVersion"] for name in names}


def _reader_features(protocol: Mapping[str, Any]) -> set[str]:
    # A reader of version 2 is one that knows mapped columns.
    return set(protocol.get("readerFeatures") or (["columnMapping"] if protocol["minReaderVersion"] == 2 else ()))
