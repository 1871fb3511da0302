"""Pydantic's errors in one form: what is allowed, what was given, and the nearest thing that would do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from genspark.errors import Place, Problem, brief, did_you_mean
from genspark.storage.secrets import MASK, is_secret

_SECTION = "a section with keys of its own"

_ALLOWED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    # What pydantic wanted -> what may follow "must be".
    "string_type": lambda _: "text",
    "int_type": lambda _: "a whole number",
    "int_parsing": lambda _: "a whole number",
    "int_from_float": lambda _: "a whole number",
    "float_type": lambda _: "a number",
    "float_parsing": lambda _: "a number",
    "bool_type": lambda _: "true or false",
    "bool_parsing": lambda _: "true or false",
    "list_type": lambda _: "a list",
    "tuple_type": lambda _: "a list",
    "dict_type": lambda _: _SECTION,
    "model_type": lambda _: _SECTION,
    "dataclass_type": lambda _: _SECTION,
    "literal_error": lambda context: "one of " + ", ".join(_literals(context)),
    "greater_than": lambda context: f"greater than {context['gt']:g}",
    "greater_than_equal": lambda context: f"at least {context['ge']:g}",
    "less_than": lambda context: f"less than {context['lt']:g}",
    "less_than_equal": lambda context: f"at most {context['le']:g}",
    "too_short": lambda context: _items("at least", context["min_length"]),
    "too_long": lambda context: _items("at most", context["max_length"]),
    "finite_number": lambda _: "a finite number",
    "string_too_short": lambda _: "text that is not empty",
}
_ABSENT = ("missing",)
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")


def translate(error: ValidationError, data: Any, schema: Mapping[str, Any]) -> list[Problem]:
    """Every mistake in `data`, a problem for each place.

    `schema` is the JSON Schema that `data` does not meet: it knows the keys that are allowed at a place.
    """
    errors: dict[Place, list[ErrorDetails]] = {}
    for one in error.errors(include_url=False):
        errors.setdefault(_place(one, data), []).append(one)
    return [
        _problem(place, several, data, schema)
        for place, several in errors.items()
        if not _is_explained_deeper(place, several, errors)
    ]


def _place(error: ErrorDetails, data: Any) -> Place:
    """The keys and positions on the way, without the union members that pydantic puts between them."""
    here, place = data, []
    for part in error["loc"]:
        is_there = part in here if isinstance(here, dict) else isinstance(here, list) and part in range(len(here))
        if is_there:
            here = here[part]
            place.append(part)
    return (*place, error["loc"][-1]) if error["type"] in _ABSENT else tuple(place)


def _is_explained_deeper(place: Place, several: Sequence[ErrorDetails], places: Mapping[Place, Any]) -> bool:
    """Whether mistakes are reported deeper, and here only the type is wrong, or items with mistakes are not counted.

    Of a union the member of the right type has them, and pydantic takes a list for shorter by each item that has one.
    """
    is_of_what_is_inside = all(error["type"].endswith("_type") or error["type"] == "too_short" for error in several)
    return is_of_what_is_inside and any(len(other) > len(place) and other[: len(place)] == place for other in places)


def _problem(place: Place, several: Sequence[ErrorDetails], data: Any, schema: Mapping[str, Any]) -> Problem:
    first = several[0]
    kind = first["type"]
    if kind in _ABSENT:
        return Problem(place, "needed and absent")
    if kind in _UNKNOWN:
        return Problem(place, f"not a key here{did_you_mean(str(place[-1]), keys_at(schema, place[:-1]))}")
    if kind == "value_error":
        return _own_words(place, str(first["ctx"]["error"]), _at(data, place))
    # A member of a union that fits the type says more than those that do not.
    several = [error for error in several if not error["type"].endswith("_type")] or several
    given = MASK if any(is_secret(str(part)) for part in place) else _at(data, place)
    allowed = list(dict.fromkeys(_allowed(error) for error in several))
    return Problem(
        place, f"must be {_either(allowed)}; got {brief(given)}{_remedy(allowed, given, several, place, schema)}"
    )


def _own_words(place: Place, message: str, given: Any) -> Problem:
    """The problem of a rule of genspark's own; where its text begins with the name of a key, that key is the place."""
    key, colon, what = message.partition(": ")
    is_key = bool(colon) and isinstance(given, dict) and key in given
    return Problem((*place, key), what) if is_key else Problem(place, message)


def _allowed(error: ErrorDetails) -> str:
    phrase = _ALLOWED.get(error["type"])
    if phrase:
        return phrase(error.get("ctx", {}))
    # A kind of error no field had when this was written: its words, less pydantic's opening.
    return re.sub(r"^(Input|Value) should be ", "", error["msg"])


def _remedy(
    allowed: Sequence[str], given: Any, several: Sequence[ErrorDetails], place: Place, schema: Mapping[str, Any]
) -> str:
    names = [name for error in several if error["type"] == "literal_error" for name in _literals(error["ctx"])]
    if names:
        near = did_you_mean(str(given).lower(), names)
        return near if near.startswith("; did") else ""
    is_scalar = isinstance(given, bool | int | float)
    if "text" in allowed and is_scalar:
        return "; put it in quotes"
    if "a list" in allowed and isinstance(given, dict):
        return "; begin each item with '-'"
    keys = keys_at(schema, place) if _SECTION in allowed else []
    return f"; its keys: {', '.join(keys)}" if keys else ""


def _literals(context: Mapping[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", context["expected"])


def _items(bound: str, count: int) -> str:
    return f"{bound} {count} item{'s' * (count != 1)} long"


def _either(phrases: Sequence[str]) -> str:
    # Every whole number is a number.
    fewer = [p for p in phrases if p != "a whole number" or "a number" not in phrases]
    return " or ".join([", ".join(fewer[:-1]), fewer[-1]]) if len(fewer) > 1 else fewer[0]


def _at(data: Any, place: Place) -> Any:
    for part in place:
        data = data[part]
    return data


def keys_at(schema: Mapping[str, Any], place: Place) -> list[str]:
    """The keys that a JSON Schema allows at a place, in its order; none where any key may stand."""
    return list(dict.fromkeys(key for option in _options_at(schema, place) for key in option.get("properties", {})))


def takes_text_alone(schema: Mapping[str, Any], place: Place) -> bool:
    """Whether a JSON Schema allows no scalar but text at a place; for a list, one name may be given instead."""
    types = {option.get("type") for option in _options_at(schema, place)}
    return bool(types) and types <= {"string", "array", "null"}


def _options_at(schema: Mapping[str, Any], place: Place) -> list[Mapping[str, Any]]:
    here = _options(schema, schema)
    for part in place:
        here = [inner for option in here for inside in _inside(option, part) for inner in _options(inside, schema)]
    return here


def _options(one: Mapping[str, Any], root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The schema itself, or what it refers to and chooses from."""
    if "$ref" in one:
        return _options(root["$defs"][one["$ref"].rpartition("/")[2]], root)
    choices = one.get("anyOf") or one.get("oneOf")
    return [option for choice in choices for option in _options(choice, root)] if choices else [one]


def _inside(one: Mapping[str, Any], part: str | int) -> list[Mapping[str, Any]]:
    """The schemas of one key, or of one item."""
    if isinstance(part, int):
        first = one.get("prefixItems", [])
        inner = first[part] if part < len(first) else one.get("items")
    else:
        inner = one.get("properties", {}).get(part, one.get("additionalProperties"))
    return [inner] if isinstance(inner, dict) else []
