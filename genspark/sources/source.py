"""The section `source` of a job's YAML, as this package reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from genspark.storage.files import stamp
from genspark.storage.secrets import masked_texts


class Source(Protocol):
    """Shards of one format below a path or several, with the options and the schema given for them.

    `version` and `timestamp` go with formats that have versions. `genspark.config.Source` has these members.
    """

    @property
    def path(self) -> str | list[str]:
        """A path, a URI or a glob, or a list of them."""

    @property
    def format(self) -> str:
        """The name of a `Format`."""

    @property
    def schema_(self) -> str | None:
        """The columns as DDL; None where the files give them."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Options of the format, by the names that Spark's reader has for them."""

    @property
    def version(self) -> int | None:
        """The version of a table; None for the newest."""

    @property
    def timestamp(self) -> str | None:
        """The moment whose version of a table is read; None for the newest."""


def paths_of(source: Source) -> list[str]:
    """The paths as given, always as a list."""
    return [source.path] if isinstance(source.path, str) else list(source.path)


def named(source: Source) -> str:
    """The first paths as text, for an error."""
    paths = paths_of(source)
    return ", ".join(paths[:3]) + (", ..." if len(paths) > 3 else "")


def description_of(source: Source, uris: Iterable[str]) -> dict[str, Any]:
    """Describe the files that rows come from, for the model and the commit.

    `version` is a digest of the files' names, and of their sizes and times where these are known.
    """
    files = sorted(uris)
    digest = hashlib.sha256("\n".join(f"{file} {stamp(file)}" for file in files).encode()).hexdigest()
    return {"path": masked_texts(source.path), "format": source.format, "files": len(files), "version": digest[:16]}
