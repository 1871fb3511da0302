"""A source that grows: which of its files earlier runs of the job added to the table, and which are new."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genspark.config import JobConfig
from genspark.errors import DataError, PlanError
from genspark.job.states import SourceFile
from genspark.sinks.table import PastRun
from genspark.storage.files import OWN, read_text, write_text

LISTS = f"{OWN}/sources"
"""The folder, inside a table's, of the lists of files whose rows are in it: one for each run that has many."""
_FEW = 50
"""Files that a commit names itself."""


@dataclass(frozen=True)
class Growth:
    """The files of a source against those whose rows earlier runs of the job added; `before` is the last of them.

    `changed` and `gone` are URIs of files that were added and are now another, or no more.
    """

    before: PastRun
    new: tuple[SourceFile, ...]
    done: tuple[SourceFile, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]

    @classmethod
    def since(cls, before: PastRun, now: Iterable[SourceFile]) -> Growth:
        """Compare the files now with those that the last run tells of. A file that was left out and changed is new.

        Raises DataError where the run's list is gone.
        """
        told = _told(before)
        done = {file.uri: file for file in (SourceFile(*each) for each in told["files"])}
        left_out, listed = set(told["left_out"]), {file.uri: file for file in now}
        other = [uri for uri, file in listed.items() if uri in done and file != done[uri]]
        again = {uri for uri in other if uri in left_out}
        return cls(
            before,
            tuple(file for uri, file in listed.items() if uri not in done or uri in again),
            tuple(done.values()),
            tuple(sorted(set(other) - again)),
            tuple(sorted(done.keys() - listed.keys())),
        )

    def notes(self) -> list[str]:
        """What a person should know of it."""
        remedy = "refit: full writes the table anew"
        return [
            f"source.path: {len(some):,} files that are in the table {what}, such as {some[0]}; "
            f"their rows stay as they are ({remedy})"
            for some, what in ((self.changed, "have changed since"), (self.gone, "are gone"))
            if some
        ]


def rules_of(config: JobConfig) -> str:
    """The digest of what decides how a file's rows are made: key, steps, and the rows that are learnt from."""
    plain = config.model_dump(by_alias=True, exclude_defaults=True)
    rules = [plain.get(name) for name in ("key", "fit_on", "steps")]
    return hashlib.sha256(json.dumps(rules, separators=(",", ":"), default=str).encode()).hexdigest()


def refuse_other_rules(config: JobConfig, before: PastRun, table: str) -> None:
    """Raise PlanError where rows would be added by other steps than those that are there."""
    told = before.metadata.get("rules_sha256")
    if told is not None and told != rules_of(config):
        raise PlanError(
            f"steps: {table} has rows of this job by other steps, key or fit_on (version {before.version}), and new "
            "shards are added by the model of that time; set refit: full to write the table anew, or give the job "
            "another name to add them all"
        )


def list_text(path: str, files: Sequence[SourceFile], left_out: Iterable[str]) -> Mapping[str, Any]:
    """What a commit tells of the files whose rows are in the table: the list, or the path where it is written.

    Raises OSError.
    """
    told = {"files": [[file.uri, file.size, file.modified] for file in files], "left_out": sorted(left_out)}
    if len(files) <= _FEW:
        return told
    write_text(path, json.dumps(told))
    return {"path": path}


def _told(before: PastRun) -> Mapping[str, Any]:
    told: Mapping[str, Any] = before.metadata["source_list"]
    if "path" not in told:
        return told
    try:
        return dict(json.loads(read_text(told["path"])))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{told['path']}: the list of the files that are in the table cannot be read ({error}); put it back, "
            "set refit: full to write the table anew, or --force to add every file"
        ) from None
