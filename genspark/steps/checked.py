"""Classes whose wrong arguments are ConfigErrors in Python, in the words that they have in a job's YAML."""

from __future__ import annotations

import dataclasses
from abc import ABCMeta
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from genspark.errors import ConfigError, Place, Problem
from genspark.steps.arguments import translate


class Checked(ABCMeta):
    """The metaclass of dataclasses and models of pydantic: calling one raises ConfigError with every mistake.

    Where pydantic makes one of a part of a YAML file it calls no class, and gathers the mistakes of the whole.
    """

    def __call__(cls, *given: Any, **named: Any) -> Any:
        """The instance with these arguments."""
        place, known = _place(cls), _by_position(cls)
        arguments = {**dict(zip(known, given, strict=False)), **named}
        problems = [Problem((*place, name), "is given twice") for name in known[: len(given)] if name in named]
        if known and len(given) > len(known):
            problems.append(Problem(place, f"takes {len(known)} arguments without a name; got {len(given)}"))
        if not problems:
            try:
                return super().__call__(*given[len(known) :], **arguments)
            except ValidationError as error:
                of_class: Any = TypeAdapter(cls)
                mistakes = translate(error, plain(arguments), of_class.json_schema())
                problems = [Problem((*place, *inside), what) for inside, what in mistakes]
        raise ConfigError([str(problem) for problem in problems])


def plain(value: Any) -> Any:
    """The value with tuples as lists and mappings as dictionaries, as YAML would give it."""
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def _place(cls: Any) -> Place:
    """A section's key, a step's kind, or another class's name; nothing for a whole job."""
    if issubclass(cls, BaseModel):
        return (cls.place,) if getattr(cls, "place", "") else ()
    return (getattr(cls, "kind", "") or cls.__name__,)


def _by_position(cls: Any) -> list[str]:
    """The names of the arguments that may be given by position."""
    return [f.name for f in dataclasses.fields(cls) if not f.kw_only] if dataclasses.is_dataclass(cls) else []
