"""How large a source is, as far as can be told at once."""

from __future__ import annotations

from genspark.config import Source
from genspark.errors import SourceError
from genspark.sources.listing import list_shards


def size_of(source: Source) -> int | None:
    """Bytes of the source's files; None where they cannot be listed from here."""
    paths = [source.path] if isinstance(source.path, str) else list(source.path)
    options = {"recursiveFileLookup": "true"} if source.format in ("images", "delta") else {}
    try:
        return sum(shard.size for shard in list_shards(paths, options, {}))
    except (SourceError, OSError, ValueError):
        return None
