"""The place in the YAML and the remedies that errors about shards name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from genspark.errors import SourceError, StoreError

PLACE = "source.path"
LEAVE_OUT = "leave it out of the path, or set source.on_corrupt: quarantine"
REMEDY = f"restore the file, {LEAVE_OUT}"


@contextlib.contextmanager
def at_source() -> Iterator[None]:
    """Raise a StoreError inside the block as a SourceError that names the place."""
    try:
        yield
    except StoreError as error:
        raise SourceError(f"{PLACE}: {error}") from error
