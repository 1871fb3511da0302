"""The kinds of step that keep persons out."""

from __future__ import annotations

from genspark.steps.base import Step


def hiding_kinds() -> tuple[str, ...]:
    """The kinds of all registered steps that hide persons, in the order of the alphabet."""
    return tuple(sorted(kind for kind, step in Step.registry.items() if step.hides_persons))
