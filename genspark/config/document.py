"""A YAML file as a class: variables and overrides put in, and all mistakes reported together."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import ValidationError

from genspark.config.overrides import override
from genspark.config.section import Section
from genspark.config.text import dump, parse
from genspark.config.variables import substitute
from genspark.errors import ConfigError, Problem, brief
from genspark.steps.arguments import takes_text_alone, translate
from genspark.steps.checked import plain
from genspark.storage.files import read_text


class Document(Section):
    """What one YAML file describes. `needs` tells what an empty one lacks."""

    needs: ClassVar[str] = ""

    @classmethod
    def problems_of(cls, data: Mapping[str, Any]) -> list[Problem]:  # noqa: ARG003
        """The mistakes of the file's values that no section sees by itself."""
        return []

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """What plain values describe. Raises ConfigError with every mistake, as `from_text` does."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            problems = translate(error, plain(obj), cls.model_json_schema())
            raise ConfigError([str(problem) for problem in problems]) from None

    @classmethod
    def from_yaml(cls, path: str, sets: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Self:
        """What a YAML file describes; see `from_text`.

        Raises ConfigError where the file is absent, a folder, not UTF-8 or not to be read, too.
        """
        return cls.from_text(text_of(path), where=path, sets=sets, env=env)

    @classmethod
    def from_text(
        cls, text: str, where: str = "config", *, sets: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> Self:
        """What a YAML text describes, with `path=value` overrides and `${VAR}` put in.

        `env` holds the variables; None is the environment of this process. Raises ConfigError with
        every mistake: `place: what is wrong; remedy`. A text that is not YAML is one mistake alone.
        """
        data, problems = parse(text, where)
        if not isinstance(data, dict):
            what = "is empty" if data is None else f"is not a mapping of keys: got {brief(data)}"
            raise ConfigError(f"{what}; {cls.needs}", where=where)
        data, misplaced = override(data, sets)
        schema = functools.cache(cls.model_json_schema)
        variables = os.environ if env is None else env
        data, unset = substitute(data, variables, lambda place: takes_text_alone(schema(), place))
        problems += [*misplaced, *unset, *cls.problems_of(data)]
        try:
            config = super().model_validate(data)
        except ValidationError as error:
            known = {problem.place for problem in unset}
            problems += [p for p in translate(error, data, schema()) if p.place not in known]
        if problems:
            raise ConfigError([str(problem) for problem in problems], where=where)
        return config

    def to_yaml(self) -> str:
        """YAML that `from_text` reads back as equal, under any environment; defaults are left out."""
        return dump(self.plain())

    def plain(self) -> dict[str, Any]:
        """Plain values, by the keys of the YAML; defaults are left out."""
        return self.model_dump(by_alias=True, exclude_defaults=True)


def as_written(path: str, section: str) -> Any:
    """A section of a YAML file with its variables as such; None where it is absent. Raises ConfigError."""
    data, _ = parse(text_of(path), path)
    return data.get(section) if isinstance(data, dict) else None


def text_of(path: str) -> str:
    """The text of a YAML file. Raises ConfigError where it is absent, a folder, not UTF-8 or not to be read."""
    try:
        return read_text(path)
    except FileNotFoundError:
        raise ConfigError("there is no such file; correct the path", where=path) from None
    except IsADirectoryError:
        raise ConfigError("this is a folder; name the YAML file in it", where=path) from None
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 text: byte 0x{error.object[error.start]:02x} at {error.start}; save it as UTF-8"
        raise ConfigError(problem, where=path) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", where=path) from None
