"""The way of OpenLineage's events: a line of a file, or a request to a catalogue's server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from genspark.storage.files import local

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

API_KEY = "OPENLINEAGE_API_KEY"
"""The variable that holds the server's key, as in OpenLineage's other clients."""
ENDPOINT = "/api/v1/lineage"
"""Where servers take events, unless the URL has a path of its own."""
_SECONDS = 5.0
_RETRIES = {"total": 1, "backoff_factor": 0.3, "status_forcelist": [500, 502, 503, 504], "allowed_methods": ["POST"]}


def send(event: RunEvent, target: str) -> None:
    """Append an event to a file, or post it. Raises OSError, or whatever the client's transport raises."""
    (_post if target.startswith(("http://", "https://")) else _append)(event, target)


def _append(event: RunEvent, path: str) -> None:
    from openlineage.client.serde import Serde

    file = local(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    line = f"{Serde.to_json(event)}\n".encode()
    # One write in append mode, so that the lines of two jobs do not mix.
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def _post(event: RunEvent, url: str) -> None:
    """Post the event by the official client. A catalogue that is down holds a run up for a few seconds."""
    from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider

    parts = urlsplit(url)
    path = parts.path if parts.path.strip("/") else ENDPOINT
    endpoint = urlunsplit(("", "", path, parts.query, "")).lstrip("/")
    key = os.environ.get(API_KEY)
    auth = ApiKeyTokenProvider({"apiKey": key}) if key else TokenProvider({})
    base = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    transport = HttpTransport(HttpConfig(url=base, endpoint=endpoint, timeout=_SECONDS, auth=auth, retry=_RETRIES))
    try:
        transport.emit(event)
    finally:
        transport.close()
