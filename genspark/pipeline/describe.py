"""A model as text for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genspark.pipeline.model import PipelineModel
from genspark.pipeline.personal import discreet, kept_in_clear, personal_before

_MOST = 12


def describe(model: PipelineModel) -> str:
    """The model's source, columns and steps, what each step learnt, and what inverting loses.

    What tells of persons is shown as `***`.
    """
    source = ", ".join(f"{name} {value}" for name, value in model.source.items() if value is not None)
    lines = [
        f"sha256   {model.sha256}",
        f"source   {source or 'not recorded'}",
        f"columns  {_few([f'{name} {kind}' for name, kind in model.input_schema.items()])}",
        *([f"privacy  {_noise(model.privacy)}"] if model.privacy else []),
        "steps",
    ]
    pairs = zip(model.steps, model.parameters, personal_before(model.steps), strict=False)
    for number, (step, parameters, known) in enumerate(pairs, start=1):
        ((kind, fields),) = step.to_json().items()
        arguments = ", ".join(f"{name}={short(value)}" for name, value in fields.items())
        lines.append(f"  {number}. {kind} {arguments}")
        lines += [f"       {line}" for line in _learnt(discreet(step, parameters, known))]
    lines += kept_in_clear(model.steps, model.parameters, model.states)
    losses = model.losses()
    lines.append("inverse transform" + (" loses" if losses else " is exact up to rounding"))
    lines += [f"  {loss}" for loss in losses[:_MOST]]
    lines += [f"  and {len(losses) - _MOST} more"] if len(losses) > _MOST else []
    return "\n".join(lines)


def _noise(told: Mapping[str, Any]) -> str:
    of = f"{told['neighbours']}, over {told['statistics']} statistics"
    return f"epsilon {told['epsilon']:g} for {of}: {told['mechanism']}"


def _learnt(parameters: Mapping[str, Any]) -> list[str]:
    """Lines `column: value` for the first columns of a parameter, under its name where there are several."""
    kept = {name: group for name, group in parameters.items() if isinstance(group, Mapping)}
    lines = []
    for name, group in kept.items():
        lines += [name] if len(kept) > 1 else []
        margin = "  " * (len(kept) > 1)
        lines += [f"{margin}{column}: {short(value)}" for column, value in list(group.items())[:_MOST]]
        lines += [f"{margin}and {len(group) - _MOST} more columns"] if len(group) > _MOST else []
    return lines


def short(value: Any) -> str:
    """A value of a step or a model in a few words: long lists and mappings are cut."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {short(item)}" for name, item in list(value.items())[:_MOST])
    if isinstance(value, list):
        return f"[{_few([short(item) for item in value])}]"
    return str(value)


def _few(names: list[str]) -> str:
    return ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
