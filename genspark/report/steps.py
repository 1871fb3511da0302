"""What each step did: the columns of the source binned before the steps, and after each that changed them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import polars as pl

from genspark import job
from genspark.engines import engine_for
from genspark.errors import GensparkError, first_line
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.passes import apply_steps, columns_read
from genspark.report.bins import Tally, shape_of
from genspark.sources import find_dataset, scan
from genspark.storage import access
from genspark.tables.hiding import hidden_in

ROWS = 200_000
"""Rows of the source that are followed through the steps, at most: the first ones."""
MOST_COLUMNS = 24
NOT_TO_BE_HAD = (GensparkError, pl.exceptions.PolarsError, OSError)
"""What is raised where job, model or source are gone, or do not fit each other."""
Read = Callable[[str], tuple[PipelineModel, pl.DataFrame]]
"""What reads the rows that are followed, such as `source_rows`."""


@dataclass
class Followed:
    """A column through the steps: what was counted of it as read, and after each step that changed it."""

    column: str
    stages: list[tuple[str, Tally]] = field(default_factory=list)


@dataclass(frozen=True)
class Steps:
    """The rows that were followed, how many were left after each step, and the columns that steps changed."""

    rows: int
    left: Sequence[tuple[str, int]]
    columns: Sequence[Followed]
    note: str = ""


def source_rows(table: str) -> tuple[PipelineModel, pl.DataFrame]:
    """The model of the last run that wrote a table, and the first rows of its source as it is now."""
    config, model = job.recorded_job(table)
    with access.using(config.storage):
        return model, scan(find_dataset(config.source), corrupt=False).head(ROWS).collect(engine="streaming")


def steps_of(table: str, read: Read = source_rows) -> Steps:
    """The steps of the last run that wrote a table, on the first rows of its source as it is now.

    Where job, model or source are not to be had, a note says why.
    """
    try:
        return followed(*read(table))
    except NOT_TO_BE_HAD as error:
        return Steps(0, (), (), f"The steps cannot be shown: {first_line(error)}")


def followed(model: PipelineModel, frame: pl.DataFrame) -> Steps:
    """Follow the columns of a frame through a model's steps."""
    model.check(nw.from_native(frame).schema)
    engine, wrapped = engine_for(frame.lazy())
    wrapped = engine.with_draws(wrapped, model.key, model.draws())
    wrapped = engine.without_nan(wrapped, columns_read(model.steps))
    hidden = hidden_in([step.to_json() for step in model.steps])
    changed = {name for step in model.steps for name in step.writes()}
    columns = {
        name: Followed(name, [("as read", _tally(frame[name]))])
        for name in frame.columns
        if name in changed
        and (frame.schema[name].is_numeric() or frame.schema[name] == pl.String)
        and not hidden.hides(name, is_text=frame.schema[name] == pl.String)
    }
    left = []
    for place, (step, parameters) in enumerate(zip(model.steps, model.parameters, strict=True), start=1):
        label = f"{place}. {step.told_as}"
        native = collected(apply_steps(engine, wrapped, [(step, parameters)], engine.before))
        wrapped = nw.from_native(native.lazy())
        if step.filters:
            left.append((label, native.height))
        for name, found in columns.items():
            if name in native.columns and (name in step.writes() or (step.filters and name in step.reads())):
                found.stages.append((label, _tally(native[name])))
    shown = [one for one in columns.values() if len(one.stages) > 1][:MOST_COLUMNS]
    return Steps(frame.height, left, shown)


def collected(frame: Any) -> pl.DataFrame:
    """The rows of a lazy narwhals frame."""
    native: pl.LazyFrame = nw.to_native(frame)
    return native.collect(engine="streaming")


def _tally(values: pl.Series) -> Tally:
    tally = Tally(shape_of([values]))
    if tally.shape.is_counted:
        tally.add(values)
    return tally
