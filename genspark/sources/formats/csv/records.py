"""Blocks of csv as columns of text, one of three ways: the fastest whose answer is beyond doubt.

A block without quotes whose separators add up is read whole. Otherwise its lines are looked at: those
that are plain are read at once, and only what is left is taken apart sign by sign.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from genspark.sources.formats.csv.dialect import MOST_COUNTED, Dialect
from genspark.sources.formats.csv.fields import fields
from genspark.sources.parsing.blocks import blocks, lines

_NOT_BLANK = r"[^\x00-\x20]"


@dataclass(frozen=True)
class Records:
    """Columns of text (null where nothing stands), and which records had too few or too many fields."""

    frame: pl.DataFrame
    block: bytes
    dialect: Dialect
    odd: pl.Series | None = None

    def text(self) -> pl.Series:
        """Each record as it is written."""
        return _records(lines(self.block), self.dialect)


def records(path: str, dialect: Dialect, names: list[str]) -> Iterator[Records]:
    """The records of a shard after its header. Raises OSError."""
    is_first = dialect.header
    for block in blocks(path, dialect.encoding):
        if is_first:
            head = first_record(block, dialect)
            if head is None:
                continue
            block, is_first = block[head[1] :], False
        if block:
            found = _whole(block, dialect, names) or _by_line(block, dialect, names)
            if found.frame.height:
                yield found


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
    try:
        frame = _read(block, dialect, names, quote=False)
    except pl.exceptions.PolarsError:
        return None
    # No record has more fields than names, so if the separators add up, none has fewer.
    if block.count(dialect.sep.encode()) != frame.height * (len(names) - 1):
        return None
    if dialect.sep <= " " and frame.select(_all_blank(names)).to_series().any():
        return None
    return Records(_nulls(frame, dialect), block, dialect)


def _all_blank(names: list[str]) -> pl.Expr:
    return pl.all_horizontal(~pl.col(name).fill_null("").str.contains(_NOT_BLANK) for name in names)


def _by_line(block: bytes, dialect: Dialect, names: list[str]) -> Records:
    found = _records(lines(block), dialect)
    plain = _plain(found, dialect, len(names))
    if plain.all():
        if not len(found):
            return Records(_empty(names), block, dialect)
        is_whole = len(found) == block.count(b"\n") and len(names) > 1
        texts = (
            _read(block, dialect, names, quote=bool(dialect.quote)) if is_whole else _read_lines(found, dialect, names)
        )
        return Records(_nulls(texts, dialect), block, dialect)
    rest = [fields(line, dialect) for line in found.filter(~plain).to_list()]
    width = len(names)
    counted = [len(row) == width for row in rest]
    slow = pl.DataFrame(
        [(row + [None] * width)[:width] for row in rest], schema=dict.fromkeys(names, pl.String()), orient="row"
    )
    fast = _read_lines(found.filter(plain), dialect, names) if plain.any() else _empty(names)
    order = pl.concat([plain.arg_true(), (~plain).arg_true()])
    frame = pl.concat([fast, slow])[order.arg_sort()]
    wrong = pl.Series("odd", [False] * len(found)).scatter((~plain).arg_true(), [not right for right in counted])
    return Records(_nulls(frame, dialect), block, dialect, wrong if wrong.any() else None)


def _plain(found: pl.Series, dialect: Dialect, width: int) -> pl.Series:
    """Which records are plain and have the right number of fields."""
    if not dialect.quote:
        return _has_fields(found, dialect, width)
    has_quote = found.str.contains(dialect.quote, literal=True)
    if not has_quote.any():
        return _has_fields(found, dialect, width)
    quoted = found.filter(has_quote)
    good = quoted.str.contains(dialect.plain_record(width))
    if width > MOST_COUNTED:
        good &= _has_fields(quoted.str.replace_all(dialect.quoted_value, ""), dialect, width)
    if len(quoted) == len(found):
        return good
    bare = _has_fields(found.filter(~has_quote), dialect, width)
    order = pl.concat([has_quote.arg_true(), (~has_quote).arg_true()]).arg_sort()
    return pl.concat([good, bare])[order]


def _has_fields(found: pl.Series, dialect: Dialect, width: int) -> pl.Series:
    return found.str.count_matches(dialect.sep, literal=True) == width - 1


def _read_lines(found: pl.Series, dialect: Dialect, names: list[str]) -> pl.DataFrame:
    if len(names) == 1 and not (dialect.quote and found.str.contains(dialect.quote, literal=True).any()):
        return pl.DataFrame([found.alias(names[0])])
    return _read(found.str.join("\n")[0].encode(), dialect, names, quote=bool(dialect.quote))


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
