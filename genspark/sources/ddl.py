"""Parse column definitions such as 'fare double, tags array<string>' to Polars types, and write types as DDL."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from genspark.engines.spark.names import quoted
from genspark.errors import SourceError

SIMPLE: dict[str, pl.DataType] = {
    **dict.fromkeys(("tinyint", "byte"), pl.Int8()),
    **dict.fromkeys(("smallint", "short"), pl.Int16()),
    **dict.fromkeys(("int", "integer"), pl.Int32()),
    **dict.fromkeys(("bigint", "long"), pl.Int64()),
    **dict.fromkeys(("float", "real"), pl.Float32()),
    "double": pl.Float64(),
    "string": pl.String(),
    "boolean": pl.Boolean(),
    "binary": pl.Binary(),
    "date": pl.Date(),
    **dict.fromkeys(("timestamp", "timestamp_ltz"), pl.Datetime("us", "UTC")),
    "timestamp_ntz": pl.Datetime("us"),
    **dict.fromkeys(("decimal", "dec", "numeric"), pl.Decimal(10, 0)),
}
NAMES: dict[pl.DataType, str] = {
    dtype: name
    for name, dtype in reversed(SIMPLE.items())
    if name not in ("byte", "short", "integer", "long", "real", "timestamp_ltz", "dec", "numeric")
}
_TOKEN = re.compile(r"\s*(?:(`(?:[^`]|``)+`)|([\w.]+)|('(?:[^'\\]|\\.)*')|([<>(),:]))")


def parse(ddl: str) -> dict[str, pl.DataType]:
    """Parse a DDL text to its columns, in order. Raises SourceError where it is not DDL."""
    try:
        tokens = _tokens(ddl)
        fields = _fields(tokens, end="")
    except (ValueError, IndexError) as error:
        raise SourceError(
            f"source.schema: {ddl!r} is not DDL such as 'fare double, pickup timestamp': {error}"
        ) from error
    return fields


def text_of(columns: Mapping[str, pl.DataType]) -> str:
    """Write columns as DDL, as `parse` and Spark read it."""
    return ", ".join(f"{_quoted(name)} {name_of(dtype)}" for name, dtype in columns.items())


def _quoted(name: str) -> str:
    """A column's name, in backticks where it is no plain word."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else quoted(name)


def name_of(dtype: pl.DataType) -> str:
    """Write a type as DDL."""
    if isinstance(dtype, pl.List):
        return f"array<{name_of(pl.List(dtype.inner).inner)}>"  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        return "struct<" + ",".join(f"{_quoted(f.name)}:{name_of(f.dtype)}" for f in dtype.fields) + ">"  # type: ignore[arg-type]
    if isinstance(dtype, pl.Decimal):
        return f"decimal({dtype.precision},{dtype.scale})"
    return NAMES.get(dtype, str(dtype))


def _tokens(ddl: str) -> list[str]:
    """Split a DDL text into words and signs; an empty token ends it."""
    tokens, position = [], 0
    while ddl[position:].strip():
        match = _TOKEN.match(ddl, position)
        if match is None:
            raise ValueError(f"{ddl[position:].strip()[:20]!r} was not expected")
        tokens.append(match.group().strip())
        position = match.end()
    return [*tokens, ""]


def _fields(tokens: list[str], end: str) -> dict[str, pl.DataType]:
    """Parse fields up to the token `end`. All tokens read, `end` too, are removed from the list."""
    fields: dict[str, pl.DataType] = {}
    while True:
        name = _name(tokens.pop(0))
        if tokens[0] == ":":
            tokens.pop(0)
        dtype = _type(tokens)
        if name in fields:
            raise ValueError(f"{name!r} stands twice")
        fields[name] = dtype
        _skip_remarks(tokens)
        sign = tokens.pop(0)
        if sign == end:
            return fields
        if sign != ",":
            raise ValueError(f"{sign or 'the end'!r} was not expected after {name!r}")


def _name(token: str) -> str:
    if token.startswith("`"):
        return token[1:-1].replace("``", "`")
    if not re.fullmatch(r"\w+", token):
        raise ValueError(f"{token or 'the end'!r} is not a column's name; put it in backticks")
    return token


def _type(tokens: list[str]) -> pl.DataType:
    word = tokens.pop(0).lower()
    if word == "array":
        _expect(tokens, "<")
        inner = _type(tokens)
        _expect(tokens, ">")
        return pl.List(inner)
    if word == "struct":
        _expect(tokens, "<")
        return pl.Struct(_fields(tokens, end=">"))
    if word in ("decimal", "dec", "numeric") and tokens[0] == "(":
        return _decimal(tokens)
    if word in ("char", "varchar") and tokens[0] == "(":
        del tokens[:3]
        return pl.String()
    if word not in SIMPLE:
        raise ValueError(f"the type {word or 'after the last name'!r} is not read here; known: {', '.join(SIMPLE)}")
    return SIMPLE[word]


def _decimal(tokens: list[str]) -> pl.Decimal:
    end = tokens.index(")")
    numbers = [int(digits) for digits in tokens[1:end] if digits != ","]
    del tokens[: end + 1]
    precision, scale = numbers if len(numbers) == 2 else (numbers[0], 0)
    if not 0 < precision <= 38 or not 0 <= scale <= precision:
        raise ValueError(f"decimal({precision},{scale}) is beyond 38 digits")
    return pl.Decimal(precision, scale)


def _expect(tokens: list[str], sign: str) -> None:
    token = tokens.pop(0)
    if token != sign:
        raise ValueError(f"{token or 'the end'!r} stands where {sign!r} was expected")


def _skip_remarks(tokens: list[str]) -> None:
    """Remove NOT NULL and COMMENT 'text', which say nothing about the type."""
    while tokens[0].lower() in ("not", "comment"):
        del tokens[:2]
