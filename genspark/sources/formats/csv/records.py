"""The records of csv text as columns of text, and which of them are not well formed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from genspark.sources.formats.csv.dialect import MOST_COUNTED, Dialect
from genspark.sources.formats.csv.multi_line import joined
from genspark.sources.parsing.blocks import blocks, lines

_HEADER = 1 << 16
"""Bytes that are read at once where the first record alone is looked for: what is compressed is unpacked that far."""
_NOT_BLANK = r"[^\x00-\x20]"


@dataclass(frozen=True)
class Records:
    """Columns of text, null where nothing stands or where a record is not well formed; `odd` marks those records.

    `given` is a block as bytes, where it was read whole, or its records one by one.
    """

    frame: pl.DataFrame
    given: bytes | pl.Series
    dialect: Dialect
    odd: pl.Series | None = None

    def text(self) -> pl.Series:
        """Each record as it is written."""
        return self.given if isinstance(self.given, pl.Series) else _records(lines(self.given), self.dialect)


def pieces(path: str, dialect: Dialect) -> Iterator[bytes | pl.Series]:
    """The text of a shard after its header: blocks of lines, or series of records that may have several lines each.

    Raises OSError.
    """
    is_header = dialect.header
    for found in _blocks(path, dialect):
        if not is_header:
            yield found
        elif isinstance(found, pl.Series):
            is_header = False
            yield found.slice(1)
        elif (head := first_record(found, dialect)) is not None:
            is_header = False
            yield found[head[1] :]


def read(piece: bytes | pl.Series, dialect: Dialect, names: list[str]) -> Records:
    """The records of a piece, which may be none."""
    if isinstance(piece, pl.Series):
        return parse(piece, dialect, names)
    return _whole(piece, dialect, names) or _by_line(piece, dialect, names)


def first_record(block: bytes, dialect: Dialect) -> tuple[str, int] | None:
    """The first line that holds a record, and where it ends; None where none does."""
    place = 0
    while place < len(block):
        end = block.index(b"\n", place)
        line = block[place:end].decode()
        place = end + 1
        if any(sign > " " for sign in line) and not (dialect.comment and line.startswith(dialect.comment)):
            return line, place
    return None


def first_fields(path: str, dialect: Dialect) -> list[str | None] | None:
    """The fields of the first record, None for one that is empty; None where there is no record.

    A first record that is not well formed is split at its separators.
    """
    for found in _blocks(path, dialect, _HEADER):
        head = first_record(found, dialect) if isinstance(found, bytes) else (found[0], 0)
        if head is not None:
            line = pl.Series("line", [head[0]])
            if not line.str.contains(dialect.record(MOST_COUNTED + 1))[0]:
                return [text or None for text in head[0].split(dialect.sep)]
            width = len((dialect.sep + line).str.extract_all(dialect.field)[0])
            return list(_extracted(line, dialect, [str(i) for i in range(width)]).row(0))
    return None


def parse(records: pl.Series, dialect: Dialect, names: list[str]) -> Records:
    """Records, each a text, as columns: by a library where all libraries agree, else field by field."""
    return _parse(records, dialect, names, _simple_ones(records, dialect, len(names)))


def _parse(records: pl.Series, dialect: Dialect, names: list[str], simple: pl.Series) -> Records:
    width = len(names)
    if simple.all():
        return Records(_read_simple(records, dialect, names), records, dialect)
    others, places = records.filter(~simple), (~simple).arg_true()
    good = others.str.contains(dialect.record(width))
    if width > MOST_COUNTED:
        good &= (dialect.sep + others).str.extract_all(dialect.field).list.len() == width
    # A record of empty fields keeps the place of each of the others: none of the simple ones is moved.
    kept = pl.select(pl.when(simple).then(records).otherwise(pl.lit(dialect.sep * (width - 1)))).to_series()
    extracted = _extracted(others.filter(good), dialect, names)
    filled = [
        column.scatter(places, None).scatter(places.filter(good), extracted[column.name])
        for column in _read_simple(kept, dialect, names)
    ]
    odd = None if good.all() else ~simple.scatter(places, good)
    return Records(pl.DataFrame(filled), records, dialect, odd)


def _blocks(path: str, dialect: Dialect, size: int | None = None) -> Iterator[bytes | pl.Series]:
    """Blocks of whole lines; where a record may have several, series of whole records."""
    found = blocks(path, dialect.encoding, size)
    if not dialect.multi_line:
        yield from found
        return
    for records in joined((lines(block) for block in found), dialect):
        kept = _records(records, dialect)
        if len(kept):
            yield kept


def _records(found: pl.Series, dialect: Dialect) -> pl.Series:
    keep = found.str.contains(_NOT_BLANK)
    if dialect.comment:
        keep &= ~found.str.starts_with(dialect.comment)
    return found if keep.all() else found.filter(keep)


def _whole(block: bytes, dialect: Dialect, names: list[str]) -> Records | None:
    """All at once; None where a record may be odd or blank, or a quote or comment needs a closer look."""
    quote = dialect.quote.encode()
    if (quote and quote in block) or dialect.comment or b"\0" in block or len(names) == 1:
        return None
    # The library refuses a record with more fields than names, so if the separators add up, none has fewer.
    count = block.count(b"\n")
    if block.count(dialect.sep.encode()) != count * (len(names) - 1):
        return None
    try:
        frame = _read(block, dialect, names, quote=False)
    except pl.exceptions.PolarsError:
        return None
    if frame.height != count:
        return None
    if dialect.sep <= " " and frame.select(_all_blank(names)).to_series().any():
        return None
    return Records(_nulls(frame, dialect), block, dialect)


def _all_blank(names: list[str]) -> pl.Expr:
    return pl.all_horizontal(~pl.col(name).fill_null("").str.contains(_NOT_BLANK) for name in names)


def _by_line(block: bytes, dialect: Dialect, names: list[str]) -> Records:
    """Line by line, as far as looking at them goes: where all are simple, the block is read whole."""
    found = lines(block)
    kept = _records(found, dialect)
    simple = _simple_ones(kept, dialect, len(names))
    if len(kept) == len(found) and len(names) > 1 and simple.all():
        return Records(_nulls(_read(block, dialect, names, quote=bool(dialect.quote)), dialect), kept, dialect)
    return _parse(kept, dialect, names, simple)


def _simple_ones(records: pl.Series, dialect: Dialect, width: int) -> pl.Series:
    """Which records every library reads alike, into so many fields."""
    if not dialect.quote:
        return _has_fields(records, dialect, width)
    has_quote = records.str.contains(dialect.quote, literal=True)
    if not has_quote.any():
        return _has_fields(records, dialect, width)
    quoted = records if has_quote.all() else records.filter(has_quote)
    good = quoted.str.contains(dialect.simple_record(width))
    if width > MOST_COUNTED:
        good &= _has_fields(quoted.str.replace_all(dialect.quoted_value, ""), dialect, width)
    if len(quoted) == len(records):
        return good
    plain = _has_fields(records.filter(~has_quote), dialect, width)
    order = pl.concat([has_quote.arg_true(), (~has_quote).arg_true()]).arg_sort()
    return pl.concat([good, plain])[order]


def _has_fields(records: pl.Series, dialect: Dialect, width: int) -> pl.Series:
    return records.str.count_matches(dialect.sep, literal=True) == width - 1


def _read_simple(records: pl.Series, dialect: Dialect, names: list[str]) -> pl.DataFrame:
    """Records that every library reads alike."""
    if not len(records):
        return _empty(names)
    has_quote = bool(dialect.quote) and bool(records.str.contains(dialect.quote, literal=True).any())
    if len(names) > 1:
        return _nulls(_read(records.str.join("\n")[0].encode(), dialect, names, quote=has_quote), dialect)
    # A library takes an empty line for none.
    if has_quote:
        return _extracted(records, dialect, names)
    return _nulls(pl.DataFrame([records.alias(names[0])]), dialect)


def _extracted(records: pl.Series, dialect: Dialect, names: list[str]) -> pl.DataFrame:
    """Well-formed records of any kind, taken apart by the pattern of a field."""
    fields = (dialect.sep + records).str.extract_all(dialect.field)
    columns = [pl.col("fields").list.get(i).str.slice(1).alias(name) for i, name in enumerate(names)]
    frame = pl.DataFrame([fields.alias("fields")]).select(columns)
    is_quoted = pl.all().str.starts_with(dialect.quote) if dialect.quote else pl.lit(value=False)
    inner = pl.all().str.slice(1, pl.all().str.len_chars() - 2).str.replace_all(dialect.escaped, "$1")
    values = frame.select(pl.when(is_quoted).then(inner).when(pl.all() != "").then(pl.all()))
    return _nulls(values, dialect)


def _read(block: bytes, dialect: Dialect, names: list[str], *, quote: bool) -> pl.DataFrame:
    return pl.read_csv(
        block,
        has_header=False,
        schema=dict.fromkeys(names, pl.String()),
        separator=dialect.sep,
        quote_char=dialect.quote if quote else None,
        infer_schema=False,
    )


def _nulls(frame: pl.DataFrame, dialect: Dialect) -> pl.DataFrame:
    """Without the texts that stand for null; a quoted empty one is null only where that is the sign of null."""
    null = pl.all() == dialect.null
    return frame.select(pl.when(~null).then(pl.all()))


def _empty(names: list[str]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(names, pl.String()))
