"""How well persons hide in a table that a run has written, by the columns that its job names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genspark.columns.dtypes import Schema
from genspark.config import JobConfig
from genspark.errors import SchemaError, first_line
from genspark.job.fairness import absent
from genspark.job.phases import Phases
from genspark.job.runners.base import Runner
from genspark.tables.anonymity import Wanted, measure


def check_hiding(config: JobConfig, result: Schema) -> None:
    """Raise SchemaError, before any work, for columns to measure by that the table will not have."""
    section = config.audit
    if section is None:
        return
    problems = absent([*(("quasi", name) for name in section.quasi), ("sensitive", section.sensitive)], result)
    if problems:
        raise SchemaError(problems)


def measured(config: JobConfig, runner: Runner, phases: Phases) -> Mapping[str, Any] | None:
    """k, l and t of the written table, by one scan of the columns that are named; None where none is.

    The table stands, whatever becomes of it: where it cannot be measured a note says why.
    """
    section = config.audit
    if section is None or not section.quasi:
        return None
    runner.passes["audit"] += 1
    try:
        with phases.phase("audit", "measuring classes"):
            return measure(runner.target.path, Wanted(tuple(dict.fromkeys(section.quasi)), section.sensitive))
    except Exception as error:  # whatever goes wrong here, the table is written
        phases.note(f"audit: how persons hide in the table is not told ({first_line(error)})")
        return None
