"""Convert lines of JSON to rows of a schema, one by one: for the few lines that PyArrow does not read."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from genspark.sources.formats.json.line import Number, parse, text_of
from genspark.sources.parsing import values

_NOT_FINITE = {"NaN": "nan", **dict.fromkeys(("Infinity", "+Infinity", "INF", "+INF"), "inf")}
_NOT_FINITE |= dict.fromkeys(("-Infinity", "-INF"), "-inf")


class MismatchError(ValueError):
    """A value is not of its column's type; `partial` holds those of its parts that are of their types."""

    def __init__(self, partial: Any = None) -> None:
        self.partial = partial
        super().__init__("a value is not of its column's type")


def row(line: str, schema: Mapping[str, pl.DataType]) -> tuple[dict[str, Any], bool]:
    """The values of a line that are of their columns' types, null for the others, and whether all are."""
    try:
        return _struct(parse(line), schema), True
    except MismatchError as mismatch:
        return mismatch.partial, False
    except ValueError:
        return {}, False


def _struct(value: Mapping[str, Any], schema: Mapping[str, pl.DataType]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    is_whole = True
    for name, dtype in schema.items():
        try:
            members[name] = convert(value.get(name), dtype)
        except MismatchError as mismatch:
            members[name], is_whole = mismatch.partial, False
    if not is_whole:
        raise MismatchError(members)
    return members


def convert(value: Any, dtype: pl.DataType) -> Any:
    """Convert a JSON value to the type. Raises MismatchError where it is not of the type."""
    if value is None:
        return None
    if dtype == pl.String():
        return text_of(value)
    if isinstance(dtype, pl.Struct):
        if not isinstance(value, dict):
            raise MismatchError
        return _struct(value, {field.name: field.dtype for field in dtype.fields})  # type: ignore[misc]
    if isinstance(dtype, pl.List):
        return _list(value, dtype)
    converted = _scalar(value, dtype)
    if converted is None:
        raise MismatchError
    return converted


def _list(value: Any, dtype: pl.List) -> list[Any]:
    if not isinstance(value, list):
        raise MismatchError
    inner: pl.DataType = dtype.inner  # type: ignore[assignment]
    items: list[Any] = []
    is_whole = True
    for item in value:
        try:
            items.append(convert(item, inner))
        except MismatchError as mismatch:
            if mismatch.partial is None:
                raise
            items.append(mismatch.partial)
            is_whole = False
    if not is_whole:
        raise MismatchError(items)
    return items


def _scalar(value: Any, dtype: pl.DataType) -> Any:
    if dtype == pl.Boolean():
        return value if isinstance(value, bool) else None
    if isinstance(dtype, pl.Decimal):
        text = value.text if isinstance(value, Number) else value
        return values.parser(dtype)(text) if isinstance(text, str) else None
    if dtype.is_integer():
        return values.parser(dtype)(value.text) if isinstance(value, Number) and value.is_whole else None
    if dtype.is_float():
        return _float(value)
    return _of_text(value, dtype)


def _float(value: Any) -> float | None:
    if isinstance(value, Number):
        return float(_NOT_FINITE.get(value.text, value.text))
    return float(_NOT_FINITE[value]) if isinstance(value, str) and value in _NOT_FINITE else None


def _of_text(value: Any, dtype: pl.DataType) -> Any:
    if isinstance(value, Number) and value.is_whole and dtype == pl.Datetime("us", "UTC"):
        try:
            return values.EPOCH + dt.timedelta(seconds=float(value.text) if len(value.text) > 20 else int(value.text))
        except OverflowError:
            return None
    if not isinstance(value, str):
        return None
    if dtype == pl.Binary():
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error:
            return None
    parse_text: Callable[[str], Any] = values.lenient_date if dtype == pl.Date() else values.parser(dtype)
    return parse_text(value)
