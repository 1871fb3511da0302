"""What a job asks of its source, as the section `source` of its YAML says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Source(Protocol):
    """Shards of one format below a path or several, with the options and the schema given for them.

    `version` and `timestamp` go with formats that have versions. `genspark.config.Source` is one of these.
    """

    @property
    def path(self) -> str | list[str]:
        """A path, a URI or a glob, or a list of them."""

    @property
    def format(self) -> str:
        """The name of a `Format`."""

    @property
    def schema_(self) -> str | None:
        """The columns as DDL; None where they are to be found."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Options of the format, by the names that Spark's reader has for them."""

    @property
    def version(self) -> int | None:
        """The version of a table; None for the newest."""

    @property
    def timestamp(self) -> str | None:
        """The moment whose version of a table is read."""


def paths_of(source: Source) -> list[str]:
    """The paths as given, one or several."""
    return [source.path] if isinstance(source.path, str) else list(source.path)


def named(source: Source) -> str:
    """A few of the paths, for an error."""
    paths = paths_of(source)
    return ", ".join(paths[:3]) + (", ..." if len(paths) > 3 else "")
