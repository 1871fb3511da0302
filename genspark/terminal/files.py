"""YAML files that commands are given, alone or in the place of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from genspark.config import Evaluation, JobConfig
from genspark.storage import access

Described = TypeVar("Described", JobConfig, Evaluation)


def is_yaml(given: str) -> bool:
    """Whether a command is given a YAML file, and not a table."""
    return given.endswith((".yaml", ".yml"))


def described(kind: type[Described], path: str, sets: Sequence[str] = ()) -> Described:
    """What a YAML file describes, whose section `storage` every client heeds from now on. Raises ConfigError."""
    config = kind.from_yaml(path, sets=sets)
    access.heed(config.storage)
    return config
