"""Find the header and the types of csv shards, and read their rows."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce

import polars as pl

from genspark.engines.fate import CORRUPT
from genspark.engines.polars.meter import METER
from genspark.errors import ShardError, SourceError
from genspark.sources.formats.csv import types as csv_types
from genspark.sources.formats.csv.dialect import Dialect, dialect
from genspark.sources.formats.csv.records import Records, first_fields, pieces, read
from genspark.sources.options import is_true
from genspark.sources.parsing import ahead
from genspark.sources.parsing.columns import converted
from genspark.sources.places import LEAVE_OUT, PLACE
from genspark.sources.shard import Shard, bytes_of


def names_of(shards: Sequence[Shard], options: Mapping[str, str]) -> list[str]:
    """The names of columns: those of the header, or `_c0`, `_c1` and so on for the fields of the first record.

    Raises ShardError where headers differ, and SourceError where no shard holds a record.
    """
    form = dialect(options)
    first: tuple[Shard, list[str]] | None = None
    for shard in shards if form.header else shards[:1]:
        own = _names(shard, form)
        if own is None:
            continue
        if first is not None and own != first[1]:
            cause = f"differs from the others: {_difference(own, first)}"
            raise ShardError({shard.path: cause}, f"make the shards alike, {LEAVE_OUT}")
        first = first or (shard, own)
    if first is None:
        raise SourceError(f"{PLACE}: {shards[0].path} holds no record; check that it holds csv")
    return first[1]


def schema_of(
    shards: Sequence[Shard], options: Mapping[str, str], keep: Callable[[str, pl.DataFrame], None] | None = None
) -> dict[str, pl.DataType]:
    """Find the columns, each with a type that holds all its values, in one pass over the data.

    Without `inferSchema` all are text, and the data is not read. `keep` is given the rows of the pass, as
    `RecordFormat.infer` has it.
    """
    names = names_of(shards, options)
    if not is_true(options, "inferSchema"):
        return dict.fromkeys(names, pl.String())
    form = dialect(options)
    METER.begin(size=bytes_of(shards))
    kinds: list[csv_types.Kind] = [csv_types.NOTHING] * len(names)
    calls = (
        # The kinds known so far: later blocks have a head start, and most change nothing.
        partial(_widening, shard, piece, form, names, tuple(kinds), keeps=keep is not None)
        for shard in shards
        for piece in pieces(shard.bytes_at, form)
    )
    for block in ahead.results(calls):
        # A column's type depends on the order of its values: where blocks before this one widened it since, again.
        texts = block.records.frame
        kinds[:] = [
            end if kind == begin else csv_types.widened(kind, _spelt(texts[name], form))
            for kind, begin, end, name in zip(kinds, block.began, block.ended, names, strict=True)
        ]
        if keep is not None:
            typed = block.typed if tuple(kinds) == block.ended else None
            keep(block.shard.path, _typed(block.records, _types(names, kinds)) if typed is None else typed)
    return _types(names, kinds)


@dataclass(frozen=True)
class _Block:
    """A block's records, its columns' types before and after it was read, and its typed rows."""

    shard: Shard
    records: Records
    began: tuple[csv_types.Kind, ...]
    ended: tuple[csv_types.Kind, ...]
    typed: pl.DataFrame | None


def _widening(
    shard: Shard,
    piece: bytes | pl.Series,
    form: Dialect,
    names: list[str],
    kinds: tuple[csv_types.Kind, ...],
    *,
    keeps: bool,
) -> _Block:
    records = read(piece, form, names)
    ended = tuple(csv_types.widened(k, _spelt(records.frame[n], form)) for k, n in zip(kinds, names, strict=True))
    return _Block(shard, records, kinds, ended, _typed(records, _types(names, ended)) if keeps else None)


def _spelt(texts: pl.Series, form: Dialect) -> pl.Series:
    """The texts of numbers, with those that are not finite in the words that are read."""
    return texts.replace(dict(form.spelt)) if form.spelt else texts


def _types(names: Sequence[str], kinds: Sequence[csv_types.Kind]) -> dict[str, pl.DataType]:
    return {name: kind.dtype for name, kind in zip(names, kinds, strict=True)}


def check_headers(shards: Sequence[Shard], options: Mapping[str, str]) -> None:
    """Raise ShardError where the shards' headers differ."""
    if dialect(options).header:
        names_of(shards, options)


def readings(
    shard: Shard, schema: Mapping[str, pl.DataType], options: Mapping[str, str], needed: frozenset[str] | None
) -> Iterator[Callable[[], pl.DataFrame]]:
    """Yield calls that read a shard's blocks: the columns needed (None: all), and `CORRUPT` where it is needed."""
    with_corrupt = needed is None or CORRUPT in needed
    # Whether a record is corrupt depends on all of its fields.
    wanted = [name for name in schema if with_corrupt or (needed and name in needed)] or list(schema)[:1]
    form = dialect(options)
    for piece in pieces(shard.bytes_at, form):
        yield partial(_frame, piece, form, schema, wanted, with_corrupt=with_corrupt)


def _frame(
    piece: bytes | pl.Series, form: Dialect, schema: Mapping[str, pl.DataType], wanted: list[str], *, with_corrupt: bool
) -> pl.DataFrame:
    records = read(piece, form, list(schema))
    return _typed(records, {name: schema[name] for name in wanted}, with_corrupt=with_corrupt)


def _typed(records: Records, schema: Mapping[str, pl.DataType], *, with_corrupt: bool = True) -> pl.DataFrame:
    pairs = [
        converted(_spelt(records.frame[name], records.dialect) if dtype.is_float() else records.frame[name], dtype)
        for name, dtype in schema.items()
    ]
    frame = pl.DataFrame([column for column, _ in pairs])
    return frame.with_columns(_corrupt(records, [bad for _, bad in pairs])) if with_corrupt else frame


def _corrupt(records: Records, bad: list[pl.Series | None]) -> pl.Series:
    """The column `CORRUPT`: the text of records that are not well formed or hold a value that is not of its type."""
    nulls = pl.Series(CORRUPT, [None], dtype=pl.String()).new_from_index(0, records.frame.height)
    marks = [mark for mark in (*bad, records.odd) if mark is not None]
    if not marks:
        return nulls
    is_corrupt = reduce(operator.or_, marks)
    return nulls.scatter(is_corrupt.arg_true(), records.text(is_corrupt))


def _names(shard: Shard, form: Dialect) -> list[str] | None:
    row = first_fields(shard.bytes_at, form)
    if row is None:
        return None
    return _column_names(row, form.null) if form.header else [f"_c{i}" for i in range(len(row))]


def _column_names(row: list[str | None], null: str) -> list[str]:
    """Make names unique as Spark does.

    An empty one is `_c` and its position; to those that are equal, in upper or lower case, their position is added.
    """
    lower = [(name or "").lower() for name in row]
    return [
        f"_c{i}" if not name or name == null else f"{name}{i}" if lower.count(name.lower()) > 1 else name
        for i, name in enumerate(row)
    ]


def _difference(own: list[str], other: tuple[Shard, list[str]]) -> str:
    for i, (here, there) in enumerate(zip(own, other[1], strict=False)):
        if here != there:
            return f"column {i + 1} is {here!r}, but {there!r} in {other[0].path}"
    return f"it has {len(own)} columns, but {other[0].path} has {len(other[1])}"
