"""Read the records of csv text as columns of text, and mark those that are not well formed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from genspark.sources.formats.csv.dialect import MOST_COUNTED, Dialect
from genspark.sources.formats.csv.multi_line import joined
from genspark.sources.parsing.blocks import blocks, lines

_HEADER = 1 << 16
"""Bytes that are read at once where the first record alone is looked for: what is compressed is unpacked that far."""
_NOT_BLANK = r"[^\x00-\x20]"
_BLANK = 0x20
_FEW = 16
"""Where fewer than one line in so many is not as the others, those others are read at once."""


@dataclass(frozen=True)
class Records:
    """Columns of text, null for empty fields and for all fields of a record that is not well formed.

    `given` is the block as bytes, where it was read whole, or a series of its records. `odd` marks the records that are
    not well formed, None where all are.
    """

    frame: pl.DataFrame
    given: bytes | pl.Series
    dialect: Dialect
    odd: pl.Series | None = None

    def text(self, marks: pl.Series) -> pl.Series:
        """The marked records as they are written."""
        if isinstance(self.given, pl.Series):
            return self.given.filter(marks)
        ends = _places(self.given, "\n")
        if len(ends) != len(marks):
            return _records(lines(self.given), self.dialect).filter(marks)
        begins = np.concatenate([[0], ends[:-1] + 1])
        places = marks.arg_true().to_numpy()
        spans = zip(begins[places].tolist(), ends[places].tolist(), strict=True)
        return pl.Series([self.given[begin:end].decode() for begin, end in spans], dtype=pl.String())


def pieces(path: str, dialect: Dialect) -> Iterator[bytes | pl.Series]:
    """Yield the text of a shard after its header: blocks of lines, or with `multi_line` series of records.

    Raises OSError.
    """
    is_header_due = dialect.header
    for block in _blocks(path, dialect):
        if not is_header_due:
            yield block
        elif isinstance(block, pl.Series):
            is_header_due = False
            yield block.slice(1)
        elif (head := first_record(block, dialect)) is not None:
            is_header_due = False
            yield block[head[1] :]


def read(piece: bytes | pl.Series, dialect: Dialect, names: list[str]) -> Records:
    """Read the records of a piece, which may have none."""
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
    """The fields of the first record, None for an empty field; None where there is no record.

    A first record that is not well formed is split at its separators.
    """
    for block in _blocks(path, dialect, _HEADER):
        head = first_record(block, dialect) if isinstance(block, bytes) else (block[0], 0)
        if head is not None:
            line = pl.Series("line", [head[0]])
            if not line.str.contains(dialect.record(MOST_COUNTED + 1))[0]:
                return [text or None for text in head[0].split(dialect.sep)]
            width = len((dialect.sep + line).str.extract_all(dialect.field)[0])
            return list(_extracted(line, dialect, [str(i) for i in range(width)]).row(0))
    return None


def parse(records: pl.Series, dialect: Dialect, names: list[str]) -> Records:
    """Read a series of records as columns: with a library where all libraries agree, else by the pattern of a field."""
    return _parse(records, dialect, names, _are_simple(records, dialect, len(names)))


def _parse(records: pl.Series, dialect: Dialect, names: list[str], simple: pl.Series) -> Records:
    width = len(names)
    if simple.all():
        return Records(_read_simple(records, dialect, names), records, dialect)
    others, places = records.filter(~simple), (~simple).arg_true()
    good = others.str.contains(dialect.record(width))
    if width > MOST_COUNTED:
        good &= (dialect.sep + others).str.extract_all(dialect.field).list.len() == width
    # A record of empty fields takes the place of every other one, so that the simple ones are not moved.
    placed = pl.select(pl.when(simple).then(records).otherwise(pl.lit(dialect.sep * (width - 1)))).to_series()
    extracted = _extracted(others.filter(good), dialect, names)
    filled = [
        column.scatter(places, None).scatter(places.filter(good), extracted[column.name])
        for column in _read_simple(placed, dialect, names)
    ]
    odd = None if good.all() else ~simple.scatter(places, good)
    return Records(pl.DataFrame(filled), records, dialect, odd)


def _blocks(path: str, dialect: Dialect, size: int | None = None) -> Iterator[bytes | pl.Series]:
    """Yield blocks of whole lines, or with `multi_line` series of whole records."""
    line_blocks = blocks(path, dialect.encoding, size)
    if not dialect.multi_line:
        yield from line_blocks
        return
    for texts in joined((lines(block) for block in line_blocks), dialect):
        records = _records(texts, dialect)
        if len(records):
            yield records


def _records(texts: pl.Series, dialect: Dialect) -> pl.Series:
    """The texts that are neither blank nor comments."""
    is_record = texts.str.contains(_NOT_BLANK)
    if dialect.comment:
        is_record &= ~texts.str.starts_with(dialect.comment)
    return texts if is_record.all() else texts.filter(is_record)


def _whole(block: bytes, dialect: Dialect, names: list[str]) -> Records | None:
    """Read a block at once; None where it may hold a quote, a comment, or a record that is blank or not well formed."""
    quote = dialect.quote.encode()
    if (quote and quote in block) or dialect.comment or b"\0" in block or len(names) == 1:
        return None
    # The library refuses a record with too many fields, so that where the separators add up none has too few.
    count = block.count(b"\n")
    if block.count(dialect.sep.encode()) != count * (len(names) - 1):
        return _but_ragged(block, dialect, names)
    try:
        frame = _read(block, dialect, names, quote=False)
    except pl.exceptions.PolarsError:
        return _but_ragged(block, dialect, names)
    if frame.height != count:
        return None
    if dialect.sep <= " " and frame.select(_all_blank(names)).to_series().any():
        return None
    return Records(_nulls(frame, dialect), block, dialect)


def _but_ragged(block: bytes, dialect: Dialect, names: list[str]) -> Records | None:
    """Read a block without quotes at once, but for a few lines that are blank or have another number of fields.

    None where there are many such lines, or where separators may be blanks.
    """
    if dialect.sep <= " " or len(dialect.sep.encode()) > 1:
        return None
    ends = _places(block, "\n")
    separators = np.diff(np.searchsorted(_places(block, dialect.sep), ends), prepend=0)
    others = np.flatnonzero(separators != len(names) - 1).tolist()
    if len(others) > len(ends) // _FEW:
        return None
    # A record of empty fields takes the place of each that is not well formed, so that the others are not moved.
    stand_in, kept, odd = dialect.sep.encode() * (len(names) - 1), [], []
    done = blank = 0
    for line in others:
        begin, end = int(ends[line - 1]) + 1 if line else 0, int(ends[line])
        kept.append(block[done:begin])
        if any(sign > _BLANK for sign in block[begin:end]):
            kept.append(stand_in)
            odd.append(line - blank)
            done = end
        else:
            blank, done = blank + 1, end + 1
    frame = _read(b"".join([*kept, block[done:]]), dialect, names, quote=False)
    if frame.height != len(ends) - blank:
        return None
    marks = pl.zeros(frame.height, pl.Boolean, eager=True).scatter(odd, True) if odd else None
    return Records(_nulls(frame, dialect), block, dialect, marks)


def _places(block: bytes, sign: str) -> npt.NDArray[np.int64]:
    """The places of a sign of ASCII in a block, in order."""
    return np.flatnonzero(np.frombuffer(block, np.uint8) == ord(sign))


def _all_blank(names: list[str]) -> pl.Expr:
    return pl.all_horizontal(~pl.col(name).fill_null("").str.contains(_NOT_BLANK) for name in names)


def _by_line(block: bytes, dialect: Dialect, names: list[str]) -> Records:
    """Check a block line by line; where all lines are simple records, it is still read at once."""
    block_lines = lines(block)
    records = _records(block_lines, dialect)
    simple = _are_simple(records, dialect, len(names))
    if len(records) == len(block_lines) and len(names) > 1 and simple.all():
        return Records(_nulls(_read(block, dialect, names, quote=bool(dialect.quote)), dialect), records, dialect)
    return _parse(records, dialect, names, simple)


def _are_simple(records: pl.Series, dialect: Dialect, width: int) -> pl.Series:
    """A mask of the records that every library reads alike, as `width` fields."""
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
    """Read simple records with the library."""
    if not len(records):
        return _empty(names)
    has_quote = bool(dialect.quote) and bool(records.str.contains(dialect.quote, literal=True).any())
    if len(names) > 1:
        return _nulls(_read(records.str.join("\n")[0].encode(), dialect, names, quote=has_quote), dialect)
    # The library skips an empty line, which is a record of one empty field here.
    if has_quote:
        return _extracted(records, dialect, names)
    return _nulls(pl.DataFrame([records.alias(names[0])]), dialect)


def _extracted(records: pl.Series, dialect: Dialect, names: list[str]) -> pl.DataFrame:
    """Take well-formed records apart by the pattern of a field."""
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
    """Replace the text that stands for null. Empty quotes are null only where the empty text stands for it."""
    null = pl.all() == dialect.null
    return frame.select(pl.when(~null).then(pl.all()))


def _empty(names: list[str]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(names, pl.String()))
