"""Parse one line of JSON to Python values whose numbers keep their text: for the few lines that are read one by one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Number:
    """A number as it was written."""

    text: str

    @property
    def is_whole(self) -> bool:
        """Whether it was written without a point or an exponent."""
        return self.text.lstrip("-").isdigit()


_dumps = json.JSONEncoder().encode
# Made once: it takes longer to make than a line takes to parse.
_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=Number)


def parse(line: str) -> dict[str, Any]:
    """Parse the object that a line holds; of members with the same name the last counts.

    Raises ValueError for anything else, and for a string with half of a surrogate pair, which UTF-8 cannot hold.
    """
    try:
        value = _DECODER.decode(line)
        if "\\u" in line:
            # Only an escape makes half a pair; encoding raises UnicodeEncodeError for it, a ValueError.
            json.dumps(value, ensure_ascii=False, default=str).encode()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - the text is wrong, not a type
    return value


def text_of(value: Any) -> str:
    """Write a value as JSON without spaces, with numbers as they were written; a string is its characters, unquoted."""
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{_dumps(name)}:{_json(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    return _dumps(value)
