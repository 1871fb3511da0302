"""Tables that a command is given by their names in a catalog: a session is started that tells their places."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from genspark.storage.catalogs import is_name, place_of

if TYPE_CHECKING:
    from genspark.config import JobConfig

_MAY_BE_NAMES = ("table", "path", "against", "config")
"""The parameters of commands that are tables."""


def put_places(arguments: SimpleNamespace) -> None:
    """Put the places of tables where arguments name them. Raises SessionError or StoreError."""
    for parameter in _MAY_BE_NAMES:
        given = getattr(arguments, parameter, None)
        if isinstance(given, str) and is_name(given):
            setattr(arguments, parameter, _place(given))


def located(config: JobConfig) -> JobConfig:
    """The job with the place of its table, where its YAML names that in a catalog. Raises as `put_places` does."""
    return config.at(_place(config.sink.path)) if is_name(config.sink.path) else config


def _place(name: str) -> str:
    from genspark.session.catalogs import with_catalog

    with_catalog(name)
    return place_of(name)
