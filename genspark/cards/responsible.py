"""What a table says for responsible use: what was done to it, whom it is of, what it lacks, in Croissant's vocabulary.

The specification: https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html. What people know
stands first, from the section `card`; what the run found follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from genspark.cards.facts import RunFacts
from genspark.steps import hiding_kinds

_IMPUTING = ("impute",)
CHANGING = (
    *("validate", "filter", "outliers", "deduplicate", "quality", "language"),
    *("normalize", "reweigh", "augment", "split"),
)
"""The kinds of step that take rows out, or make others of them."""


def responsible(facts: RunFacts) -> dict[str, Any]:
    """The properties of the vocabulary for which something is known; their names begin with `rai:`."""
    about = facts.about
    personal = [f"{step}{_counted(facts, step)}" for step in _of(facts, hiding_kinds())]
    several = {
        "dataPreprocessingProtocol": list(facts.steps),
        "dataBiases": [*about.biases, *facts.bias],
        "dataLimitations": _limitations(facts),
        "dataUseCases": list(about.use_cases),
        "personalSensitiveInformation": [*about.personal, *personal, *facts.privacy],
    }
    one = {
        "dataCollection": about.collection,
        "dataCollectionRawData": _raw(facts),
        "dataImputationProtocol": _joined(facts, _IMPUTING),
        "dataManipulationProtocol": _joined(facts, CHANGING),
        "dataSocialImpact": about.impact,
    }
    return {f"rai:{name}": value for name, value in {**several, **one}.items() if value}


def _of(facts: RunFacts, kinds: Iterable[str]) -> list[str]:
    """The steps of these kinds, as `kind: fields`."""
    return [step for step in facts.steps if step.partition(":")[0] in kinds]


def _joined(facts: RunFacts, kinds: Iterable[str]) -> str:
    return "; ".join(f"{step}{_counted(facts, step)}" for step in _of(facts, kinds))


def _counted(facts: RunFacts, step: str) -> str:
    """What the run counted of a step, in brackets."""
    counts = [
        f"{name.removeprefix(f'{label}: ')} {count:,}"
        for name, count in facts.figures.items()
        for label in facts.labels.get(step, ())
        if name.startswith(f"{label}: ")
    ]
    return f" ({', '.join(counts)})" if counts else ""


def _raw(facts: RunFacts) -> str:
    paths = facts.source.get("path", ())
    told = ", ".join([paths] if isinstance(paths, str) else paths)
    return f"{facts.source.get('format')} files: {told}" if told else ""


def _limitations(facts: RunFacts) -> list[str]:
    """What the table lacks of its source, what its fit found, and what moved, in sentences."""
    dropped, quarantined = facts.figures.get("rows dropped", 0), facts.figures.get("rows quarantined", 0)
    shards = facts.figures.get("shards quarantined", 0)
    told = [f"{dropped:,} rows were dropped by its steps."] if dropped else []
    told += (
        [f"{quarantined:,} rows were quarantined, with their reasons, to {facts.quarantine}."] if quarantined else []
    )
    told += [f"{shards:,} files could not be read and were left out."] if shards else []
    return [*told, *facts.findings, *(f"Drift: {line}." for line in facts.drift)]
