"""A Delta table as its log tells it, read from JSON and Parquet without genspark and without a Delta library."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq


@dataclass(frozen=True)
class Log:
    """The commits of a table, each a list of actions, by version; none where there is no table.

    Tables of the tests have too few commits for a checkpoint.
    """

    path: Path
    commits: Mapping[int, list[Mapping[str, Any]]]

    @classmethod
    def read(cls, path: Path) -> Log:
        files = sorted((path / "_delta_log").glob("*.json"))
        return cls(path, {int(file.stem): [json.loads(line) for line in file.open()] for file in files})

    @property
    def version(self) -> int:
        """The newest version; -1 where there is none."""
        return max(self.commits, default=-1)

    def since(self, version: int) -> list[list[Mapping[str, Any]]]:
        """The commits after a version that add or remove rows."""
        later = [actions for number, actions in sorted(self.commits.items()) if number > version]
        return [actions for actions in later if any(_of(actions, "add")) or any(_of(actions, "remove"))]

    def properties(self) -> Mapping[str, str]:
        """The table's properties."""
        return [each for actions in self._in_order() for each in _of(actions, "metaData")][-1]["configuration"]

    def transactions(self) -> Counter[str]:
        """How many commits carry a transaction of each application."""
        return Counter(each["appId"] for actions in self._in_order() for each in _of(actions, "txn"))

    def files(self) -> dict[str, Mapping[str, Any]]:
        """The files of the newest version, each with its action."""
        now: dict[str, Mapping[str, Any]] = {}
        for actions in self._in_order():
            for gone in _of(actions, "remove"):
                now.pop(unquote(gone["path"]), None)
            now |= {unquote(added["path"]): added for added in _of(actions, "add")}
        return now

    def ever(self) -> set[str]:
        """The files of any version."""
        return {unquote(added["path"]) for actions in self._in_order() for added in _of(actions, "add")}

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """The values of some columns of each row of the newest version; null where a file has no such column."""
        found = []
        for path, added in self.files().items():
            file = pq.ParquetFile(self.path / path).read()
            count, partition = file.num_rows, added["partitionValues"]
            held = [file[c].to_pylist() if c in file.column_names else [partition.get(c)] * count for c in columns]
            found += list(zip(*held, strict=True))
        return found

    def _in_order(self) -> Iterator[list[Mapping[str, Any]]]:
        return (actions for _, actions in sorted(self.commits.items()))


def told_of_run(actions: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What a commit's metadata tells of its run."""
    (info,) = _of(actions, "commitInfo")
    return json.loads(info["userMetadata"])  # type: ignore[no-any-return]


def _of(actions: list[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    return (action[kind] for action in actions if kind in action)
