"""The quarantine: rejected rows as they were read, each with its reasons, and a row for each shard left out.

A Delta table, whatever the sink's format: runs append to it, and it grows columns where a run brings new ones.
Its columns are the row's own as they were read, under the names of `own_names`, and beside them:

- `_corrupt_record`, string: the record's text, or why a shard cannot be read; null for other rows. Absent where
  neither the source nor a shard left out can give one.
- `_file`, string: the URI of the row's file, or of the shard. Absent where the source does not know.
- `_reasons`, a list of structs (`step`, `column`, `rule`: strings; `value`, `threshold`: doubles in the units that the
  step saw): one for each rule of the step that the row broke first.
- `_run_id`, string.

How rows get there: each engine marks the rows as the model's steps meet them (`marked`). On Polars, `on_polars`, the
pass that writes the table sets those aside that are marked, and judges these few once more for their reasons. On
Spark, `on_spark`, which cannot write two tables in one pass, a pass of its own filters and writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from genspark.columns.expressions import HIDDEN
from genspark.engines.fate import CORRUPT, CORRUPT_SHARD, FILE
from genspark.pipeline.model import PipelineModel
from genspark.sinks import names
from genspark.sinks.names import held_names
from genspark.storage.stores import absolute, file_uri

TEXT, FILE_URI, REASON_LIST, RUN = names.TEXT, names.FILE_URI, names.REASON_LIST, names.RUN
PLACE = "quarantine.path"

ROW = f"{HIDDEN}row"
"""The hidden column with a row as it was read, while the steps change it."""

READ_AS = {TEXT: CORRUPT, FILE_URI: FILE}
"""Columns of the quarantine that a source gives under a hidden name, if it can."""


def own_names(columns: Iterable[str]) -> dict[str, str]:
    """The name of each source column in the quarantine: its own, or one like it where no table can hold that."""
    return held_names(columns, (TEXT, FILE_URI, REASON_LIST, RUN))


def renamed_columns(columns: Iterable[str]) -> dict[str, Any]:
    """The entry of a commit's metadata for columns that the quarantine renames: new name -> name in the source."""
    changed = {new: old for old, new in own_names(columns).items() if new != old}
    return {"renamed": changed} if changed else {}


def may_get_rows(model: PipelineModel) -> bool:
    """Whether some step may send a row to the quarantine."""
    steps = zip(model.steps, model.parameters, strict=True)
    return any(rule.action == "quarantine" for step, learnt in steps for rule in step.rejections(learnt))


def rows_of_shards(left_out: Mapping[str, str], run_id: str) -> list[dict[str, Any]]:
    """The rows for shards left out (path -> cause), with their paths and causes and no values of the source."""
    step, column, rule = CORRUPT_SHARD
    why = [{"step": step, "column": column, "rule": rule, "value": None, "threshold": None}]
    return [
        {TEXT: cause, FILE_URI: file_uri(absolute(path)), REASON_LIST: why, RUN: run_id}
        for path, cause in left_out.items()
    ]
