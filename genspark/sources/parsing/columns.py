"""Convert columns of text to a type: the plain spellings with Polars, the other texts one by one."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pyarrow.compute

from genspark.sources.parsing import values

_PLAIN_DATE = r"^\d{4}-[01]\d-[0-3]\d$"
_TIME_OF_DAY = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:0\d|1[0-7]):[0-5]\d)?)?"
_PLAIN_TIMESTAMP = rf"^[1-9]\d{{3}}-[01]\d-[0-3]\d(?:[ T]{_TIME_OF_DAY})?$"
_ZONE = r"(Z|[+-]\d\d:\d\d)$"


def converted(texts: pl.Series, dtype: pl.DataType) -> tuple[pl.Series, pl.Series | None]:
    """Convert texts to values, and mark those that are not of the type; None for the marks where all are.

    Null stays null and is not marked.
    """
    if dtype == pl.String():
        return texts, None
    plain = plainly(texts, dtype)
    left = plain.is_null() & texts.is_not_null()
    if not left.any():
        return plain, None
    parse = values.parser(dtype)
    # The column itself may have any name.
    rest = texts.filter(left).rename("text")
    distinct = rest.unique()
    parsed = pl.DataFrame(
        [distinct, pl.Series("parsed", [parse(text) for text in distinct.to_list()], dtype=dtype, strict=False)]
    )
    exact = pl.DataFrame([rest]).join(parsed, on="text", how="left", maintain_order="left")["parsed"]
    result = _filled(plain, left, exact)
    bad = result.is_null() & texts.is_not_null()
    return result, bad if bad.any() else None


def plainly(texts: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Convert the texts in a plain spelling, which every reader reads alike; null for the others."""
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
    whole_column = _iso(texts)
    if whole_column is not None:
        return whole_column.dt.replace_time_zone("UTC") if dtype.time_zone else whole_column
    plain = texts.set(~texts.str.contains(_PLAIN_TIMESTAMP), None)
    if plain.null_count() == len(plain):
        return pl.Series(texts.name, [None] * len(texts), dtype=dtype)
    zones = None
    # A zone follows a time of day; a time without one ends in a digit.
    if plain.str.contains(r"Z$|[T ].*[+-]").any():
        if not dtype.time_zone:
            plain = plain.set(plain.str.contains(_ZONE), None)
        else:
            zones = plain.str.extract(_ZONE)
            plain = plain.str.replace(_ZONE, "")
    moments = _moments(plain)
    if zones is not None:
        moments = moments - _offsets(zones)
    return moments.dt.replace_time_zone("UTC") if dtype.time_zone else moments


def _iso(texts: pl.Series) -> pl.Series | None:
    """Convert texts to timestamps where all are ISO 8601 without a zone; None where one is not.

    PyArrow takes `yyyy-MM-dd`, then `[ T]HH`, `:mm`, `:ss` and a fraction of 1 to 6 digits, each optional: all of
    these are plain. It refuses the whole column for one that is anything else.
    """
    try:
        moments = pa.compute.cast(texts.to_arrow(compat_level=pl.CompatLevel.oldest()), pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None
    series = pl.Series(texts.name, moments)
    # PyArrow knows the year 0, Python does not.
    return series if series.is_empty() or series.dt.year().min() != 0 else None


def _moments(plain: pl.Series) -> pl.Series:
    """Convert texts such as 2026-01-31, 2026-01-31 23:59 or 2026-01-31T23:59:59.25 to timestamps of microseconds."""
    lengths = plain.str.len_bytes()
    shortest, longest = lengths.min(), lengths.max()
    whole = plain.str.slice(0, 19) if longest > 19 else plain  # type: ignore[operator]
    if shortest < 19:  # type: ignore[operator]
        # Parts that are left out are the first month or day, or zero.
        whole = whole + pl.Series(["0001-01-01 00:00:00"]).new_from_index(0, len(whole)).str.slice(lengths.clip(0, 19))
    spaced = whole.str.replace("T", " ", literal=True) if whole.str.contains("T", literal=True).any() else whole
    # By far the fastest of the ways to the same values.
    moments = spaced.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False, cache=False)
    if longest <= 19:  # type: ignore[operator]
        return moments
    micros = plain.str.slice(20, 6).str.pad_end(6, "0").cast(pl.Int64)
    return (moments.cast(pl.Int64) + micros).cast(pl.Datetime("us"))


def _offsets(zones: pl.Series) -> pl.Series:
    """Convert offsets such as +02:00 to durations; `Z` and null are zero."""
    hours, rest = (zones.str.slice(at, 2).cast(pl.Int64, strict=False) for at in (1, 4))
    minutes = (hours * 60 + rest).fill_null(0)
    sign = pl.select(pl.when(zones.str.starts_with("-")).then(-1).otherwise(1)).to_series()
    return (minutes * sign * 60_000_000).cast(pl.Duration("us"))


def _filled(series: pl.Series, where: pl.Series, given: pl.Series) -> pl.Series:
    return series.clone().scatter(where.arg_true(), given)
