"""Values made coarser: numbers to the middle of their bin, texts to their beginning or to the name of their group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from genspark.columns.dtypes import is_number

Cut = tuple[Any, ...]
"""How values are made coarser, as plain data: AS_IS, ("bins", width), ("prefix", characters), or ("groups", pairs of a
value and its group)."""
AS_IS: Cut = ("as is",)
DAY = 10
"""The characters of a day, such as 2026-01-31."""


def plain_type(dtype: Any) -> pa.DataType | None:
    """The type of the plain form of a column, by its narwhals dtype; None where there is none."""
    if isinstance(dtype, nw.Date | nw.Datetime) or dtype in (nw.String, nw.Boolean):
        return pa.string()
    return pa.float64() if is_number(dtype) else None


def plain(array: pa.Array) -> pa.Array:
    """An Arrow column in the form in which its values are told apart and counted, which JSON has.

    Numbers are float64, where infinities are missing and -0.0 is 0.0; all else is text: true and false, a day such as
    2026-01-31, and for a time its day in UTC.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("us", array.type.tz), safe=False).cast(pa.date32(), safe=False)
    if pa.types.is_date(array.type):
        return array.cast(pa.date32()).cast(pa.string())
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_decimal(array.type):
        return finite(np.asarray(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)))
    return array.cast(pa.string())


def finite(values: Any) -> pa.Array:
    """Numbers as an Arrow column: NaN and infinities are null, -0.0 is 0.0."""
    return pa.array(np.where(np.isfinite(values), values + 0.0, np.nan), pa.float64(), from_pandas=True)


def coarser(values: pa.Array, cut: Cut) -> pa.Array:
    """Plain values made coarser; null stays null, and what no group names stays as it is."""
    import pyarrow.compute as pc

    how, *argument = cut
    if how == "bins":
        (width,) = argument
        numbers = values.to_numpy(zero_copy_only=False)
        return finite((np.floor(numbers / width) + 0.5) * width)
    if how == "prefix":
        return pc.utf8_slice_codeunits(values, 0, argument[0])
    if how == "groups":
        named = dict(argument[0])
        coded = values.dictionary_encode()
        return pa.array([named.get(text, text) for text in coded.dictionary.to_pylist()], pa.string()).take(
            coded.indices
        )
    return values


def chained(maps: Sequence[Mapping[str, str]]) -> list[Cut]:
    """The cuts of maps of which each is applied to what the one before it gave."""
    cuts: list[Cut] = []
    whole: dict[str, str] = {}
    for one in maps:
        # What only this map names is its own group before.
        before = {**{value: value for value in one}, **whole}
        whole = {value: one.get(group, group) for value, group in before.items()}
        cuts.append(("groups", tuple(sorted(whole.items()))))
    return cuts
