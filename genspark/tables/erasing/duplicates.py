"""What the models of a table keep of duplicates, and what erasing takes out of it: hashes of keys of rows."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from genspark.columns.names import ID_COLUMN
from genspark.columns.packed import unpacked
from genspark.errors import ModelError, SinkError
from genspark.pipeline.model import PipelineModel
from genspark.steps import Deduplicate
from genspark.steps.deduplicate import forgetting, index
from genspark.storage.files import OWN, is_uri
from genspark.storage.object_stores import one_line
from genspark.tables.erasing.persons import Persons
from genspark.tables.erasing.searching import files_in
from genspark.tables.rows import row_ids

Key = tuple[tuple[str, str], ...]
"""Columns that tell rows apart, each with the name of its type, as a model read them."""


@dataclass(frozen=True)
class Forgotten:
    """`rows` that were taken from indexes and lists; `models`, by path, that hold a hash of theirs still."""

    rows: int
    models: tuple[str, ...]


@dataclass(frozen=True)
class Duplicates:
    """The models of a table that know of duplicates, by path."""

    target: str
    models: Mapping[str, PipelineModel]

    @classmethod
    def of(cls, target: str) -> Duplicates:
        """Those that stand beside a table."""
        found = {}
        for path in files_in(f"{target}/{OWN}/models"):
            with contextlib.suppress(ModelError):
                model = PipelineModel.load(path)
                if any(isinstance(step, Deduplicate) for step in model.steps):
                    found[path] = model
        return cls(target, found)

    def ids_of(self, rows: pl.DataFrame) -> set[int]:
        """The hashes of the keys of rows, as their column for it tells, or as they have the key as it was read."""
        ids = set(rows[ID_COLUMN].drop_nulls().to_list()) if ID_COLUMN in rows.columns else set()
        types = {name: str(dtype) for name, dtype in nw.from_native(rows).schema.items()}
        for key in self._keys:
            if rows.height and all(types.get(name) == dtype for name, dtype in key):
                ids.update(row_ids(rows, [name for name, _ in key]).to_list())
        return ids

    def ids_by_key(self, persons: Persons) -> set[int]:
        """The hashes of the keys that persons are known by, where one column is the whole key: of any row of theirs."""
        ids: set[int] = set()
        for (name, dtype), *others in self._keys:
            if name in persons.keys and not others:
                texts = pl.DataFrame({name: persons.keys[name]}, schema={name: pl.String})
                ids |= self.ids_of(texts.select(_as_read(name, dtype)).drop_nulls())
        return ids

    def without(self, ids: Collection[int]) -> Forgotten:
        """Take rows out of indexes and lists.

        What a model holds itself cannot be taken out: its digest names it in the table's commits. Raises SinkError for
        a file that is not on this machine, or cannot be written anew.
        """
        gone = sorted(ids)
        if not gone:
            return Forgotten(0, ())
        indexes: dict[str, index.Files] = {}
        lists: dict[str, bool] = {}
        hold = set()
        for path, step, learnt in self._learnt():
            indexes |= {files["rows"]: files for files in learnt.get("index", ()) if _may_be_there(files["rows"])}
            members = learnt["members"]
            if "packed" in members:
                frame = unpacked(members["packed"])
                if not forgetting.without(frame, gone, takes_out=step.filters).equals(frame):
                    hold.add(path)
            elif _may_be_there(members["path"]):
                lists[members["path"]] = step.filters
        try:
            taken = index.erase(list(indexes.values()), gone)
            taken += sum(forgetting.erase(path, gone, takes_out=out) for path, out in lists.items())
        except OSError as error:
            raise SinkError(
                f"{self.target}: what tells the duplicates cannot be written anew ({one_line(error)})"
            ) from None
        return Forgotten(taken, tuple(sorted(hold)))

    @functools.cached_property
    def _keys(self) -> set[Key]:
        models = [model for model in self.models.values() if model.key]
        return {tuple((name, model.input_schema.get(name, "")) for name in model.key) for model in models}

    def _learnt(self) -> Iterator[tuple[str, Deduplicate, Mapping[str, Any]]]:
        for path, model in self.models.items():
            for step, learnt in zip(model.steps, model.parameters, strict=True):
                if isinstance(step, Deduplicate):
                    yield path, step, learnt


def _as_read(name: str, dtype: str) -> pl.Expr:
    """A column of text as the type of that name; null where the text is none of it, or nothing is known of the type."""
    known = getattr(pl, dtype, None)
    if known is None or not (known in (pl.String, pl.Date) or known.is_numeric()):
        return pl.lit(None).alias(name)
    return pl.col(name).cast(known, strict=False)


def _may_be_there(path: str) -> bool:
    return is_uri(path) or Path(path).exists()
