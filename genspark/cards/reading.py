"""The card that lies beside a table, read again: no configuration is needed."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from genspark.cards.croissant import figures
from genspark.errors import SourceError
from genspark.sinks.contents import contents
from genspark.storage.catalogs import place_of
from genspark.storage.files import OWN, read_text

CROISSANT = f"{OWN}/croissant.json"
"""Where the card lies, below the table's path."""


def read(table: str) -> dict[str, Any]:
    """The Croissant document of a table. Raises SourceError where there is none that genspark wrote."""
    document = find(table)
    if document is None:
        raise SourceError(
            f"{table}: there is no card here ({CROISSANT}); correct the path, or run the job again, which writes one"
        )
    return document


def find(table: str) -> dict[str, Any] | None:
    """The Croissant document of a table; None where there is no card. Raises SourceError for one that is unreadable."""
    path = f"{place_of(table).rstrip('/')}/{CROISSANT}"
    try:
        document = json.loads(read_text(path))
        figures(document)["table version"]
    except FileNotFoundError:
        return None
    except (AttributeError, KeyError, TypeError):
        raise SourceError(f"{path}: not a card of genspark's; run the job again, which writes one") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read ({error})") from None
    return dict(document)


def newest_version(table: str, document: dict[str, Any]) -> int | None:
    """The version that a table has now; None where its log is out of reach."""
    # The log's readers raise errors of their own libraries.
    with contextlib.suppress(Exception):
        return contents(figures(document)["table format"], table).version
    return None
