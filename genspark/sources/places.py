"""The place in the YAML that errors about shards name, and the remedies that they offer."""

from __future__ import annotations

PLACE = "source.path"
LEAVE_OUT = "leave it out of the path, or set source.on_corrupt: quarantine"
REMEDY = f"restore the file, {LEAVE_OUT}"
