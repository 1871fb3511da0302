"""Tables to which Spark did all that readers must heed, read without it: the rows are those that Spark reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from genspark.errors import SourceError
from genspark.readers import TrainingTable

ROWS = "CAST(id AS INT) AS id, id / 2 AS x, IF(id % 3 = 0, 'a b', 'mon') AS day"


def create(spark: Any, path: str, **features: str) -> str:
    """A table of 500 rows, partitioned by day."""
    table = f"delta.`{path}`"
    properties = ", ".join(f"'delta.{name.replace('__', '.')}' = '{value}'" for name, value in features.items())
    columns = "id INT, x DOUBLE, day STRING"
    spark.sql(f"CREATE TABLE {table} ({columns}) USING delta PARTITIONED BY (day) TBLPROPERTIES ({properties})")
    spark.sql(f"INSERT INTO {table} SELECT /*+ COALESCE(1) */ {ROWS} FROM range(500)")
    return table


def same_rows(spark: Any, path: str) -> int:
    """Hold the rows that a reader gives to those that Spark reads, and return their number."""
    expected = {row["id"]: row.asDict() for row in spark.read.format("delta").load(path).collect()}
    seen = {}
    for batch in TrainingTable(path).reader(global_batch_size=40, seed=3):
        for place in np.flatnonzero(batch.pop("_mask")):
            row = {name: values[place] for name, values in batch.items()}
            seen[int(row["id"])] = {name: None if value != value else value for name, value in row.items()}
    assert seen == expected
    return len(seen)


@pytest.mark.classic
@pytest.mark.exhaustive
def test_deletions_mapped_columns_and_checkpoints_of_version_2(spark, tmp_path):
    path = str(tmp_path / "t")
    features = {"enableDeletionVectors": "true", "columnMapping__mode": "name"}
    table = create(spark, path, **features, checkpointPolicy="v2", checkpointInterval="2")
    spark.sql(f"ALTER TABLE {table} RENAME COLUMN x TO half")
    spark.sql(f"DELETE FROM {table} WHERE id % 7 = 2")
    assert list((tmp_path / "t" / "_delta_log").glob("*.checkpoint.*"))
    assert same_rows(spark, path) == 500 - 72
    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true')")
    # Deltalake knows either feature alone.
    with pytest.raises(SourceError, match="deletion vectors cannot be read .*DROP FEATURE deletionVectors"):
        TrainingTable(path)


@pytest.mark.classic
@pytest.mark.exhaustive
def test_widened_and_added_columns(spark, tmp_path):
    path = str(tmp_path / "t")
    table = create(spark, path, enableTypeWidening="true", enableDeletionVectors="false")
    spark.sql(f"ALTER TABLE {table} ALTER COLUMN id TYPE BIGINT")
    spark.sql(f"ALTER TABLE {table} ADD COLUMN late DOUBLE")
    spark.sql(f"INSERT INTO {table} VALUES (8000000000, 1.5, 'mon', 2.5)")
    assert same_rows(spark, path) == 501
