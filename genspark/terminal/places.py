"""Tables that a command is given by their names in a catalog."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from genspark.config import JobConfig
from genspark.session.catalogs import with_catalog
from genspark.storage.catalogs import is_name, place_of

_MAY_BE_NAMES = ("table", "path", "against", "config")


def takes_names(command: Callable[[Any], None]) -> Callable[[Any], None]:
    """A command whose arguments may name tables: it gets the places of these, from a session that is started for it."""

    @functools.wraps(command)
    def run(arguments: Any) -> None:
        for argument in _MAY_BE_NAMES:
            given = getattr(arguments, argument, None)
            if isinstance(given, str) and is_name(given):
                with_catalog(given)
                setattr(arguments, argument, place_of(given))
        command(arguments)

    return run


def located(config: JobConfig) -> JobConfig:
    """The job with the place of its table, where its YAML names that in a catalog."""
    if not is_name(config.sink.path):
        return config
    with_catalog(config.sink.path)
    return config.at(place_of(config.sink.path))
