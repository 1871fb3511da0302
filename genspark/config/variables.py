"""`${VAR}` and `${VAR:-default}`, put into plain values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from genspark.config.text import plain_value
from genspark.errors import Place, Problem

_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_INSIDE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-([^{]*))?")


def substitute(
    data: Any, env: Mapping[str, str], takes_text_alone: Callable[[Place], bool]
) -> tuple[Any, list[Problem]]:
    """The data with `${VAR}` and `${VAR:-default}` put in, and the variables that are not set.

    As in a shell, the default stands in for a variable that is unset or empty; `$${` is a plain
    `${`. A scalar that is one variable and nothing else is read again as YAML, so `${N:-3}` is the
    number 3, save where its place takes text alone.
    """
    problems: list[Problem] = []

    def walk(value: Any, place: Place) -> Any:
        if isinstance(value, dict):
            return {key: walk(item, (*place, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*place, i)) for i, item in enumerate(value)]
        return text(value, place) if isinstance(value, str) and "${" in value else value

    def text(value: str, place: Place) -> Any:
        try:
            result = _VARIABLE.sub(lambda match: _variable(match, env), value)
        except LookupError as error:
            problems.append(Problem(place, error.args[0]))
            return value
        whole = _VARIABLE.fullmatch(value)
        is_one_variable = whole is not None and whole[1] is not None
        return plain_value(result) if is_one_variable and not takes_text_alone(place) else result

    return walk(data, ()), problems


def _variable(match: re.Match[str], variables: Mapping[str, str]) -> str:
    """The text for one `${...}`. Raises LookupError with its fault."""
    if match[1] is None:
        return "${"
    inside = _INSIDE.fullmatch(match[1])
    if not inside or not match[2]:
        raise LookupError(
            f"{match[0]!r} is not a variable; write ${{NAME}} or ${{NAME:-default}}, or $${{ for a plain ${{"
        )
    name, default = inside[1], inside[2]
    value = variables.get(name)
    if default is not None and not value:
        return default
    if value is None:
        raise LookupError(f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}")
    return value
