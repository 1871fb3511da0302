"""Tables of plain Parquet files in folders named after partition values, listed in a manifest.

`_genspark/manifest.json` names the files of the table; it is replaced whole. A run writes into a folder of its own,
`_genspark/run-ID/`. To commit, it keeps the manifest there as it was, moves its files to where readers look, and
puts the new manifest. The files that it replaces stay until the run is done: to put it back is to put the old
manifest. A folder of a run that is there still when the next looks is of one that was killed: `find` finishes it
where its manifest was put, and undoes it where it was not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from genspark.errors import GensparkError, SinkError, TargetError
from genspark.sinks.columns import misfits
from genspark.sinks.files.layout import Layout
from genspark.sinks.files.written import WrittenFile, as_text
from genspark.sinks.formats.parquet.manifest import MANIFEST, Done, Listed, Manifest
from genspark.sinks.section import Section
from genspark.sinks.sink import Files, FileSink, Sink, refuse_other_partitions
from genspark.sinks.table import Commit, PastRun, Table, absent, keeps_columns, partitioning
from genspark.sources.ddl import name_of
from genspark.storage.files import OWN, file_system, is_empty, is_uri, storage_path
from genspark.storage.hive import folders
from genspark.storage.object_stores import one_line
from genspark.storage.probing import try_to_write
from genspark.storage.refusals import refusal

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_RUN = f"{OWN}/run-"
_BEFORE = "before.json"
_DRAFT = ".draft"
_AT_ONCE = 16


@dataclass(frozen=True)
class ParquetFolder(FileSink):
    """Tables of plain Parquet files. Only one run at a time may write a table; older versions are not kept."""

    format: ClassVar[str] = "parquet"
    noun: ClassVar[str] = "a folder of Parquet files with a manifest"

    def by_spark(self, spark: SparkSession) -> Sink[DataFrame]:
        from genspark.sinks.on_spark.parquet import SparkParquet

        return SparkParquet(self, spark)

    def find(self, path: str) -> Table:
        """Find the table as every sink does, after finishing or undoing what a killed run left there."""
        path = storage_path(path)
        with self._refused(path, TargetError):
            for run_id in _runs(path):
                _settle(path, run_id)
            manifest = Manifest.read(f"{path}/{MANIFEST}")
        if manifest is None:
            return absent(path, self.place, self.noun)
        return Table(path, manifest.version, manifest.partition_by, manifest.properties, manifest.columns)

    def check(self, table: Table, section: Section, schema: Mapping[str, Any]) -> None:
        super().check(table, section, schema)
        with self._refused(table.path, TargetError):
            try_to_write(table.path)

    def folder(self, table: Table, run_id: str) -> str:
        return f"{table.path}/{_RUN}{run_id}"

    def layout(self, table: Table, section: Section | None, run_id: str) -> Layout:
        # Not even to those who look for `**/*.parquet` is a draft a file of the table.
        return replace(super().layout(table, section, run_id), draft=_DRAFT)

    def committed(self, table: Table, key: str) -> PastRun | None:
        with self._refused(table.path, TargetError):
            now = Manifest.read(f"{table.path}/{MANIFEST}")
        done = now.keys.get(key) if now else None
        if now is None or done is None:
            return None
        later = [one.run for one in now.keys.values() if one.version > done.version]
        is_replaced = any(run.get("mode") == "overwrite" for run in later)
        return PastRun(done.version, done.run, is_latest=done.version == now.version, is_replaced=is_replaced)

    def latest(self, table: Table, job: str) -> PastRun | None:
        with self._refused(table.path, TargetError):
            now = Manifest.read(f"{table.path}/{MANIFEST}")
        done = sorted(now.keys.values(), key=lambda one: -one.version) if now else []
        for one in done:
            if one.run.get("job") == job and "source_list" in one.run:
                return PastRun(one.version, one.run, is_latest=one is done[0])
            if one.run.get("mode") == "overwrite":
                return None
        return None

    def commit(
        self,
        table: Table,
        section: Section,
        rows: Files,
        metadata: Mapping[str, Any],
        properties: Mapping[str, str],
    ) -> Commit:
        with self._refused(table.path, SinkError):
            refuse_other_partitions(section, rows.files)
            before, schema = self._unchanged(table), _types(rows)
            stays = [f for f in before.files if _stays(f, section)] if before else []
            if before and keeps_columns(table, section):
                schema = self._merged(before.schema, schema, evolves=section.schema_ == "evolve")
            return self._switch(
                table,
                before,
                Manifest(
                    before.version + 1 if before else 0,
                    metadata,
                    partitioning(table, section),
                    schema,
                    {**table.properties, **properties, **section.properties},
                    tuple(stays),
                    before.keys if before else {},
                ),
                rows.files,
            )

    def append(self, table: Table, rows: Files, metadata: Mapping[str, Any]) -> Commit | None:
        if not any(file.rows for file in rows.files):
            if rows.files:
                self.put_back(table, metadata["run_id"])
            return None
        with self._refused(table.path, SinkError):
            before, schema = self._unchanged(table), _types(rows)
            if before is None:
                new = Manifest(0, metadata, (), schema, {}, ())
            else:
                schema = self._merged(before.schema, schema, evolves=True)
                new = replace(before, version=before.version + 1, run=metadata, schema=schema)
            return self._switch(table, before, new, rows.files)

    def put_back(self, table: Table, run_id: str) -> None:
        place, now = f"{table.path}/{MANIFEST}", Manifest.read(f"{table.path}/{MANIFEST}")
        if now and now.run["run_id"] == run_id:
            before = Manifest.read(f"{self.folder(table, run_id)}/{_BEFORE}")
            if before:
                before.save(place)
            else:
                _delete(table.path, [MANIFEST])
        _settle(table.path, run_id)
        if table.version is None and not is_uri(table.path) and is_empty(table.path):
            with contextlib.suppress(OSError):
                Path(table.path, OWN).rmdir()
                Path(table.path).rmdir()

    def sweep(self, table: Table, run_id: str, commit: Commit) -> None:
        _settle(table.path, run_id)

    def _merged(self, there: Mapping[str, str], here: Mapping[str, str], *, evolves: bool) -> dict[str, str]:
        """The columns of the table after rows of others are added. Raises SinkError for those that do not fit."""
        problems = misfits(there, here, evolves=evolves)
        if problems:
            raise SinkError(f"{self.place}: {'; '.join(problems)}")
        return {**there, **here}

    def _unchanged(self, table: Table) -> Manifest | None:
        """The manifest as it was found. Raises SinkError where another run has put one since."""
        now = Manifest.read(f"{table.path}/{MANIFEST}")
        if (now.version if now else None) != table.version:
            raise SinkError(f"{self.place}: {table.path}: another run wrote it meanwhile; run again")
        return now

    def _switch(self, table: Table, before: Manifest | None, new: Manifest, files: Sequence[WrittenFile]) -> Commit:
        """Move the files to where readers look, and write the manifest beside them."""
        run_id = str(new.run["run_id"])
        folder = self.folder(table, run_id)
        moved = [replace(file, path=_place(file, new.partition_by, run_id)) for file in files]
        # From here on the folder tells what is to be undone, or finished.
        if before:
            before.save(f"{folder}/{_BEFORE}")
        _move(folder, [file.path for file in files], table.path, [file.path for file in moved])
        listed = tuple(Listed(file.path, file.rows, file.size, file.partition) for file in moved)
        key = new.run.get("key")
        keys = {**new.keys, **({key: Done(new.version, new.run)} if key else {})}
        replace(new, files=new.files + listed, keys=keys).save(f"{table.path}/{MANIFEST}")
        return Commit.of(new.version, moved)

    @contextlib.contextmanager
    def _refused(self, path: str, kind: type[GensparkError]) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            told = refusal(error, path) if is_uri(path) and isinstance(error, OSError) else one_line(error)
            raise kind(f"{self.place}: {path}: {told}") from None


def _stays(file: Listed, section: Section) -> bool:
    """Whether a file of the table is in the next version, too."""
    if section.mode == "append":
        return True
    return bool(section.partitions) and any(
        file.partition.get(column) not in {as_text(value) for value in values}
        for column, values in (section.partitions or {}).items()
    )


def _place(file: WrittenFile, partition_by: Sequence[str], run_id: str) -> str:
    """The path of a file below the table: in folders named after its values, under a name that holds its run."""
    name = PurePosixPath(file.path).name.removesuffix(_DRAFT)
    own = name if f"-{run_id}-" in name else f"part-{run_id}-{name.removeprefix('part-')}"
    return folders({column: file.partition[column] for column in partition_by}) + own


def _types(rows: Files) -> dict[str, str]:
    return {name: name_of(dtype) for name, dtype in rows.schema.items()}


def _settle(path: str, run_id: str) -> None:
    """Delete the files that a run wrote or replaced and that are not in the table, and then the run's folder."""
    now = Manifest.read(f"{path}/{MANIFEST}")
    there = now.paths if now else set()
    if now and now.run["run_id"] == run_id:
        before = Manifest.read(f"{path}/{_RUN}{run_id}/{_BEFORE}")
        gone = before.paths - there if before else set()
    else:
        gone = {name for name in _names(path) if f"-{run_id}-" in name} - there
    _delete(path, sorted(gone))
    system, inside = file_system(path)
    with contextlib.suppress(FileNotFoundError):
        system.delete_dir(f"{inside}/{_RUN}{run_id}")


def _runs(path: str) -> list[str]:
    """The runs that still have a folder."""
    from pyarrow import fs

    system, inside = file_system(path)
    infos = system.get_file_info(fs.FileSelector(f"{inside}/{OWN}", allow_not_found=True))
    start = _RUN.rpartition("/")[2]
    return sorted(info.base_name.removeprefix(start) for info in infos if info.base_name.startswith(start))


def _names(path: str) -> list[str]:
    """The files below the table, relative to it, without genspark's own."""
    from pyarrow import fs

    system, inside = file_system(path)
    infos = system.get_file_info(fs.FileSelector(inside, recursive=True, allow_not_found=True))
    names = (info.path.removeprefix(inside).lstrip("/") for info in infos if info.is_file)
    return [name for name in names if not name.startswith(f"{OWN}/")]


def _move(source: str, names: Sequence[str], target: str, wanted: Sequence[str]) -> None:
    """Move files between folders of one store, several at once, because a store copies each."""
    system, below = file_system(source)
    _, above = file_system(target)
    if not is_uri(target):
        for folder in {f"{above}/{name}".rpartition("/")[0] for name in wanted}:
            system.create_dir(folder, recursive=True)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(
            pool.map(
                lambda pair: system.move(f"{below}/{pair[0]}", f"{above}/{pair[1]}"), zip(names, wanted, strict=True)
            )
        )


def _delete(path: str, names: Iterable[str]) -> None:
    """Delete files below the table, and folders left empty. A file that is gone already is no mistake."""
    system, inside = file_system(path)

    def delete(name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            system.delete_file(f"{inside}/{name}")

    names = list(names)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(delete, names))
    if is_uri(path):
        return
    parents = {parent for name in names for parent in PurePosixPath(name).parents if str(parent) not in (".", OWN)}
    for parent in sorted(parents, key=lambda folder: -len(folder.parts)):
        with contextlib.suppress(OSError):
            Path(path, parent).rmdir()
