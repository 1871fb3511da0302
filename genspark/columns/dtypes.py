"""Schemas, and the dtypes that hold one kind of value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw

Schema = Mapping[str, Any]
"""Column name -> narwhals dtype, in the order of the columns."""


def is_number(dtype: Any) -> bool:
    """Whether a dtype holds numbers that arithmetic takes."""
    return bool(dtype.is_numeric())


def is_text(dtype: Any) -> bool:
    """Whether a dtype holds strings."""
    return bool(dtype == nw.String)


def is_plain(dtype: Any) -> bool:
    """Whether a dtype holds numbers, strings or booleans: values that JSON has too."""
    is_decimal = isinstance(dtype, nw.Decimal)
    return (is_number(dtype) and not is_decimal) or dtype in (nw.String, nw.Boolean)


def is_category(dtype: Any) -> bool:
    """Whether a dtype holds strings, integers or booleans, which name groups and categories.

    Floats do not: NaN equals nothing, and a rounding error would make another group.
    """
    return bool(dtype.is_integer()) or dtype in (nw.String, nw.Boolean)


def is_hashable(dtype: Any) -> bool:
    """Whether hashing.py defines the hash of values of this dtype; they have an order, too."""
    kinds = ("String", "Boolean", "Binary", "Date", "Datetime")
    return bool(dtype.is_integer() or dtype.is_float() or type(dtype).__name__ in kinds)
