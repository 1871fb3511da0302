"""The options that the readers know, by format: the names of Spark's, whatever their case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genspark.errors import SourceError, did_you_mean

DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "csv": {"header": "true", "inferSchema": "true"},
    "images": {"recursiveFileLookup": "true"},
}
_FILES = ("recursiveFileLookup", "pathGlobFilter")
KNOWN: Mapping[str, tuple[str, ...]] = {
    "csv": (
        *_FILES,
        *(
            "header",
            "inferSchema",
            "sep",
            "delimiter",
            "quote",
            "escape",
            "nullValue",
            "comment",
            "encoding",
            "charset",
        ),
        *("mode", "multiLine", "enforceSchema"),
    ),
    "json": (*_FILES, "mode", "multiLine", "primitivesAsString"),
    "parquet": _FILES,
    "orc": _FILES,
    "arrow": _FILES,
    "text": _FILES,
    "images": _FILES,
    "delta": (),
}
# Spark's defaults, which the readers here follow too: saying them changes nothing.
FIXED = {"mode": "permissive", "multiLine": "false", "enforceSchema": "true"}


def known_options(kind: str, given: Mapping[str, Any]) -> dict[str, str]:
    """The options of a source, by Spark's own spelling. Raises SourceError for one that only Spark knows."""
    known = {name.lower(): name for name in KNOWN[kind]}
    options = dict(DEFAULTS.get(kind, {}))
    for name, value in given.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        spelling = known.get(name.lower())
        if spelling is None:
            hint = did_you_mean(name, KNOWN[kind]) if KNOWN[kind] else ""
            raise SourceError(
                f"source.options.{name}: not an option of {kind} that is read without Spark{hint}; "
                "`engine: spark` reads it"
            )
        fixed = FIXED.get(spelling)
        if fixed is not None and text.lower() != fixed:
            raise SourceError(
                f"source.options.{name}: only {fixed} is read without Spark; `engine: spark` reads {text}"
            )
        options[spelling] = text
    return options


def is_true(options: Mapping[str, str], name: str) -> bool:
    """Whether an option is given and true."""
    return options.get(name, "false").lower() == "true"
