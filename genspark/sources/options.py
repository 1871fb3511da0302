"""The options of a format: Spark's names, in upper or lower case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from genspark.errors import SourceError, did_you_mean

FILES = ("recursiveFileLookup", "pathGlobFilter")
"""Options of every format whose shards are listed."""


@dataclass(frozen=True)
class Options:
    """The options that a format has.

    `known` are the names that are known without Spark, `defaults` the values of options that the YAML leaves out,
    and `fixed` the only value that an option can have without Spark.
    """

    known: tuple[str, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)

    def given(self, kind: str, given: Mapping[str, Any]) -> dict[str, str]:
        """Spell options as Spark does. Raises SourceError for an option or a value that only Spark reads."""
        known = {name.lower(): name for name in self.known}
        options = dict(self.defaults)
        for name, value in given.items():
            spelling = known.get(name.lower())
            if spelling is None:
                hint = did_you_mean(name, self.known) if self.known else ""
                raise SourceError(
                    f"source.options.{name}: not an option of {kind} that is read without Spark{hint}; "
                    "`engine: spark` reads it"
                )
            fixed = self.fixed.get(spelling)
            if fixed is not None and _text(value).lower() != fixed:
                raise SourceError(
                    f"source.options.{name}: only {fixed} is read without Spark; `engine: spark` reads {_text(value)}"
                )
            options[spelling] = _text(value)
        return options

    def for_spark(self, given: Mapping[str, Any]) -> dict[str, str]:
        """The options of a source as Spark's reader takes them."""
        return {**self.defaults, **{name: _text(value) for name, value in given.items()}}


def is_true(options: Mapping[str, str], name: str) -> bool:
    """Whether an option is given and true."""
    return options.get(name, "false").lower() == "true"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
