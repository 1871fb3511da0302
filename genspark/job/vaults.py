"""Vaults: what the pseudonyms of a job stand for is kept before its table is written.

The values come from a scan of their own, of the rows as the step sees them, and from there go to the vault alone: they
are in no model, no report and no ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath

import polars as pl

from genspark.config import JobConfig
from genspark.errors import ConfigError, DataError
from genspark.job.identity import Identity
from genspark.job.runners.base import Runner
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.passes import FitPass, Opening, Stage, columns_read, draws_of
from genspark.sinks import vault
from genspark.statistics import Frequencies
from genspark.steps import Pseudonymize, Step
from genspark.steps.pseudonymize import KEY_ID
from genspark.storage.files import storage_path

MOST_VALUES = 1_000_000
"""Distinct values of a column that a run may keep in a vault: they pass through memory."""


def check(config: JobConfig, steps: Sequence[Step], identity: Identity, note: Callable[[str], None]) -> None:
    """Refuse a vault in a table's folder (ConfigError), and tell of hashes that give away what pseudonyms hide."""
    for step in steps:
        if not isinstance(step, Pseudonymize):
            continue
        for place, table in (("sink.path", config.sink.path), ("quarantine.path", config.quarantine_path)):
            if step.vault and _is_in(step.vault, table):
                raise ConfigError(
                    f"{step.told_as}: vault: {step.vault} is in the folder of {place}; keep it where nobody trains, "
                    "and others read"
                )
        hashed = [column for column in step.columns if column in identity.key]
        if identity.is_visible and hashed:
            note(
                f"{step.told_as}: _row_id is a hash without a key of columns with {hashed[0]!r} among them, which "
                "whoever guesses them all can find; set sink.lineage: false, or a key without it"
            )


def keep(model: PipelineModel, runner: Runner) -> None:
    """Add what the pseudonyms of this run stand for to the vaults. Raises DataError for too many values, SinkError."""
    for position, (step, parameters) in enumerate(zip(model.steps, model.parameters, strict=True)):
        if not isinstance(step, Pseudonymize) or step.vault is None:
            continue
        runner.passes["vault"] += 1
        with runner.phase("write", "keeping what pseudonyms stand for"):
            pseudonym, values = step.pseudonym(parameters), _values(model, position, step, runner)
            rows = [(str(pseudonym(value)), value, step.domain, parameters[KEY_ID]) for value in values]
            told = {"run_id": runner.run_id, "job": runner.config.name}
            vault.add(step.vault, pl.DataFrame(rows, schema=vault.ENTRY, orient="row"), told)


def _values(model: PipelineModel, position: int, step: Pseudonymize, runner: Runner) -> list[str]:
    """The distinct values, as text, of the step's columns as it sees them."""
    before = list(zip(model.steps, model.parameters, strict=True))[:position]
    opening = Opening(model.key, tuple(draws_of(model.steps)), columns_read(model.steps), (), {})
    counts = tuple(Frequencies((column,), MOST_VALUES) for column in step.columns)
    states = runner.states(FitPass(opening, tuple(Stage({}, *fitted) for fitted in before), counts, level=1))
    values: set[str] = set()
    for count in counts:
        if states[count]["error"]:
            raise DataError(
                f"{step.told_as}: vault: column {count.column!r} has more than {MOST_VALUES:,} values in the rows of "
                "this run; leave out the vault, or add the shards in several runs (sink.mode: append)"
            )
        values.update(str(value) for value, _ in states[count]["values"])
    return sorted(values)


def _is_in(path: str, folder: str) -> bool:
    inner, outer = PurePath(storage_path(path)), PurePath(storage_path(folder))
    return inner == outer or outer in inner.parents
