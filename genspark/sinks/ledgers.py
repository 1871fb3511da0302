"""Delta tables that grow by a few rows at a time, written without Spark: of runs, and of scores.

An append to one conflicts with no other, so it is tried again where another came first.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import polars as pl

from genspark.errors import SinkError, TargetError
from genspark.storage.files import storage_path
from genspark.storage.object_stores import delta_options, one_line, unreached
from genspark.storage.secrets import masked

_TRIES, _PAUSE = 20, 0.05
Result = TypeVar("Result")


def until_first(commit: Callable[[], Result], where: str) -> Result:
    """The result of a commit, made again where another came first. Raises SinkError, which begins by `where`."""
    from deltalake.exceptions import CommitFailedError, DeltaError

    for tries_left in reversed(range(_TRIES)):
        try:
            return commit()
        except (DeltaError, OSError) as error:
            # Two who make a table at once: one of them finds that it is there.
            is_beaten = isinstance(error, CommitFailedError) or "already exists" in str(error)
            if not is_beaten or not tries_left:
                raise SinkError(f"{where}: {masked(one_line(error))}") from None
            time.sleep(_PAUSE)
    raise AssertionError("the last try returns or raises")


@dataclass(frozen=True)
class Kind:
    """A kind of ledger: its columns, those of them that tables of an earlier genspark lack, and words for errors.

    `place` is its key in the YAML, `noun` what its rows are, and `remedy` what to name where there is none.
    """

    columns: pl.Schema
    place: str
    noun: str
    remedy: str
    added: frozenset[str] = frozenset()

    def why_none(self, path: str) -> str | None:
        """The reason why a ledger cannot be kept at a path; None where it can."""
        why = f"{path} can be reached through Spark alone" if path.startswith("dbfs:") else unreached(path)
        return f"{masked(why)}; name a path that deltalake reaches in {self.place}" if why else None

    def add(self, path: str, rows: pl.DataFrame, told: Mapping[str, Any]) -> None:
        """Add rows to the ledger, which is made where there is none; `told` goes into the commit. Raises SinkError."""
        import deltalake
        from deltalake.exceptions import SchemaMismatchError

        self._refuse(path)
        path, metadata = storage_path(path), {"userMetadata": json.dumps(told)}

        def write(schema_mode: Literal["merge"] | None) -> None:
            deltalake.write_deltalake(
                path,
                rows,
                mode="append",
                schema_mode=schema_mode,
                storage_options=delta_options(path),
                commit_properties=deltalake.CommitProperties(custom_metadata=metadata),
            )

        def commit() -> None:
            try:
                write(None)
            except SchemaMismatchError:
                if not self._lacks_added(path):
                    raise
                write("merge")

        until_first(commit, f"{self.place}: {masked(path)}")

    def read(self, path: str) -> pl.DataFrame:
        """The rows of the ledger at a path. Raises SinkError where it cannot be read, TargetError where it is none."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        self._refuse(path)
        whole = storage_path(path)
        try:
            table = DeltaTable(whole, storage_options=delta_options(whole))
            names = [field.name for field in table.schema().fields]
            if not self._needed <= set(names):
                what = f"is a table, but not one of {self.noun}"
                raise TargetError(f"{self.place}: {masked(path)} {what}; set another path")
            there = [name for name in self.columns if name in names]
            rows = pl.from_arrow(table.to_pyarrow_dataset().to_table(columns=there, use_threads=False))
        except TableNotFoundError:
            raise TargetError(f"{self.place}: there is no ledger at {masked(path)}; {self.remedy}") from None
        except (DeltaError, OSError) as error:
            raise SinkError(f"{self.place}: {masked(path)} cannot be read ({masked(one_line(error))})") from None
        added = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in self.columns.items() if name not in there]
        return pl.DataFrame(rows).with_columns(added).select(self.columns.names()).cast(self.columns)

    @property
    def _needed(self) -> set[str]:
        return set(self.columns) - self.added

    def _refuse(self, path: str) -> None:
        refusal = self.why_none(path)
        if refusal:
            raise SinkError(f"{self.place}: {refusal}")

    def _lacks_added(self, path: str) -> bool:
        from deltalake import DeltaTable

        fields = DeltaTable(path, storage_options=delta_options(path)).schema().fields
        return {field.name for field in fields} >= self._needed
