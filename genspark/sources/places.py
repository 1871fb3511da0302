"""The place in the YAML and the remedies that errors about shards name."""

from __future__ import annotations

PLACE = "source.path"
LEAVE_OUT = "leave it out of the path, or set source.on_corrupt: quarantine"
REMEDY = f"restore the file, {LEAVE_OUT}"
