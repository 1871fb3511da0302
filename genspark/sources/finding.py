"""The shards of a source and their schema, before anything else is read."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import polars as pl

from genspark.config import Source
from genspark.errors import ShardError, SourceError
from genspark.sources import ddl, hive
from genspark.sources.dataset import PLACE, REMEDY, Dataset
from genspark.sources.formats import batches, images, parquet
from genspark.sources.formats.csv import reader as csv_reader
from genspark.sources.formats.delta import find_delta
from genspark.sources.formats.json import reader as json_reader
from genspark.sources.formats.spark_images import PATTERN
from genspark.sources.listing import list_shards
from genspark.sources.options import known_options
from genspark.sources.parsing.blocks import blocks
from genspark.sources.shard import Shard
from genspark.sources.types import normal_schema, readable_as, same_or_refuse
from genspark.storage import globs
from genspark.storage.files import stamp
from genspark.storage.stores import absolute, entry, file_uri

_UNREADABLE = (OSError, ValueError, pl.exceptions.PolarsError)


def find(source: Source, left_out: Container[str] = ()) -> Dataset:
    """Find the shards, but for those whose paths are left out, and their schema.

    Raises ShardError for one that cannot be read or differs from the others, and SourceError for what is missing.
    Reads no data, but for the pass that infers the types of csv and json.
    """
    kind: str = source.format
    paths = [source.path] if isinstance(source.path, str) else list(source.path)
    options = known_options(kind, source.options)
    if kind == "delta":
        found = find_delta(source, paths, options)
        return found.with_shards(_kept(found.shards, left_out))
    told = ddl.parse(source.schema_) if source.schema_ and kind != "images" else None
    if kind == "images":
        images.require_pillow()
        options = {"pathGlobFilter": PATTERN, **options}
    listed = _kept(list_shards(paths, options, told or {}), left_out)
    constants = hive.types_of([shard.constants for shard in listed], told or {})
    shards = [shard for shard in listed if shard.size] or listed
    variants: dict[str, int] = {}
    own, passes = _columns(kind, shards, options, told, constants, variants)
    schema = {**own, **{name: dtype for name, dtype in constants.items() if name not in own}}
    return Dataset(
        format=kind,
        shards=tuple(dataclasses.replace(shard, variant=variants.get(shard.path, 0)) for shard in listed),
        schema=schema,
        options=options,
        description=_description(source, listed),
        passes=passes,
        root=_root(paths) if kind == "images" else None,
    )


def _kept(shards: Sequence[Shard], left_out: Container[str]) -> list[Shard]:
    kept = [shard for shard in shards if shard.path not in left_out]
    if shards and not kept:
        raise SourceError(f"{PLACE}: none of the {len(shards)} shards can be read; check source.format")
    return kept


def _columns(
    kind: str,
    shards: Sequence[Shard],
    options: Mapping[str, str],
    told: dict[str, pl.DataType] | None,
    constants: Mapping[str, pl.DataType],
    variants: dict[str, int],
) -> tuple[dict[str, pl.DataType], int]:
    """The columns with their types, and the passes over the data that it took; fills in the `variants` of paths."""
    if kind == "images":
        return images.SCHEMA, 0
    if kind == "text":
        return {"value": pl.String()}, 0
    if kind not in ("csv", "json"):
        return _of_files(kind, shards, told, constants, variants), 0
    try:
        if told is None:
            infer = csv_reader.schema_of if kind == "csv" else json_reader.schema_of
            return infer(shards, options), 1
        if kind == "csv":
            csv_reader.check_headers(shards, options)
    except _UNREADABLE as error:
        causes = {shard.path: cause for shard in shards if (cause := _cut_short(shard.path))}
        if causes:
            raise ShardError(causes, REMEDY) from error
        raise SourceError(f"{PLACE}: {', '.join(shard.path for shard in shards[:3])}: {error}") from error
    return told, 0


def _cut_short(path: str) -> str | None:
    """Why the bytes of a file of text cannot be had to their end; None where they can."""
    try:
        for _ in blocks(path):
            pass
    except _UNREADABLE as error:
        return f"cannot be read ({str(error).strip().partition(chr(10))[0] or type(error).__name__})"
    return None


def _of_files(
    kind: str,
    shards: Sequence[Shard],
    told: dict[str, pl.DataType] | None,
    constants: Mapping[str, pl.DataType],
    variants: dict[str, int],
) -> dict[str, pl.DataType]:
    """The columns that the files themselves tell of: all of them must agree, or hold what source.schema says."""
    first: dict[str, pl.DataType] | None = None
    seen: dict[str, int] = {}
    for shard in shards:
        raw = _raw_schema(kind, shard.path)
        variants[shard.path] = seen.setdefault(repr(raw), len(seen))
        own = normal_schema(raw, shard.path)
        if told is None:
            same_or_refuse(own, shard.path, first or own, shards[0].path)
        else:
            _fits_or_refuse(own, shard.path, {name: t for name, t in told.items() if name not in constants})
        first = first or own
    if not first:
        raise SourceError(f"{PLACE}: {shards[0].path} has no column; check that it holds {kind}")
    return told or first


def _raw_schema(kind: str, path: str) -> pl.Schema:
    read: Callable[[], pl.Schema] = (
        (lambda: parquet.raw_schema(path)) if kind == "parquet" else (lambda: batches.raw_schema(kind, path))
    )
    try:
        return read()
    except _UNREADABLE as error:
        reason = str(error).partition("\n")[0]
        raise ShardError({path: f"is not {kind} that can be read ({reason})"}, REMEDY) from error


def _fits_or_refuse(own: Mapping[str, pl.DataType], path: str, told: Mapping[str, pl.DataType]) -> None:
    for name, dtype in told.items():
        if name not in own:
            raise SourceError(f"source.schema: {path} has no column {name!r}; leave it out")
        if not readable_as(own[name], dtype):
            names = (ddl.name_of(own[name]), ddl.name_of(dtype))
            raise SourceError(
                f"source.schema: column {name!r} of {path} is {names[0]} and cannot be read as {names[1]}; "
                "leave the schema out and add a `cast` step"
            )


def _description(source: Source, shards: Sequence[Shard]) -> dict[str, Any]:
    """Where the rows came from; the version is a digest of the files' names, sizes and times where these are known."""
    files = sorted(file_uri(shard.path) for shard in shards)
    digest = hashlib.sha256("\n".join(f"{file} {stamp(file)}" for file in files).encode()).hexdigest()
    return {"path": source.path, "format": source.format, "files": len(files), "version": digest[:16]}


def _root(paths: Sequence[str]) -> str | None:
    """What stands before the relative part of each image's path; None where there is no one folder."""
    if len(paths) != 1 or globs.is_glob(paths[0]):
        return None
    path = absolute(paths[0])
    found = entry(path)
    return f"{path.rstrip('/')}/" if found and found.is_folder else None
