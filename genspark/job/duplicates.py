"""What `deduplicate` leaves beside a table: the members of clusters, and the index that new rows are held against.

Files of names that no other run has, written before the commit whose model names them. So an index never tells of rows
that are not in the table: a run that is killed leaves files that nothing names.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from genspark.config import JobConfig
from genspark.job.runners.base import Runner
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.pipeline import RunPass
from genspark.pipeline.plan import Plan
from genspark.steps.deduplicate import Deduplicate
from genspark.steps.learner import Parameters
from genspark.storage import spill
from genspark.storage.files import OWN, is_uri, writing
from genspark.storage.scratch import PREFIX, scratch_folder
from genspark.storage.stores import download

FOLDER = f"{OWN}/duplicates"


def scratch(plan: Plan, config: JobConfig, runner: Runner) -> contextlib.AbstractContextManager[Path] | None:
    """A folder, for a block, for what is learnt of every row; None where no step learns that, or no disk is shared."""
    statistics = (answer.statistic for answers in plan.answers for answer in answers)
    where = config.source.stage
    if all(statistic.is_kept for statistic in statistics) or where == "never" or not runner.reaches_stage(where):
        return None
    return scratch_folder(None if where == "auto" else where)


def published(model: PipelineModel, beside: str) -> tuple[PipelineModel, list[str]]:
    """The model with the spilled files that it names copied beside a table or model, and their paths.

    Raises OSError or ValueError.
    """
    paths: list[str] = []

    def put(path: str) -> str:
        if not Path(path).parent.name.startswith(PREFIX):
            return path
        there = f"{beside.rstrip('/')}/{FOLDER}/{Path(path).name}"
        with writing(there) as stream, Path(path).open("rb") as file:
            shutil.copyfileobj(file, stream, 1 << 24)
        paths.append(there)
        return there

    parameters = [
        _mapped(learnt, put) if isinstance(step, Deduplicate) else learnt
        for step, learnt in zip(model.steps, model.parameters, strict=True)
    ]
    return replace(model, parameters=tuple(parameters)), paths


def learnt_again(model: PipelineModel, config: JobConfig, plan: Plan, run_pass: RunPass) -> PipelineModel:
    """The model with the duplicates of other rows: those of the table that its index knows, and among themselves."""
    parameters = list(model.parameters)
    for position, step in enumerate(plan.steps):
        if not isinstance(step, Deduplicate):
            continue
        before = tuple(_mapped({"index": parameters[position].get("index", [])}, _here)["index"])
        learner = replace(step.learner(), before=before)
        states = config.pipeline().states_of(plan, position, parameters, run_pass)
        found = dict(learner.parameters(states, plan.schemas[position]))
        found["index"] = [*parameters[position].get("index", []), *found.get("index", [])[len(before) :]]
        parameters[position] = found
    return replace(model, parameters=tuple(parameters))


def _mapped(learnt: Parameters, put: Any) -> dict[str, Any]:
    """The parameters with every path of a file changed."""
    changed = dict(learnt)
    if "path" in changed.get("members", {}):
        changed["members"] = {"path": put(changed["members"]["path"])}
    if "index" in changed:
        index: Sequence[Mapping[str, Any]] = changed["index"]
        changed["index"] = [
            {"rows": put(files["rows"]), "contents": [put(path) for path in files["contents"]]} for files in index
        ]
    return changed


def _here(path: str) -> str:
    """The path of a local file with the bytes of one that may be in a store."""
    place = spill.current()
    if not is_uri(path) or place is None:
        return path
    copy = f"{place.folder}/{path.rpartition('/')[2]}"
    download(path, copy)
    return copy
