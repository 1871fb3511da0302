"""The shards of a source and their schema, before anything else is read."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Container, Sequence
from typing import Any

from genspark.errors import SourceError
from genspark.sources import hive
from genspark.sources.dataset import Dataset
from genspark.sources.formats import format_of
from genspark.sources.keeping import Keeper
from genspark.sources.listing import Listing
from genspark.sources.places import PLACE
from genspark.sources.records import RecordFormat
from genspark.sources.shard import Shard
from genspark.sources.source import Source
from genspark.sources.unpacking import unpacked
from genspark.storage.files import stamp
from genspark.storage.stores import file_uri


def list_source(source: Source) -> Listing:
    """The shards, without a look into them. Raises SourceError for what is missing or not to be read here."""
    return format_of(source.format).listed(source)


def find(
    source: Source, left_out: Container[str] = (), listing: Listing | None = None, scratch: str | None = None
) -> Dataset:
    """Find the schema of the shards, but for those whose paths are left out; they are listed unless they were before.

    Where types are inferred, the pass that does it keeps the rows in the folder `scratch`, if one is given.
    Raises ShardError for a shard that cannot be read or differs from the others, and SourceError for what is missing.
    Reads no data, but for the pass that infers the types of csv and json.
    """
    form = format_of(source.format)
    listing = listing or form.listed(source)
    kept = _kept(listing.shards, left_out)
    if listing.schema is not None:
        description = listing.description or _description(source, kept)
        return Dataset(form, tuple(kept), dict(listing.schema), listing.options, description)
    given = form.given_schema(source)
    constants = hive.types_of([shard.constants for shard in kept], given or {})
    keeper = Keeper(scratch, "inferred") if given is None and scratch and isinstance(form, RecordFormat) else None
    if keeper is not None:
        kept = unpacked(kept, keeper.folder)
    filled = [shard for shard in kept if shard.size] or kept
    if keeper is not None and isinstance(form, RecordFormat):
        found = form.inferred(filled, listing.options, keeper)
        kept = [s if s.path not in found.kept else dataclasses.replace(s, copy=None) for s in kept]
    else:
        found = form.schema(filled, listing.options, given, constants)
    schema = {**found.columns, **{name: dtype for name, dtype in constants.items() if name not in found.columns}}
    shards = (dataclasses.replace(shard, variant=found.variants.get(shard.path, 0)) for shard in kept)
    return Dataset(form, tuple(shards), schema, listing.options, _description(source, kept), found.passes, found.kept)


def _kept(shards: Sequence[Shard], left_out: Container[str]) -> list[Shard]:
    kept = [shard for shard in shards if shard.path not in left_out]
    if shards and not kept:
        raise SourceError(f"{PLACE}: none of the {len(shards)} shards can be read; check source.format")
    return kept


def _description(source: Source, shards: Sequence[Shard]) -> dict[str, Any]:
    """Where the rows came from; the version is a digest of the files' names, sizes and times where these are known."""
    files = sorted(file_uri(shard.path) for shard in shards)
    digest = hashlib.sha256("\n".join(f"{file} {stamp(file)}" for file in files).encode()).hexdigest()
    return {"path": source.path, "format": source.format, "files": len(files), "version": digest[:16]}
