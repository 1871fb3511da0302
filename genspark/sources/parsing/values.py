"""Convert one text to one value by the rules of Spark's csv and json readers: slow and exact.

`columns` converts whole columns, and uses this module for the few texts that its fast conversions leave.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

_INTEGER = re.compile(r"[+-]?\d+")
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?", re.ASCII)
_HEX_FLOAT = re.compile(r"[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+[fFdD]?", re.ASCII)
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_LENIENT_DATE = re.compile(r"\+?(\d{4,7})(?:-(\d{1,2})(?:-(\d{1,2})(?:[ T].*)?)?)?", re.ASCII | re.DOTALL)
_TIME = r"(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.(\d*))?(\D.*)?)?)?"
_TIMESTAMP = re.compile(rf"\+?(\d{{4,6}})(?:-(\d{{1,2}})(?:-(\d{{1,2}})(?:[ T]{_TIME})?)?)?", re.ASCII | re.DOTALL)
_TIME_ALONE = re.compile(r"(?:T|(?=\d+:))" + _TIME, re.ASCII | re.DOTALL)
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{1,2})(?::(\d{2}))?)?", re.ASCII)
_SPECIAL = {
    "NaN": float("nan"),
    **dict.fromkeys(("Inf", "Infinity", "+Infinity"), float("inf")),
    **dict.fromkeys(("-Inf", "-Infinity"), float("-inf")),
}
_BITS: dict[pl.DataType, int] = {pl.Int8(): 7, pl.Int16(): 15, pl.Int32(): 31, pl.Int64(): 63}
_SHORT_ZONES = {
    "PST": "America/Los_Angeles",
    "CST": "America/Chicago",
    "CET": "Europe/Paris",
    "ECT": "Europe/Paris",
    "JST": "Asia/Tokyo",
    "IST": "Asia/Kolkata",
    "CTT": "Asia/Shanghai",
    "AET": "Australia/Sydney",
}
_MOST_DIGITS = 4000
"""The most digits of a text that is read as an integer; Python refuses to read more than 4,300."""
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def parser(dtype: pl.DataType) -> Callable[[str], Any]:
    """A function from a text to a value of the type, or to None where the text is not of the type."""
    if dtype in _BITS:
        limit = 2 ** _BITS[dtype]
        return lambda text: _integer(text, limit)
    if isinstance(dtype, pl.Decimal):
        precision, scale = dtype.precision or 38, dtype.scale
        return lambda text: decimal_of(text, precision, scale)
    if isinstance(dtype, pl.Datetime):
        return timestamp if dtype.time_zone else timestamp_ntz
    others: dict[pl.DataType, Callable[[str], Any]] = {
        pl.Float32(): double,
        pl.Float64(): double,
        pl.Boolean(): lambda text: {"true": True, "false": False}.get(text.lower()),
        pl.Date(): lenient_date,
        pl.String(): lambda text: text,
        pl.Binary(): lambda text: text.encode(),
    }
    return others[dtype]


def _integer(text: str, limit: int) -> int | None:
    if not _INTEGER.fullmatch(text):
        return None
    if len(text) > _MOST_DIGITS:
        return None
    value = int(text)
    return value if -limit <= value < limit else None


def double(text: str) -> float | None:
    """Read a number as Java's Double.parseDouble does, or a name of NaN or infinity; None for any other text."""
    if text in _SPECIAL:
        return _SPECIAL[text]
    bare = text.strip("".join(map(chr, range(33))))
    if _FLOAT.fullmatch(bare):
        return float(bare.rstrip("fFdD"))
    if _HEX_FLOAT.fullmatch(bare):
        try:
            return float.fromhex(bare.rstrip("fFdD") if "p" in bare.lower() else bare)
        except OverflowError:
            return float("-inf" if bare.startswith("-") else "inf")
    return {"NaN": float("nan"), "+NaN": float("nan"), "-NaN": float("nan")}.get(bare, _SPECIAL.get(bare))


def whole_digits(text: str) -> int | None:
    """The number of digits of a whole number; None for any other text, and for more digits than the 38 of decimals."""
    bare = text.removesuffix(".")
    if not _INTEGER.fullmatch(bare):
        return None
    digits = len(bare.lstrip("+-").lstrip("0")) or 1
    return digits if digits <= 38 else None


def decimal_of(text: str, precision: int, scale: int) -> decimal.Decimal | None:
    """Read a number and round it half up to the scale; None for any other text, and where it has too many digits."""
    bare = text.replace(",", "")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", bare):
        return None
    with decimal.localcontext(prec=400):
        number = decimal.Decimal(bare)
        if number.adjusted() > precision:
            return None
        rounded = number.quantize(decimal.Decimal(1).scaleb(-scale), decimal.ROUND_HALF_UP)
    return rounded if len(rounded.as_tuple().digits) <= precision else None


def date(text: str) -> dt.date | None:
    """Read a date that is written yyyy-MM-dd; None for any other text."""
    match = _DATE.fullmatch(text)
    return _date(*match.groups()) if match else None


def lenient_date(text: str) -> dt.date | None:
    """Read a date as Spark's casts do: month and day may be short or absent, and a time may follow."""
    match = _LENIENT_DATE.fullmatch(text.strip())
    return _date(*match.groups()) if match else None


def _date(year: str, month: str | None, day: str | None) -> dt.date | None:
    try:
        return dt.date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None


def timestamp(text: str) -> dt.datetime | None:
    """Read a point in time as Spark's casts do; it is in UTC without a zone, and today without a date."""
    bare = text.strip()
    parts = _timestamp(_TIMESTAMP, bare) or _timestamp(_TIME_ALONE, bare)
    if parts is None:
        return None
    moment, zone = parts
    tzinfo = _zone(zone) if zone else dt.UTC
    if tzinfo is None:
        return None
    try:
        return moment.replace(tzinfo=tzinfo).astimezone(dt.UTC)
    except OverflowError:
        return None


def timestamp_ntz(text: str) -> dt.datetime | None:
    """Read a date and a time of day without a zone; None for any other text."""
    parts = _timestamp(_TIMESTAMP, text.strip())
    return parts[0] if parts and not parts[1] else None


def _timestamp(pattern: re.Pattern[str], text: str) -> tuple[dt.datetime, str] | None:
    """A date and time of day, and the name of their zone, empty where none is written."""
    match = pattern.fullmatch(text)
    if match is None:
        return None
    *day, hour, minute, second, fraction, zone = match.groups()
    date_of = _date(*day) if day else dt.datetime.now(dt.UTC).date()
    micros = int(((fraction or "") + "000000")[:6])
    try:
        time = dt.time(int(hour or 0), int(minute or 0), int(second or 0), micros)
    except ValueError:
        return None
    return (dt.datetime.combine(date_of, time), (zone or "").strip()) if date_of else None


def _zone(name: str) -> dt.tzinfo | None:
    if name in ("Z", "UTC", "GMT", "UT"):
        return dt.UTC
    match = _OFFSET.fullmatch(name)
    if match is None:
        try:
            return ZoneInfo(_SHORT_ZONES.get(name, name))
        except (KeyError, ValueError, OSError):
            return None
    sign, hours, minutes, seconds = match.groups()
    offset = dt.timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
    if offset > dt.timedelta(hours=18):
        return None
    return dt.timezone(-offset if sign == "-" else offset)
