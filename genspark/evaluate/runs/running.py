"""An evaluation as a whole: rows opened, vectors made once, every score of all rows and of each slice."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from genspark.config import Evaluation, Side
from genspark.config.evaluation import Evaluate
from genspark.errors import ConfigError, DataError
from genspark.evaluate import parts
from genspark.evaluate.features import Extractor
from genspark.evaluate.features.extracting import tally
from genspark.evaluate.features.storing import COLUMN, stored
from genspark.evaluate.runs import ledger, planning, tracking
from genspark.evaluate.runs.results import Asked, Failed, Results, Scored, slice_text
from genspark.evaluate.runs.sides import Rows, given, opened
from genspark.evaluate.runs.slicing import chosen, slices
from genspark.mlflow.package import package
from genspark.storage.scratch import scratch_folder

Phase = Callable[[str], contextlib.AbstractContextManager[Any]]
Sides = Mapping[str, Rows]


def run(config: Evaluation, *, phase: Phase = lambda _: contextlib.nullcontext()) -> Results:
    """Score what a configuration describes, add the scores to its ledger, and return them.

    A score that cannot be taken is among the failed, with the reason; the others are kept. `phase` is entered while
    the work that it names is done. Raises ConfigError for every mistake that can be seen before rows are read,
    SourceError for rows that are not there, and DataError for rows without a vector.
    """
    section = config.evaluate
    asked = planning.asked(section)
    planning.check_extractors(asked)
    if section.mlflow:
        package("evaluate.mlflow")
    spark = _session(config, section)
    named = {"real": section.real, "generated": section.generated}
    sides = {name: opened(side, f"evaluate.{name}", spark) for name, side in named.items() if side is not None}
    results = _results(config.name, section, asked, sides, spark, phase)
    if section.ledger:
        ledger.add(section.ledger, results)
    if section.mlflow:
        tracking.log(section.mlflow, results)
    return results


def score_all(
    generated: Any,
    scores: Sequence[Any],
    *,
    real: Any = None,
    extractor: Extractor | None = None,
    by: str | Sequence[str] = (),
    on_fault: str = "error",
    name: str = "evaluation",
) -> Results:
    """Score frames, or paths of Delta tables, as a configuration would: several scores at once, slices, one extractor.

    `scores` are names, or mappings of one name to its parameters. `by` names columns by whose values every score is
    taken again. Raises as `run` does.
    """
    section = Evaluate(
        real=None if real is None else Side(path="given", format="delta"),
        generated=Side(path="given", format="delta"),
        by=tuple([by] if isinstance(by, str) else by),
        on_fault=on_fault,
        scores=tuple(scores),
    )
    asked = planning.asked(section, extractor)
    planning.check_extractors(asked)
    sides = {side: given(rows) for side, rows in (("real", real), ("generated", generated)) if rows is not None}
    return _results(name, section, asked, sides, None, lambda _: contextlib.nullcontext())


def _results(name: str, section: Evaluate, asked: Sequence[Asked], sides: Sides, spark: Any, phase: Phase) -> Results:
    began, start = dt.datetime.now(dt.UTC), time.perf_counter()
    planning.check_columns(asked, {side: rows.columns for side, rows in sides.items()}, section.by)
    more = {one.place: _more_rows(one, spark) for one in asked}
    _check_more(more, section.by)
    scored: list[Scored] = []
    failed: list[Failed] = []
    notes: list[str] = []
    with contextlib.ExitStack() as stack:
        frames = _frames(asked, sides, section, stack, phase, notes)
        for slice_, rows in _each_slice(frames, section.by):
            for one in asked:
                what = one.metric.name + (f" of {slice_text(slice_)}" if slice_ else "")
                with phase(what):
                    beside = {name: chosen(frame, slice_) for name, frame in more[one.place].items()}
                    found = _score(one, rows[one.extractor], beside, slice_)
                scored += [_with_sides(each, one, sides) for each in found if isinstance(each, Scored)]
                failed += [each for each in found if isinstance(each, Failed)]
    return Results(
        name,
        uuid.uuid4().hex[:12],
        began,
        "polars" if spark is None else "spark",
        {side: rows.facts for side, rows in sides.items()},
        scored,
        failed,
        notes,
        time.perf_counter() - start,
    )


def _score(one: Asked, rows: Mapping[str, Any], more: Mapping[str, Any], slice_: Mapping[str, Any]) -> list[Any]:
    parameters = {**one.parameters, **more}
    if one.extractor is not None:
        parameters |= {"extractor": str(one.extractor), "column": COLUMN}
    try:
        return [Scored(score, slice_) for score in one.metric(rows, **parameters)]
    except DataError as error:
        return [Failed(one.metric.name, slice_, str(error))]


def _with_sides(one: Scored, asked: Asked, sides: Sides) -> Scored:
    told = {side: sides[side].facts for side in asked.metric.sides if sides[side].facts}
    return dataclasses.replace(one, score=dataclasses.replace(one.score, sides=told))


def _each_slice(
    frames: Mapping[Any, Mapping[str, Any]], by: Sequence[str]
) -> Iterator[tuple[dict[str, Any], Mapping[Any, Mapping[str, Any]]]]:
    """All rows, and then each slice: its values, and its rows by extractor and side."""
    yield {}, frames
    if not by:
        return
    of_each = {extractor: slices(rows, by) for extractor, rows in frames.items()}
    for values in dict.fromkeys(values for some in of_each.values() for values in some):
        yield dict(zip(by, values, strict=True)), {extractor: some[values] for extractor, some in of_each.items()}


def _frames(
    asked: Sequence[Asked],
    sides: Sides,
    section: Evaluate,
    stack: contextlib.ExitStack,
    phase: Phase,
    notes: list[str],
) -> dict[Extractor | None, dict[str, Any]]:
    """The frames that scores read, by extractor, None being the rows as they are."""
    plain = {name: rows.frame for name, rows in sides.items()}
    found: dict[Extractor | None, dict[str, Any]] = {None: plain} if any(not one.extractor for one in asked) else {}
    needed: dict[Extractor, dict[str, None]] = {}
    for one in asked:
        if one.extractor is not None:
            needed.setdefault(one.extractor, {}).update(dict.fromkeys(one.metric.sides))
    folder = section.features or (str(stack.enter_context(scratch_folder())) if needed else "")
    for place, (extractor, names) in enumerate(needed.items()):
        inside = folder if len(needed) == 1 else f"{folder}/{place}-{extractor.kind}"
        found[extractor] = {}
        for side in names:
            with phase(f"features of {side} by {extractor.kind}"):
                kept = stored(sides[side].frame, extractor, f"{inside}/{side}", section.by, sides[side].facts)
            _heed_faults(kept.faults, kept.without, side, section, notes)
            if kept.is_reused:
                notes.append(f"features of {side} are those in {inside}/{side}")
            found[extractor][side] = kept.frame
    return found


def _heed_faults(faults: Sequence[str], without: int, side: str, section: Evaluate, notes: list[str]) -> None:
    if not without:
        return
    told = f"{side}: {tally(faults, without)}"
    if section.on_fault == "error":
        raise DataError(f"{told}; take them out, or leave them out of the scores with evaluate.on_fault: skip")
    notes.append(f"{told}; they are not scored")


def _more_rows(one: Asked, spark: Any) -> dict[str, Any]:
    """The parameters that are rows, opened."""
    found = {}
    for name in one.metric.rows & {name for name, value in one.parameters.items() if value is not None}:
        value = one.parameters[name]
        rows = opened(value, f"{one.place}.{name}", spark) if isinstance(value, Side) else given(value)
        found[name] = rows.frame
    return found


def _check_more(more: Mapping[str, Mapping[str, Any]], by: Sequence[str]) -> None:
    """Raise DataError where rows beside the sides lack a column of `by`, and so have no slices."""
    for place, frames in more.items():
        for name, frame in frames.items():
            parts.check_columns(frame, by, f"{place}.{name}")


def _session(config: Evaluation, section: Evaluate) -> Any:
    """The Spark session of the engine; None for `polars`. Raises ConfigError where workers would see no features."""
    from genspark.session import get_spark, is_running, master_of

    if config.engine == "polars" or (config.engine == "auto" and not is_running()):
        return None
    spark = get_spark(config.name)
    if section.extractor is not None and not section.features and not master_of(spark).startswith("local"):
        raise ConfigError(
            "evaluate.features: needed and absent: on a cluster, vectors are kept where all machines see them"
        )
    return spark
