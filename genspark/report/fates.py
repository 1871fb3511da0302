"""What each step did to each group: the first rows of the source, followed through the model's steps and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import polars as pl

from genspark.columns.expressions import HIDDEN
from genspark.engines import engine_for
from genspark.errors import SourceError, did_you_mean, first_line
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.personal import personal_columns
from genspark.report.steps import NOT_TO_BE_HAD, Read, collected, source_rows
from genspark.steps.judge import Judge
from genspark.steps.learner import Parameters
from genspark.steps.rejection import Counted
from genspark.tables.grouping import MOST_GROUPS, group_names

GROUP = f"{HIDDEN}group"


@dataclass
class Fates:
    """Counts by step, what it did, and group; `before` is the hook by which the rows are seen as steps see them.

    `rows` are those of each group as read, `did` has for each (step, what) the counts of groups that are not 0.
    """

    rows: dict[str, int]
    did: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)

    def before(self, frame: Any, step: Judge, parameters: Parameters) -> Any:
        """The rows that the step keeps; what it does to the others, and to these, is counted by group."""
        rejections = [rule for rule in step.rejections(parameters) if rule.action != "error"]
        counts = step.counts(parameters)
        counted = [(Counted.of(what).label, predicate) for what, some in counts.items() for predicate in some]
        counted += [(_rule(rule.column, rule.rule, rule.action), rule.predicate) for rule in rejections]
        goes = nw.lit(value=False)
        for rule in rejections:
            goes = goes | rule.predicate.fill_null(value=False)
        if not counted:
            return frame
        names = [f"{HIDDEN}counted_{number}" for number in range(len(counted))]
        marked = frame.with_columns(
            *(predicate.fill_null(value=False).alias(name) for name, (_, predicate) in zip(names, counted, strict=True))
        )
        kept = frame if not rejections else frame.filter(~goes)
        sums = collected(marked.select(GROUP, *names)).group_by(GROUP).agg(pl.col(names).cast(pl.Int64).sum())
        for group, *numbers in sums.select(GROUP, *names).iter_rows():
            for (what, _), count in zip(counted, numbers, strict=True):
                found = self.did.setdefault((step.told_as, what), {})
                if count:
                    found[group] = found.get(group, 0) + count
        return nw.from_native(collected(kept).lazy())

    def told(self) -> list[dict[str, Any]]:
        """The counts as plain JSON, in the order of the steps; what was done to no row is left out."""
        return [
            {
                "step": step,
                "what": what,
                "groups": {
                    group: {"count": count, "share": count / self.rows[group]} for group, count in sorted(some.items())
                },
            }
            for (step, what), some in self.did.items()
            if some
        ]


def fates_of(table: str, groups: Sequence[str], read: Read = source_rows) -> dict[str, Any]:
    """What the steps of the last run that wrote a table did to each group, on the first rows of its source as it is.

    Shares are of the group's rows as they were read, and its values are those of the source. Where job, model or
    source are not to be had, or have not the columns of the groups, `note` says why.
    """
    try:
        return followed_by_group(*read(table), groups)
    except NOT_TO_BE_HAD as error:
        return {"rows": 0, "steps": [], "note": f"what each step did to each group cannot be told: {first_line(error)}"}


def followed_by_group(model: PipelineModel, frame: pl.DataFrame, groups: Sequence[str]) -> dict[str, Any]:
    """Follow a frame through a model's steps.

    Raises SourceError for groups that it has not, or too many of them, and for those whose values a step hides.
    """
    absent = [name for name in groups if name not in frame.columns]
    if absent:
        raise SourceError(
            f"{absent[0]!r} is not a column of the source{did_you_mean(absent[0], frame.columns)}; a step makes it"
        )
    personal = personal_columns(model.steps)
    hidden = [name for name in groups if name in personal]
    if hidden:
        raise SourceError(f"{hidden[0]!r} tells of persons as it is read, and a step hides it; group by another column")
    frame = frame.with_columns(group_names(groups).alias(GROUP))
    rows = dict(frame.group_by(GROUP).len().sort(GROUP).iter_rows())
    if len(rows) > MOST_GROUPS:
        raise SourceError(f"{', '.join(groups)} make more than {MOST_GROUPS:,} groups in the source")
    engine, wrapped = engine_for(frame.lazy())
    fates = Fates(rows)
    model.check(wrapped.collect_schema())
    wrapped = engine.with_draws(wrapped, model.key, model.draws())
    collected(model.apply(engine, wrapped, fates.before))
    return {"rows": frame.height, "steps": fates.told(), "note": ""}


def _rule(column: str | None, rule: str, action: str) -> str:
    where = f"{column}: " if column else ""
    return f"{where}{rule} ({'quarantined' if action == 'quarantine' else 'dropped'})"
