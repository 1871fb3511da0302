"""The sections of a job's YAML: where rows come from and where they go."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from genspark.config.section import Bytes, Count, Names, OneOf, Path, Section, Value
from genspark.errors import did_you_mean
from genspark.sinks.files.compression import LEVELS
from genspark.storage.catalogs import is_name
from genspark.storage.secrets import is_secret, masked


def _formats() -> list[str]:
    from genspark.sources.formats import names

    return names()


def _is_versioned(name: str) -> bool:
    from genspark.sources.formats import format_of

    return format_of(name).is_versioned


def _sinks() -> list[str]:
    from genspark.sinks.formats import names

    return names()


def _what_sinks_make() -> str:
    from genspark.sinks.formats import names, sink_of

    return f"What is made: {'; '.join(f'{name}, {sink_of(name).noun}' for name in names())}."


def _has_log(name: str) -> bool:
    from genspark.sinks.formats import sink_of

    return sink_of(name).has_log


class Source(Section):
    """Where the rows come from."""

    place: ClassVar[str] = "source"

    path: Path | Annotated[list[Path], Field(min_length=1)] = Field(
        description="A path or URI, a glob such as data/*.csv.gz, or a list of them."
    )
    format: Annotated[str, OneOf(_formats)] = Field(
        description="How the files are written; images: every file is one image."
    )
    schema_: str | None = Field(
        default=None,
        alias="schema",
        min_length=1,
        description="The columns as DDL, such as 'fare double, pickup timestamp'; left out, they are found.",
    )
    options: dict[str, Value] = Field(default={}, description="Options of the format's Spark reader, such as header.")
    on_corrupt: Literal["error", "quarantine"] = Field(
        default="error",
        description="What to do with a shard that cannot be read; quarantine leaves it out and notes it there.",
    )
    split_size: Bytes = Field(
        default=512 << 20, description="Bytes of the source that a task of spark-polars reads to fit, at most."
    )
    stage: str = Field(
        default="auto",
        min_length=1,
        description="Where parsed rows and files of stores are kept for the passes after the first: auto (the system's "
        "temporary folder, for csv, json, text, tar, avro, and Parquet in a store), never, or a folder.",
    )
    version: Annotated[int, Field(strict=True, ge=0)] | None = Field(
        default=None, description="The version of a Delta table to read."
    )
    timestamp: str | None = Field(
        default=None, min_length=1, description="Read a Delta table as it was then, such as '2026-01-31 12:00:00'."
    )

    @model_validator(mode="after")
    def _travels_in_versions_alone(self) -> Self:
        asked = [name for name in ("version", "timestamp") if getattr(self, name) is not None]
        if asked and not _is_versioned(self.format):
            versioned = " or ".join(name for name in _formats() if _is_versioned(name))
            raise ValueError(
                f"{asked[0]}: only a {versioned} source has versions, and format is {self.format!r}; leave it out"
            )
        if len(asked) == 2:
            raise ValueError("timestamp: names another version beside `version`; keep one of the two")
        return self


class Sink(Section):
    """The table that the rows go to."""

    place: ClassVar[str] = "sink"

    path: Path = Field(
        description="The table's path or URI; or its name in the Spark session's catalog, as schema.table or "
        "catalog.schema.table."
    )
    location: Path | None = Field(
        default=None, description="Where a new table of that name lies; left out: in the folder of its schema."
    )
    format: Annotated[str, OneOf(_sinks, _what_sinks_make)] = "delta"
    mode: Literal["overwrite", "append", "error"] = Field(
        default="error", description="What to do where the table exists already; error leaves it as it is and stops."
    )
    schema_: Literal["strict", "evolve"] = Field(
        default="strict",
        alias="schema",
        description="What to do where rows are added to a table of other columns: strict stops; evolve adds new "
        "columns, makes lacking ones null, and widens narrower numbers.",
    )
    partition_by: Names = Field(default=(), description="The columns that the table is partitioned by.")
    partitions: dict[str, Annotated[list[Value], Field(min_length=1)]] | None = Field(
        default=None,
        min_length=1,
        description="Column -> values: overwrite these partitions alone, and leave the others as they are.",
    )
    files_per_partition: Count | None = Field(
        default=None, description="Files in each partition of the table, at most; left out: by size."
    )
    max_records_per_file: Count | None = Field(default=None, description="Rows in a file, at most.")
    target_file_size: Bytes = Field(
        default=256 << 20, description="The size of a file that the Arrow writer and the Polars engines aim at."
    )
    target_row_group_size: Bytes = Field(
        default=32 << 20,
        description="The size of a row group, before compression. Groups of images have 1,000 to 4,000 rows.",
    )
    compression: Literal["snappy", "zstd", "gzip", "lz4", "none"] = Field(
        default="snappy", description="What compresses the files; zstd makes the smallest that are quick to read."
    )
    compression_level: Count | None = Field(
        default=None, description="How hard zstd (1 to 22; left out: 3) or gzip (1 to 9; left out: 6) tries."
    )
    shuffle: Literal["none", "global"] = Field(
        default="none",
        description="Rows are in the order of a hash of their key within each file; global: from file to file, too.",
    )
    seed: int = Field(default=0, description="Another seed, another order of rows.")
    float_: Literal[32, 64] = Field(
        default=64, alias="float", description="The bits of floating-point numbers; 32 halves what doubles take."
    )
    max_partitions: Count = Field(
        default=1000, description="Partitions that a run writes, at most: each has files of its own."
    )
    statistics: Names = Field(
        default=(),
        description="Columns that readers filter by, beside the key, `fit_on` and splits: files get their bounds.",
    )
    lineage: bool = Field(
        default=True, description="Whether rows carry `_row_id`, the hash of their key, and `_source_file`."
    )
    source_row: bool = Field(
        default=False, description="Whether rows carry `_source_row`, too: the number of their record in that file."
    )
    writer: Literal["auto", "arrow", "delta"] = Field(
        default="auto",
        description="What writes on engine spark: Arrow in the tasks, Delta's own writer, or by what there is.",
    )
    properties: dict[str, str] = Field(default={}, description="Table properties, such as delta.appendOnly: 'true'.")

    @model_validator(mode="after")
    def _the_codec_has_the_level(self) -> Self:
        if self.compression_level is not None:
            levels = LEVELS.get(self.compression)
            if levels is None:
                raise ValueError(f"compression_level: {self.compression} has no levels; leave it out, or take zstd")
            if self.compression_level not in levels:
                raise ValueError(
                    f"compression_level: {self.compression} has levels {levels[0]} to {levels[-1]}; "
                    f"got {self.compression_level}"
                )
        return self

    @model_validator(mode="after")
    def _deltas_own_is_for_delta(self) -> Self:
        if not _has_log(self.format):
            if self.writer == "delta":
                raise ValueError(f"writer: Delta's writer makes no {self.format}; leave it out, or set it to 'arrow'")
            own = [name for name in self.properties if name.startswith("delta.")]
            if own:
                raise ValueError(f"properties: {own[0]!r} is Delta's own, and format is {self.format!r}; leave it out")
        return self

    @model_validator(mode="after")
    def _catalogs_have_tables_of_delta(self) -> Self:
        if is_name(self.path):
            if not _has_log(self.format):
                raise ValueError(
                    f"format: {self.path} is a name in a catalog, whose tables have a log; leave format out, "
                    f"or write ./{self.path} for a folder of that name"
                )
        elif self.location is not None:
            raise ValueError(f"location: goes with a name in a catalog, and path is {self.path!r}; leave it out")
        return self

    @model_validator(mode="after")
    def _properties_are_public(self) -> Self:
        secrets = [name for name, value in self.properties.items() if is_secret(name) or masked(value) != value]
        if secrets:
            raise ValueError(
                f"properties: {secrets[0]!r} looks like a secret, and whoever reads the table can read its properties; "
                "leave it out, and give credentials in the environment"
            )
        return self

    @model_validator(mode="after")
    def _records_are_of_files(self) -> Self:
        if self.source_row and not self.lineage:
            raise ValueError("source_row: is a part of lineage, which is false; leave one of the two out")
        return self

    @model_validator(mode="after")
    def _partitions_can_be_overwritten(self) -> Self:
        if self.partitions and self.mode != "overwrite":
            raise ValueError(f"partitions: goes with mode 'overwrite' alone; mode is {self.mode!r}")
        for column in self.partitions or ():
            if column not in self.partition_by:
                hint = did_you_mean(column, self.partition_by) or "; partition_by is empty"
                raise ValueError(f"partitions: {column!r} is not in partition_by{hint}")
        return self


class Quarantine(Section):
    """The table of rejected rows, each with its reasons."""

    place: ClassVar[str] = "quarantine"

    path: Path = Field(description="The table's path or URI.")
