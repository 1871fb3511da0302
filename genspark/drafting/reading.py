"""How a source is read: its first records, those that cannot be read apart, and the options by which most can."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from genspark.config import Source
from genspark.drafting.kinds import Told
from genspark.drafting.narrowing import CODE, numbers_of, words_of
from genspark.engines.fate import CORRUPT, FILE, RECORD
from genspark.errors import SourceError, brief
from genspark.sources import Dataset, ddl, find_dataset, scan, shard_error
from genspark.sources.finding import list_source
from genspark.sources.format import UNREADABLE
from genspark.sources.formats import format_of
from genspark.sources.places import PLACE
from genspark.sources.source import named
from genspark.sources.typed import TypedFormat
from genspark.sources.types import normal
from genspark.storage.files import is_uri, local

SAMPLE = 100_000
_CELLS = 30_000_000
"""Values that are held at once, at most: of a thousand columns the sample is 30,000 rows."""
_MULTI_LINE = "multiLine"


@dataclass
class Unread:
    """Records that cannot be read: how many there are, and the first in order."""

    count: int = 0
    first: tuple[str, int, str] | None = None

    def take_out(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Count those among some rows, and return the others."""
        if CORRUPT not in rows.columns:
            return rows
        bad = rows.filter(pl.col(CORRUPT).is_not_null())
        if bad.height:
            self.count += bad.height
            one = bad.select(pl.col(FILE).cast(pl.String), RECORD, CORRUPT).row(0)
            self.first = min(self.first or one, one)
        return rows.filter(pl.col(CORRUPT).is_null()).drop(CORRUPT, FILE, RECORD)

    @property
    def example(self) -> str:
        """The first of them, by its place and its text; empty where there is none."""
        if self.first is None:
            return ""
        file, record, text = self.first
        return f"record {record + 1:,} of {file if is_uri(file) else local(file)}: {brief(text)}"


@dataclass(frozen=True)
class Reading:
    """A source and how it is read, its first rows, and what a person should know of it.

    `wide` is how it is read without types that a few records do not fit, where it has such types.
    """

    source: Source
    dataset: Dataset
    rows: pl.DataFrame
    notes: tuple[str, ...]
    wide: Reading | None = None


def reading_of(told: Told, *, is_free: bool) -> Reading:
    """Read the first records of a source, by other options too where `is_free` and many cannot be read.

    Raises SourceError where there is none, and where most cannot be read.
    """
    one = _first(*_without_unheld(told), is_free=is_free)
    if not one.dataset.format.infers or one.source.schema_:
        return one
    if is_free:
        return _with_types(_with_words(one))
    return replace(one, source=_with_schema(one.source, one.dataset.file_schema))


def rows_of(dataset: Dataset, names: list[str]) -> pl.LazyFrame:
    """The columns of a dataset, and beside them what `Unread` takes out; of bytes whether they are there alone."""
    tells = dataset.tells_corrupt
    frame = scan(dataset, corrupt=True, with_file=tells, with_record=tells)
    columns = [
        pl.when(pl.col(name).is_not_null()).then(pl.lit(b"")).alias(name)
        if dataset.schema[name] == pl.Binary()
        else pl.col(name)
        for name in names
    ]
    return frame.select(*columns, *((CORRUPT, FILE, RECORD) if tells else ()))


@contextlib.contextmanager
def explained(dataset: Dataset) -> Iterator[None]:
    """Raise what a library raises inside the block as a SourceError that names the files at fault."""
    try:
        yield
    except UNREADABLE as error:
        cause = shard_error(dataset, error)
        if cause is None:
            raise
        raise cause from error


def _first(source: Source, notes: tuple[str, ...], *, is_free: bool = True) -> Reading:
    one, unread = _sampled(source, notes)
    can_go_on = _MULTI_LINE in one.dataset.format.options.known and _MULTI_LINE not in source.options
    if unread.count and can_go_on and one.dataset.format.options.fixed.get(_MULTI_LINE) is None and is_free:
        note = "records go on over line ends inside of quotes"
        other, still = _sampled(_with_options(source, {_MULTI_LINE: True}), (*notes, note))
        if still.count < unread.count / 2:
            one, unread = other, still
    if unread.count > one.rows.height:
        options = f" with {dict(one.source.options)}" if one.source.options else ""
        raise SourceError(
            f"{PLACE}: {unread.count:,} of the first {unread.count + one.rows.height:,} records of {named(source)} "
            f"cannot be read as {source.format}{options}, such as {unread.example}; "
            "check the files and how they are written, or write the YAML by hand"
        )
    if not one.rows.height:
        raise SourceError(f"{PLACE}: {source.path}: there are no rows to look at")
    return one


def _sampled(source: Source, notes: tuple[str, ...]) -> tuple[Reading, Unread]:
    dataset, unread = find_dataset(source), Unread()
    names = list(dataset.schema)
    most = min(SAMPLE, max(1, _CELLS // max(1, len(names))))
    with explained(dataset):
        rows = rows_of(dataset, names).head(most).collect(engine="streaming")
    return Reading(source, dataset, unread.take_out(rows), notes), unread


def _with_words(one: Reading) -> Reading:
    """Read again with the options that words among numbers ask for, where there are such."""
    known = one.dataset.format.options.known
    options, why = words_of(_texts(one))
    if not options or not set(options) <= set(known):
        return one
    return _first(_with_options(one.source, options), (*one.notes, *why))


def _with_types(one: Reading) -> Reading:
    """The reading with its columns and their types given, those of nearly numbers among them."""
    can_miss = "nullValue" in one.dataset.format.options.known
    types, why = numbers_of(_texts(one)) if can_miss else ({}, ())
    found = one.dataset.file_schema
    codes = _codes(one) if can_miss else []
    if codes:
        types = {**types, **dict.fromkeys(codes, pl.String())}
        why = (*why, f"digits that begin with 0 are codes, and stay text: {', '.join(codes)}")
    wide = replace(one, source=_with_schema(one.source, found))
    if not types:
        return replace(wide, notes=(*one.notes, *why))
    narrow = _first(_with_schema(one.source, {**found, **types}), (*one.notes, *why))
    return replace(narrow, wide=wide)


def _codes(one: Reading) -> list[str]:
    """The columns of whole numbers of which some are written with a 0 before them, which a number would lose."""
    found = one.dataset.file_schema
    whole = [name for name, dtype in found.items() if dtype.is_integer()]
    if not whole:
        return []
    written, _ = _sampled(_with_schema(one.source, {**found, **dict.fromkeys(whole, pl.String())}), ())
    return [name for name in whole if written.rows[name].str.contains(CODE).any()]


def _texts(one: Reading) -> dict[str, pl.Series]:
    return {name: one.rows[name] for name, dtype in one.dataset.file_schema.items() if dtype == pl.String()}


def _without_unheld(told: Told) -> Told:
    """The source with a schema that leaves out the columns whose type no table holds, and a note of them."""
    source, notes = told
    form = format_of(source.format)
    if source.schema_ or not isinstance(form, TypedFormat):
        return told
    shard = next(iter(list_source(source).shards))
    try:
        raw = form.raw_schema(shard.path)
    except UNREADABLE:
        # Finding the columns names the file and the cause.
        return told
    held: dict[str, pl.DataType] = {}
    unheld = []
    for name, dtype in raw.items():
        try:
            held[name] = normal(dtype, name, shard.path)
        except SourceError:
            unheld.append(f"{name} ({dtype})")
    if not unheld or not held:
        return told
    note = f"left out, as no table holds their type: {', '.join(unheld)}; write them as another"
    return Told(_with_schema(source, held), (*notes, note))


def _with_options(source: Source, options: dict[str, Any]) -> Source:
    return source.model_copy(update={"options": {**source.options, **options}})


def _with_schema(source: Source, columns: dict[str, pl.DataType]) -> Source:
    return source.model_copy(update={"schema_": ddl.text_of(columns)})
