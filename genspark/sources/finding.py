"""List the shards of a source and find their schema, before their rows are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Sequence
from typing import Any

from genspark.errors import SourceError
from genspark.sources import hive
from genspark.sources.dataset import Dataset
from genspark.sources.formats import format_of
from genspark.sources.keeping import Keeper
from genspark.sources.listing import Listing
from genspark.sources.places import PLACE, at_source
from genspark.sources.shard import Shard
from genspark.sources.source import Source, description_of
from genspark.sources.unpacking import unpacked
from genspark.storage.stores import file_uri


def list_source(source: Source) -> Listing:
    """List the shards without opening them. Raises SourceError for what is missing or needs Spark to be read."""
    with at_source():
        return format_of(source.format).listed(source)


def find_dataset(
    source: Source, left_out: Container[str] = (), listing: Listing | None = None, scratch: str | None = None
) -> Dataset:
    """Find the schema of all shards except those whose paths are in `left_out`.

    The shards are those of `listing`, or are listed now. Where types are inferred and the folder `scratch` is given,
    the pass that infers them keeps the rows there. No data is read, except by that pass. Raises ShardError for a shard
    that cannot be read or differs from the others, and SourceError for what is missing.
    """
    form = format_of(source.format)
    listing = listing or list_source(source)
    kept = _kept(listing.shards, left_out)
    if listing.schema is not None:
        description = listing.description or _description(source, kept)
        return Dataset(form, tuple(kept), dict(listing.schema), listing.options, description)
    given = form.given_schema(source)
    constants = hive.types_of([shard.constants for shard in kept], given or {})
    keeper = Keeper(scratch, "inferred") if given is None and scratch and form.infers else None
    if keeper is None:
        found = form.schema(_not_empty(kept), listing.options, given, constants)
    else:
        kept = unpacked(kept, keeper.folder)
        found = form.inferred(_not_empty(kept), listing.options, keeper)
        kept = [s if s.path not in found.kept else dataclasses.replace(s, copy=None) for s in kept]
    schema = {**found.columns, **{name: dtype for name, dtype in constants.items() if name not in found.columns}}
    shards = (dataclasses.replace(s, variant=found.variants.get(s.path, 0), rows=found.rows.get(s.path)) for s in kept)
    return Dataset(form, tuple(shards), schema, listing.options, _description(source, kept), found.passes, found.kept)


def _not_empty(shards: Sequence[Shard]) -> Sequence[Shard]:
    """The shards that have bytes; all of them where none has."""
    return [shard for shard in shards if shard.size] or shards


def _kept(shards: Sequence[Shard], left_out: Container[str]) -> list[Shard]:
    kept = [shard for shard in shards if shard.path not in left_out]
    if shards and not kept:
        raise SourceError(f"{PLACE}: none of the {len(shards)} shards can be read; check source.format")
    return kept


def _description(source: Source, shards: Sequence[Shard]) -> dict[str, Any]:
    return description_of(source, [file_uri(shard.path) for shard in shards])
