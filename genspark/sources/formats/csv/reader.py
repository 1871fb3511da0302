"""Csv shards: their header, their types, their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import polars as pl

from genspark.engines.fate import CORRUPT
from genspark.errors import ShardError, SourceError
from genspark.sources.formats.csv import types as csv_types
from genspark.sources.formats.csv.dialect import Dialect, dialect
from genspark.sources.formats.csv.records import Records, first_fields, pieces, read
from genspark.sources.options import is_true
from genspark.sources.parsing import ahead
from genspark.sources.parsing.columns import converted
from genspark.sources.places import LEAVE_OUT, PLACE
from genspark.sources.shard import Shard


def names_of(shards: Sequence[Shard], options: Mapping[str, str]) -> list[str]:
    """The columns by the header, or by the first record's length. Raises SourceError where headers differ."""
    form = dialect(options)
    found: tuple[Shard, list[str]] | None = None
    for shard in shards if form.header else shards[:1]:
        own = _names(shard, form)
        if own is None:
            continue
        if found is not None and own != found[1]:
            told = _difference(own, found)
            raise ShardError({shard.path: f"differs from the others: {told}"}, f"make the shards alike, {LEAVE_OUT}")
        found = found or (shard, own)
    if found is None:
        raise SourceError(f"{PLACE}: {shards[0].path} holds no record; check that it holds csv")
    return found[1]


def schema_of(
    shards: Sequence[Shard], options: Mapping[str, str], keep: Callable[[str, pl.DataFrame], None] | None = None
) -> dict[str, pl.DataType]:
    """The columns with the types that all their values have; one pass over the data where it must be inferred.

    `keep` is given the rows of that pass, as `RecordFormat.infer` has it.
    """
    names = names_of(shards, options)
    if not is_true(options, "inferSchema"):
        return dict.fromkeys(names, pl.String())
    form = dialect(options)
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
            end if kind == begin else csv_types.widened(kind, texts[name])
            for kind, begin, end, name in zip(kinds, block.began, block.ended, names, strict=True)
        ]
        if keep is not None:
            typed = block.typed if tuple(kinds) == block.ended else None
            keep(block.shard.path, _typed(block.records, _types(names, kinds)) if typed is None else typed)
    return _types(names, kinds)


@dataclass(frozen=True)
class _Block:
    """A block's records, the kinds that were known, those that hold it too, and its rows of these."""

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
    ended = tuple(csv_types.widened(k, records.frame[n]) for k, n in zip(kinds, names, strict=True))
    return _Block(shard, records, kinds, ended, _typed(records, _types(names, ended)) if keeps else None)


def _types(names: Sequence[str], kinds: Sequence[csv_types.Kind]) -> dict[str, pl.DataType]:
    return {name: kind.dtype for name, kind in zip(names, kinds, strict=True)}


def check_headers(shards: Sequence[Shard], options: Mapping[str, str]) -> None:
    """Raises SourceError where the shards' headers differ."""
    if dialect(options).header:
        names_of(shards, options)


def readings(
    shard: Shard, schema: Mapping[str, pl.DataType], options: Mapping[str, str], needed: frozenset[str] | None
) -> Iterator[Callable[[], pl.DataFrame]]:
    """Calls that read a shard's blocks: the columns needed (None: all), and `CORRUPT` where it is among them."""
    tells = needed is None or CORRUPT in needed
    # Whether a record is corrupt depends on all of its fields.
    wanted = [name for name in schema if tells or (needed and name in needed)] or list(schema)[:1]
    form = dialect(options)
    for piece in pieces(shard.bytes_at, form):
        yield partial(_frame, piece, form, schema, wanted, tells=tells)


def _frame(
    piece: bytes | pl.Series, form: Dialect, schema: Mapping[str, pl.DataType], wanted: list[str], *, tells: bool
) -> pl.DataFrame:
    records = read(piece, form, list(schema))
    return _typed(records, {name: schema[name] for name in wanted}, tells=tells)


def _typed(records: Records, schema: Mapping[str, pl.DataType], *, tells: bool = True) -> pl.DataFrame:
    pairs = [converted(records.frame[name], dtype) for name, dtype in schema.items()]
    frame = pl.DataFrame([column for column, _ in pairs])
    return frame.with_columns(_corrupt(records, [bad for _, bad in pairs])) if tells else frame


def _corrupt(found: Records, bad: list[pl.Series | None]) -> pl.Series:
    nothing = pl.Series(CORRUPT, [None], dtype=pl.String()).new_from_index(0, found.frame.height)
    marks = [mark for mark in (*bad, found.odd) if mark is not None]
    if not marks:
        return nothing
    told = marks[0]
    for mark in marks[1:]:
        told = told | mark
    return nothing.scatter(told.arg_true(), found.text().filter(told))


def _names(shard: Shard, form: Dialect) -> list[str] | None:
    row = first_fields(shard.bytes_at, form)
    if row is None:
        return None
    return _safe(row, form.null) if form.header else [f"_c{i}" for i in range(len(row))]


def _safe(row: list[str | None], null: str) -> list[str]:
    """Names that are all there and differ, whatever their case."""
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
