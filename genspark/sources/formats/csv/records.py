"""The records of csv text as columns of text, and which of them are not well formed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from genspark.sources.formats.csv.dialect import MOST_COUNTED, Dialect
from genspark.sources.formats.csv.multi_line import joined
from genspark.sources.parsing.blocks import blocks, lines

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


def read_records(path: str, dialect: Dialect, names: list[str]) -> Iterator[Records]:
    """The records of a shard after its header. Raises OSError."""
    is_header = dialect.header
    for found in _blocks(path, dialect):
        if not is_header:
            rest = found
        elif isinstance(found, bytes):
            head = first_record(found, dialect)
            if head is None:
                continue
            rest, is_header = found[head[1] :], False
        else:
            rest, is_header = found.slice(1), False
        if len(rest):
            records = rest if isinstance(rest, bytes) else parse(rest, dialect, names)
            if isinstance(records, bytes):
                records = _whole(records, dialect, names) or parse(_records(lines(records), dialect), dialect, names)
            if records.frame.height:
                yield records


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
    for found in _blocks(path, dialect):
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
    if not len(records):
        return Records(_empty(names), records, dialect)
    width = len(names)
    has_quote = records.str.contains(dialect.quote, literal=True) if dialect.quote else None
    if has_quote is None or not has_quote.any():
        good = _has_fields(records, dialect, width)
        return _arranged([(good, _simple)], records, dialect, names)
    # Among what has quotes, what is simple is found first: it is nearly all there is.
    simple = _matching(records, has_quote, dialect, width, dialect.simple_record(width))
    if simple.all():
        return Records(_nulls(_simple(records, dialect, names), dialect), records, dialect)
    others = ~simple
    full = records.filter(others).str.contains(dialect.record(width))
    if width > MOST_COUNTED:
        full &= (dialect.sep + records.filter(others)).str.extract_all(dialect.field).list.len() == width
    good = pl.repeat(False, len(records), dtype=pl.Boolean, eager=True).scatter(others.arg_true(), full)
    return _arranged([(simple, _simple), (good, _extracted)], records, dialect, names)


def _blocks(path: str, dialect: Dialect) -> Iterator[bytes | pl.Series]:
    """Blocks of whole lines; where a record may have several, series of whole records."""
    found = blocks(path, dialect.encoding)
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


def _matching(records: pl.Series, has_quote: pl.Series, dialect: Dialect, width: int, pattern: str) -> pl.Series:
    """Which records are of this pattern, which only those with quotes are held against, and have `width` fields."""
    quoted = records.filter(has_quote)
    good = quoted.str.contains(pattern)
    if width > MOST_COUNTED:
        sign = dialect.quote
        bare = quoted.str.replace_all(f"(?s){sign}(?:[^{sign}]|{sign}{sign})*{sign}", "")
        good &= _has_fields(bare, dialect, width)
    if len(quoted) == len(records):
        return good
    plain = _has_fields(records.filter(~has_quote), dialect, width)
    order = pl.concat([has_quote.arg_true(), (~has_quote).arg_true()]).arg_sort()
    return pl.concat([good, plain])[order]


def _has_fields(records: pl.Series, dialect: Dialect, width: int) -> pl.Series:
    return records.str.count_matches(dialect.sep, literal=True) == width - 1


def _arranged(ways: list[tuple[pl.Series, object]], records: pl.Series, dialect: Dialect, names: list[str]) -> Records:
    """Each record read the way that its mask names, in their order; those of no mask are odd."""
    frames, places = [], []
    for mask, read in ways:
        if mask.any():
            chosen = records if mask.all() else records.filter(mask)
            frames.append(_nulls(read(chosen, dialect, names), dialect))  # type: ignore[operator]
            places.append(mask.arg_true())
    odd = ~ways[0][0]
    for mask, _ in ways[1:]:
        odd &= ~mask
    if odd.any():
        frames.append(_empty(names).clear(int(odd.sum())))
        places.append(odd.arg_true())
    frame = frames[0] if len(frames) == 1 else pl.concat(frames)[pl.concat(places).arg_sort()]
    return Records(frame, records, dialect, odd if odd.any() else None)


def _simple(records: pl.Series, dialect: Dialect, names: list[str]) -> pl.DataFrame:
    """Records that every library reads alike."""
    has_quote = bool(dialect.quote) and bool(records.str.contains(dialect.quote, literal=True).any())
    if len(names) == 1:
        # A library takes an empty line for none.
        return _extracted(records, dialect, names) if has_quote else pl.DataFrame([records.alias(names[0])])
    return _read(records.str.join("\n")[0].encode(), dialect, names, quote=has_quote)


def _extracted(records: pl.Series, dialect: Dialect, names: list[str]) -> pl.DataFrame:
    """Well-formed records of any kind, taken apart by the pattern of a field."""
    fields = (dialect.sep + records).str.extract_all(dialect.field)
    columns = [pl.col("fields").list.get(i).str.slice(1).alias(name) for i, name in enumerate(names)]
    frame = pl.DataFrame([fields.alias("fields")]).select(columns)
    quote = dialect.quote
    if not quote:
        return frame.select(pl.when(pl.all() != "").then(pl.all()))
    inner = pl.all().str.slice(1, pl.all().str.len_chars() - 2).str.replace_all(dialect.escaped, "$1")
    return frame.select(pl.when(pl.all().str.starts_with(quote)).then(inner).when(pl.all() != "").then(pl.all()))


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
