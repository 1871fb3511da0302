"""An extractor: what makes a vector of each row, by fields that are its YAML keys, with a name that scores carry."""

from __future__ import annotations

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from genspark.errors import ConfigError, did_you_mean
from genspark.steps.checked import Checked

EXTRACTOR = ConfigDict(extra="forbid", allow_inf_nan=False)

Vectors = npt.NDArray[np.floating[Any]]


@dataclasses.dataclass(frozen=True)
class Batch:
    """The vectors of some rows, (rows, d), and for each row why it has none, which is None for most."""

    vectors: Vectors
    faults: Sequence[str | None]


Opened = Callable[[Sequence[pa.Array]], Batch]
"""The columns that an extractor reads, of some rows -> their vectors."""


@dataclass(frozen=True, config=EXTRACTOR, kw_only=True)
class Extractor(ABC, metaclass=Checked):
    """Makes a vector of each row. Equal extractors make equal vectors, which is what their text says.

    `str` of it is the kind, the fields that differ from their defaults, and the SHA-256 of its weights in place of
    their path: scores that carry equal texts may be compared.
    """

    kind: ClassVar[str] = ""
    registry: ClassVar[dict[str, type[Extractor]]] = {}
    beside: ClassVar[frozenset[str]] = frozenset()
    """Fields that change no vector."""
    dtype: ClassVar[pa.DataType] = pa.float32()
    """The type of a vector's numbers."""
    batch: ClassVar[int] = 1024
    """The rows that go through a network at once."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.kind:
            Extractor.registry[cls.kind] = cls

    @abstractmethod
    def reads(self, columns: Sequence[str]) -> tuple[str, ...]:
        """The columns that it reads, of those that a frame has. Raises ConfigError where one is absent."""

    @abstractmethod
    def open(self) -> Opened:
        """What makes the vectors, weights loaded; called once in a process."""

    def check(self) -> None:
        """Raise ConfigError for what can be seen to be wrong before any row is read: a package or a file is absent."""

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of the weights; None where there are none."""
        return None

    def __str__(self) -> str:
        told = {"sha256": self.sha256} if self.sha256 else {}
        for name, field in type(self).__pydantic_fields__.items():  # type: ignore[attr-defined]
            value = getattr(self, name)
            if name not in self.beside and value != field.default:
                told[name] = value
        parts = (f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in told.items())
        return f"{self.kind}({', '.join(parts)})"


def named(section: Any, place: str = "extractor") -> Extractor:
    """The extractor that a mapping of one key describes, such as {onnx: {path: a.onnx}}.

    Raises ConfigError with every mistake, whose place begins with `place`.
    """
    given = {section: {}} if isinstance(section, str) else section
    if not isinstance(given, Mapping) or len(given) != 1:
        raise ConfigError(f"{place}: must be one key, the kind of extractor, with its fields below it; {_known('')}")
    ((kind, fields),) = given.items()
    if kind not in Extractor.registry:
        raise ConfigError(f"{place}: {kind!r} is no extractor{did_you_mean(str(kind), Extractor.registry)}")
    if not isinstance(fields, Mapping | None):
        raise ConfigError(f"{place}.{kind}: must be a section with keys of its own; got {fields!r}")
    try:
        return Extractor.registry[kind](**(fields or {}))
    except ConfigError as error:
        raise ConfigError([f"{place}.{problem}" for problem in error.problems]) from None


def present(columns: Sequence[str], wanted: str, kind: str) -> str:
    """A column that must be there. Raises ConfigError where it is not."""
    if wanted not in columns:
        raise ConfigError(f"{kind}: there is no column {wanted!r}{did_you_mean(wanted, columns)}")
    return wanted


def _known(name: str) -> str:
    return did_you_mean(name, Extractor.registry).removeprefix("; ")
