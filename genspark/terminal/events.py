"""What happens, as lines of JSON on standard error, for programs that read it."""

from __future__ import annotations

import datetime as dt
import json
import sys
from typing import Any


def log_json(event: str, **told: Any) -> None:
    """Write an event as a line of JSON on standard error."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    print(json.dumps({"time": now, "event": event, **told}, ensure_ascii=False), file=sys.stderr, flush=True)
