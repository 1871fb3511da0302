"""The source of a run as it is at one moment, and the key by which a run that did the same is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genspark.job.states import SourceFile


@dataclass(frozen=True)
class Snapshot:
    """The files of a source, or the versions of its tables, in the order of their paths.

    `versions` is None for a format that has none. A table that is read as of a time has that time for its version.
    """

    files: tuple[SourceFile, ...] = ()
    versions: tuple[int | str, ...] | None = None

    @property
    def digest(self) -> str:
        """The sha256 that names these files or versions, whatever the order in which files were listed."""
        return hashlib.sha256(json.dumps(self.to_json(), separators=(",", ":")).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: `versions`, or `files` as [URI, size, modified], by name."""
        if self.versions is not None:
            return {"versions": list(self.versions)}
        files = sorted(self.files, key=lambda file: file.uri)
        return {"files": [[file.uri, file.size, file.modified] for file in files]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Snapshot:
        """The snapshot that `to_json` wrote."""
        if "versions" in value:
            return cls(versions=tuple(value["versions"]))
        return cls(tuple(SourceFile(*file) for file in value["files"]))


def versions_of(description: Mapping[str, Any]) -> tuple[int | str, ...]:
    """The versions of a source's tables by its description; the time as of which they are read, if that is given."""
    if description.get("timestamp") is not None:
        return (str(description["timestamp"]),)
    version = description["version"]
    return tuple(version) if isinstance(version, list) else (version,)


def run_key(job: str, source: Snapshot, config_sha256: str, *more: str) -> str:
    """The idempotence key of a run, a sha256: two runs of one key would write the same rows.

    `more` is what else decides the rows: the digest of a model that was fitted before, or what makes a forced run
    differ from the one that it repeats.
    """
    parts = [job, source.digest, config_sha256, *more]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
