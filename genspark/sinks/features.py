"""Features of a Delta table that its writers must heed, for writers that add files to its log without Spark."""

from __future__ import annotations

import json
from typing import Any

from genspark.errors import TargetError

# Of these, the rows and their columns know nothing, or `only_spark_heeds` looks closer.
_HARMLESS = {
    "appendOnly",
    "changeDataFeed",
    "checkConstraints",
    "columnMapping",
    "deletionVectors",
    "generatedColumns",
    "invariants",
    "timestampNtz",
    "v2Checkpoint",
    "vacuumProtocolCheck",
}
_COMPUTED = ("delta.generationExpression", "delta.identity.start", "delta.invariants")


class NeedsSparkError(TargetError):
    """A table has features that writers must heed and only Spark does."""


def only_spark_heeds(table: Any) -> list[str]:
    """Features and rules of a deltalake table that a writer must heed and that only Spark does; often none."""
    properties = table.metadata().configuration
    rules = [
        f"the constraint {name.removeprefix('delta.constraints.')} ({rule})"
        for name, rule in properties.items()
        if name.startswith("delta.constraints.")
    ]
    if properties.get("delta.columnMapping.mode", "none") != "none":
        rules.append("mapped column names")
    fields = json.loads(table.schema().to_json())["fields"]
    rules += [f"a rule for column {f['name']!r}" for f in fields if any(name in f["metadata"] for name in _COMPUTED)]
    features = set(table.protocol().writer_features or ())
    return rules + [f"the table feature {feature}" for feature in sorted(features - _HARMLESS)]
