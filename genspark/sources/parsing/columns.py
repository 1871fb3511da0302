"""Columns of text as columns of a type: the plain spellings by Polars, what is left text by text."""

from __future__ import annotations

import polars as pl

from genspark.sources.parsing import values

_PLAIN_DATE = r"^\d{4}-[01]\d-[0-3]\d$"
_PLAIN_TIMESTAMP = r"^[1-9]\d{3}-[01]\d-[0-3]\d[ T][0-2]\d:[0-5]\d:[0-5]\d(?:\.\d{1,6})?$"


def converted(texts: pl.Series, dtype: pl.DataType) -> tuple[pl.Series, pl.Series | None]:
    """The values, and which texts are not of the type (None where all are); null stays null and is no mistake."""
    if dtype == pl.String():
        return texts, None
    plain = plainly(texts, dtype)
    left = plain.is_null() & texts.is_not_null()
    if not left.any():
        return plain, None
    parse = values.parser(dtype)
    rest = texts.filter(left)
    known = rest.unique()
    found = pl.DataFrame(
        [known, pl.Series("value", [parse(text) for text in known.to_list()], dtype=dtype, strict=False)]
    )
    exact = pl.DataFrame([rest]).join(found, on=rest.name, how="left", maintain_order="left")["value"]
    result = _filled(plain, left, exact)
    bad = result.is_null() & texts.is_not_null()
    return result, bad if bad.any() else None


def plainly(texts: pl.Series, dtype: pl.DataType) -> pl.Series:
    """The values of texts whose reading is beyond doubt, null for the others."""
    if isinstance(dtype, pl.Datetime):
        return _timestamps(texts, dtype)
    if dtype == pl.Date():
        return texts.set(~texts.str.contains(_PLAIN_DATE), None).str.to_date("%Y-%m-%d", strict=False, cache=False)
    if isinstance(dtype, pl.Decimal):
        room = (dtype.precision or 38) - dtype.scale
        plain = rf"^-?\d{{1,{room}}}(?:\.\d{{1,{dtype.scale}}})?$" if dtype.scale else rf"^-?\d{{1,{room}}}$"
        if room == 0:
            return pl.Series(texts.name, [None] * len(texts), dtype=dtype)
        return texts.set(~texts.str.contains(plain), None).cast(dtype, strict=False)
    if dtype in (pl.Float32(), pl.Float64()):
        numbers = texts.cast(dtype, strict=False)
        # Names of numbers that are not finite differ: those are left to be read exactly.
        return numbers.set(~numbers.is_finite(), None)
    if dtype == pl.Boolean():
        lower = texts.str.to_lowercase()
        return (
            pl.DataFrame([lower])
            .select(pl.when(pl.first() == "true").then(True).when(pl.first() == "false").then(False))
            .to_series()
            .rename(texts.name)
        )
    return texts.cast(dtype, strict=False)


def _timestamps(texts: pl.Series, dtype: pl.Datetime) -> pl.Series:
    plain = texts.set(~texts.str.contains(_PLAIN_TIMESTAMP), None)
    if plain.null_count() == len(plain):
        return pl.Series(texts.name, [None] * len(texts), dtype=dtype)
    whole = plain.str.slice(0, 19) if (plain.str.len_bytes() > 19).any() else plain
    spaced = whole.str.replace("T", " ", literal=True) if whole.str.contains("T", literal=True).any() else whole
    # Of the ways to the same values by far the fastest.
    moments = spaced.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False, cache=False)
    if whole is not plain:
        micros = plain.str.slice(20).str.pad_end(6, "0").cast(pl.Int64)
        moments = (moments.cast(pl.Int64) + micros).cast(pl.Datetime("us"))
    return moments.dt.replace_time_zone("UTC") if dtype.time_zone else moments


def _filled(series: pl.Series, where: pl.Series, given: pl.Series) -> pl.Series:
    return series.clone().scatter(where.arg_true(), given)
