"""Types that text can be read as: each says what texts are well formed, the same on every engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Literal

import polars as pl
import pyarrow as pa

from genspark.columns.kernels import Kernel

TypeName = Literal["integer", "number", "boolean", "date", "timestamp", "uuid", "json"]

_DAY = r"^\d{4}-\d{2}-\d{2}"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]([01]\d|2[0-3]):?[0-5]\d)?$"


def _fits(pattern: str) -> pl.Expr:
    return pl.col("text").str.contains(pattern)


_IS_DAY = pl.col("text").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).is_not_null()
_IN_INT64 = pl.col("text").str.strip_prefix("+").cast(pl.Int64, strict=False).is_not_null()

JUDGED: dict[TypeName, pl.Expr] = {
    "integer": _fits(r"^[+-]?[0-9]+$") & _IN_INT64,
    "number": _fits(r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"),
    "boolean": _fits(r"^(?i:true|false)$"),
    "date": _fits(_DAY + "$") & _IS_DAY,
    "timestamp": _fits(_DAY + "[T ]" + _CLOCK) & _IS_DAY,
    "uuid": _fits(r"^(?i:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"),
}
"""Whether `text` can be read so. Digits are those of ASCII, without blanks about them."""


def typed(column: str, name: TypeName, output: str) -> Kernel:
    """The kernel of the hidden Boolean column that tells whether texts can be read as a type; null for null."""

    def judge(arrays: Sequence[pa.Array]) -> list[pa.Array]:
        # Texts that are equal are judged once.
        texts = arrays[0].dictionary_encode()
        judged = _by_json if name == "json" else _by_expression(name)
        return [judged(texts.dictionary).take(texts.indices)]

    return Kernel((column,), {output: pa.bool_()}, judge)


def type_of(texts: pl.Series) -> TypeName | None:
    """The narrowest type that all of some texts can be read as; None where there is none, or no text."""
    there = texts.drop_nulls().unique().alias("text").to_frame()
    if not there.height:
        return None
    return next((name for name, judged in JUDGED.items() if there.select(judged.all()).item()), None)


def _by_expression(name: TypeName) -> Callable[[pa.Array], pa.Array]:
    def judge(texts: pa.Array) -> pa.Array:
        frame = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
        return frame.select(JUDGED[name]).to_series().to_arrow()

    return judge


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _by_json(texts: pa.Array) -> pa.Array:
    return pa.array([_is_json(text) for text in texts.to_pylist()], pa.bool_())
