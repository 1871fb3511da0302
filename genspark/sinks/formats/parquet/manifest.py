"""The manifest of a folder of Parquet files: which of its files are the table's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import narwhals as nw
import polars as pl

from genspark.errors import SourceError
from genspark.sources.ddl import parse
from genspark.storage.files import OWN, read_text, write_text

MANIFEST = f"{OWN}/manifest.json"


@dataclass(frozen=True)
class Listed:
    """A file of the table: its path below the table's, and the values of its folders, None being null."""

    path: str
    rows: int
    bytes: int
    partition: Mapping[str, str | None]


@dataclass(frozen=True)
class Done:
    """A run that made a version of the table, and what it told of itself."""

    version: int
    run: Mapping[str, Any]


@dataclass(frozen=True)
class Manifest:
    """A version of the table, from 0 on: its files, its columns (name -> type as DDL), and the `run` that made it.

    `keys` are those of all runs that made a version, with what each told of itself.
    """

    version: int
    run: Mapping[str, Any]
    partition_by: tuple[str, ...]
    schema: Mapping[str, str]
    properties: Mapping[str, str]
    files: tuple[Listed, ...]
    keys: Mapping[str, Done] = field(default_factory=dict)

    @property
    def paths(self) -> set[str]:
        """The paths of the files, below the table's."""
        return {file.path for file in self.files}

    @property
    def columns(self) -> dict[str, Any]:
        """The columns as narwhals knows them."""
        return {name: _dtype(text) for name, text in self.schema.items()}

    @classmethod
    def read(cls, path: str) -> Manifest | None:
        """The manifest at a path; None where there is none. Raises OSError, and ValueError for another file."""
        try:
            fields = json.loads(read_text(path))
        except FileNotFoundError:
            return None
        try:
            files = tuple(Listed(**file) for file in fields.pop("files"))
            keys = {key: Done(**done) for key, done in fields.pop("keys", {}).items()}
            return cls(**{**fields, "partition_by": tuple(fields["partition_by"]), "files": files, "keys": keys})
        except (AttributeError, KeyError, TypeError):
            raise ValueError(f"{path} is no manifest of genspark") from None

    def save(self, path: str) -> None:
        """Write the manifest to a path, whole or not at all. Raises OSError."""
        write_text(path, json.dumps(asdict(self), indent=1))


def _dtype(text: str) -> Any:
    """The narwhals dtype of a type in DDL; unknown where the text is none, as of types that Polars alone has."""
    try:
        dtype = parse(f"column {text}")["column"]
    except SourceError:
        return nw.Unknown()
    return nw.from_native(pl.LazyFrame(schema={"column": dtype})).collect_schema()["column"]
