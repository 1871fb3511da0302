"""The audit of a table that a run has written, by the groups that the job names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import narwhals as nw

from genspark.columns.dtypes import Schema, is_text
from genspark.config import JobConfig
from genspark.config.trust import Audit
from genspark.errors import SchemaError, did_you_mean, first_line
from genspark.job.phases import Phases
from genspark.job.runners.base import Runner
from genspark.statistics.groups import check_by
from genspark.tables.audit import Asked, audit_of
from genspark.tables.runs import runs_of_job


def check_audit(config: JobConfig, result: Schema) -> None:
    """Raise SchemaError, before any work, for columns of the section `audit` that the table will not have.

    So it is where their type tells that the outcome which is counted is missing, or is none of their values.
    """
    section = config.audit
    if section is None or not section.groups:
        return
    outcomes = [("label", section.label), ("prediction", section.prediction)]
    problems = absent([*(("groups", name) for name in section.groups), *outcomes], result)
    problems = problems or _outcomes(section, result)
    if problems:
        raise SchemaError(problems)
    check_by(section.groups, result, "audit.groups")


def absent(named: Iterable[tuple[str, str | None]], result: Schema) -> list[str]:
    """What is wrong with columns of the section `audit`, each after its key, that the table will not have."""
    return [
        f"audit.{place}: {name!r} is not a column of the table{did_you_mean(name, result)}"
        for place, name in named
        if name is not None and name not in result
    ]


def _outcomes(section: Audit, result: Schema) -> list[str]:
    """What the types of label and prediction tell of the outcome that is counted: it is not said, or is no value."""
    problems = []
    for place, name in (("label", section.label), ("prediction", section.prediction)):
        if name is None:
            continue
        dtype, positive = result[name], section.positive
        is_value = not (
            (dtype == nw.Boolean and positive not in ("true", "false", None))
            or (dtype.is_integer() and re.fullmatch(r"-?\d+", positive or "1") is None)
        )
        if is_text(dtype) and positive is None:
            problems.append(f"audit.positive: say which outcome is counted; {name!r}, the {place}, is text")
        elif not is_value:
            problems.append(f"audit.positive: {positive!r} is no value of {name!r}, the {place}, which is {dtype}")
    return problems


def audited(
    config: JobConfig, runner: Runner, phases: Phases, version: int
) -> tuple[Mapping[str, Any] | None, Sequence[str]]:
    """How groups of the rows in the written version fare, by one scan of them; None without `audit.groups`.

    The table stands, whatever becomes of it: where it cannot be audited a sentence says why.
    """
    section = config.audit
    if section is None or not section.groups:
        return None, ()
    asked = Asked(
        section.groups,
        section.label,
        section.prediction,
        section.positive,
        section.floor,
        dict(section.reference),
        place="audit.",
    )
    runner.passes["audit"] += 1
    try:
        with phases.phase("audit", "auditing groups"):
            runs = runs_of_job(config).with_written(runner.run_id, version, config.sink.mode, runner.model_path)
            return audit_of(runs, asked), ()
    except Exception as error:  # whatever goes wrong here, the table is written
        return None, [f"audit: the groups of the table are not told ({first_line(error)})"]
