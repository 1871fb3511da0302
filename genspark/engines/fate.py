"""Fates of rows in a job (kept, dropped or quarantined, and why), under the names that all engines use.

`PipelineModel.transform` removes rejected rows at once. A job may lose none: each row that goes is
counted in the pass that writes the others, and goes to the quarantine with its reasons if it is to.
"""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw

from genspark.columns.expressions import HIDDEN
from genspark.steps.rejection import Rejection

FATE = f"{HIDDEN}fate"
"""Integer: what becomes of the row, one of the three below."""
KEPT, DROPPED, QUARANTINED = 0, 1, 2

REASONS = f"{HIDDEN}reasons"
"""Array of structs (step, column, rule, value, threshold): why a row is quarantined."""

CORRUPT = f"{HIDDEN}corrupt"
"""String: the text of a record that could not be read, or what is wrong with it; null for every other row."""

FILE = f"{HIDDEN}file"
"""String, on Polars one of an Enum: the URI of the file that a row was read from."""

RECORD = f"{HIDDEN}record"
"""Integer: the number, from 0, of the record that a row is in its file; corrupt records count."""

CORRUPT_SHARD = ("source", None, "corrupt shard")
"""The step, the column and the rule of the reason for a shard that was left out; its row has no values."""

CORRUPT_RECORD = ("source", None, "corrupt record")
"""The step, the column and the rule of the reason that a corrupt record is quarantined for."""


def judgement_columns(rules: Sequence[Rejection]) -> list[tuple[str, str, Rejection]]:
    """The hidden columns of each rule: (is it broken, value checked, rule)."""
    return [(f"{HIDDEN}broken_{i}", f"{HIDDEN}value_{i}", rule) for i, rule in enumerate(rules)]


def judgements(rules: Sequence[Rejection]) -> dict[str, nw.Expr]:
    """The expressions of the columns that `judgement_columns` names."""
    return {
        n: e
        for broken, value, rule in judgement_columns(rules)
        for n, e in ((broken, rule.predicate), (value, rule.value))
    }
