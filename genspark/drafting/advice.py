"""What suits a column: steps, each with the reason for it and the figure behind that."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from genspark.columns.names import distinct
from genspark.drafting.asking import Answers
from genspark.drafting.bending import bent, bounded, scaled
from genspark.drafting.filling import erased, imputed
from genspark.drafting.judging import is_a_name, is_measured, is_named, is_of_times
from genspark.drafting.looking import Column, Look
from genspark.drafting.meanings import label_rank
from genspark.drafting.naming import parts_of, renaming
from genspark.drafting.proposing import why_personal
from genspark.drafting.reasons import Advice, listed, names_of
from genspark.drafting.rules import expected, validated
from genspark.sources.formats import format_of

MOSTLY_MISSING = 0.6


def steps_for(seen: Look, key: Sequence[str], known: Answers | None = None) -> Iterator[Advice]:
    """The steps that suit a source and what a person knows of it, in the order of a pipeline."""
    known = known or Answers()
    kept = {*key, known.label}
    gone = list(_dropped(seen, kept))
    left_out = _left_out(gone)
    gone += _private([c for c in seen.columns if c.name not in left_out], kept, known.personal)
    yield from gone
    left_out = _left_out(gone)
    columns = [column for column in seen.columns if column.name not in left_out and column.name not in key]
    label = known.label
    masked = {name for advice in gone if advice.kind == "pii" for name in advice.fields["columns"]}
    fields, names = renaming([name for name in seen.names if name not in left_out])
    if fields:
        held = "no table holds blanks, commas or brackets in names, nor two that differ in capitals alone"
        yield Advice("rename", fields, (held,))
        columns = [replace(column, name=names[column.name]) for column in columns]
        label, masked = names.get(label, label), {names[name] for name in masked}
    yield from validated(columns, masked)
    yield from _cast(columns)
    yield from expected(columns, seen)
    yield from _labelled(columns, label)
    parts = parts_of(seen)
    columns = [c for c in columns if c.name != label and not (parts and c.name == names.get(parts.name))]
    if seen.rows >= 10 and parts is None:
        share = "80 % to learn from, 10 % to choose by, 10 % to judge by; a row stays where its key puts it"
        fractions = {"train": 0.8, "validation": 0.1, "test": 0.1}
        column = distinct("split", {name.lower() for name in names.values()})
        other = {"column": column} if column != "split" else {}
        yield Advice("split", {"fractions": fractions, "seed": 7, **other}, (share,))
    yield from erased(columns)
    yield from imputed(columns)
    numbers = [column for column in columns if is_measured(column)]
    yield from bent(numbers)
    yield from bounded(numbers)
    yield from scaled(numbers)
    if format_of(seen.source.format).holds_images:
        why = "half of the images flipped, as numbers beside them: readers apply them, and views of later epochs"
        yield Advice("augment", {"image": "image", "horizontal_flip": 0.5, "seed": 7}, (why,))
    yield from _encoded(columns)
    yield from _left_as_they_are(columns)


def _dropped(seen: Look, kept: Collection[str]) -> Iterator[Advice]:
    empty = [c for c in seen.columns if c.missing > MOSTLY_MISSING and c.name not in kept]
    if empty:
        why = listed("mostly missing", empty, lambda c: f"{c.missing:.0%}")
        yield Advice("drop", {"columns": names_of(empty)}, (why,))
    constant = [
        c
        for c in seen.columns
        if c.name not in kept and c not in empty and c.distinct == 1 and c.missing == 0 and seen.rows > 1
    ]
    if constant and len(constant) + len(empty) < len(seen.columns):
        yield Advice("drop", {"columns": names_of(constant)}, (listed("one value alone", constant, lambda c: c.kind),))


def _private(columns: Sequence[Column], kept: Collection[str], personal: Sequence[str]) -> Iterator[Advice]:
    def said(column: Column) -> str:
        return why_personal(column) or "as you said"

    named = [c for c in columns if c.name in personal]
    staying = [c for c in named if c.name in kept]
    if staying:
        why = listed("personal data that stays in clear, as key or label", staying, said)
        remedy = (
            f"to hide it: pseudonymize: {{columns: [{', '.join(names_of(staying))}]}}, with a key in the environment"
        )
        yield Advice("", {}, (why, remedy))
    named = [c for c in named if c.name not in kept]
    # Where nothing else would be left a table of masked texts is better than none.
    are_all = len(named) == len(columns)
    texts = [c for c in named if c.dtype == "String" and (c.traits.is_long or are_all)]
    others = [c for c in named if c not in texts]
    if texts:
        why = listed("personal data in texts", texts, said)
        what = "what patterns find is masked, which is less and not nothing (docs/trust.md)"
        yield Advice("pii", {"columns": names_of(texts), "action": "mask"}, (why, what))
    if others:
        why = listed("personal data", others, said)
        instead = "left out, as a mask would leave nothing to learn; to join tables by it: pseudonymize instead of drop"
        yield Advice("drop", {"name": "personal", "columns": names_of(others)}, (why, instead))


def _left_out(given: Sequence[Advice]) -> set[str]:
    return {name for advice in given if advice.kind == "drop" for name in advice.fields["columns"]}


def _cast(columns: Sequence[Column]) -> Iterator[Advice]:
    some = {c.name: c.readable_as for c in columns if c.dtype == "String" and c.readable_as in ("date", "timestamp")}
    if some:
        shown = ", ".join(f"{name} {kind}" for name, kind in some.items())
        why = f"texts of which all in the sample are days or times of ISO 8601: {shown}; others went to the quarantine"
        yield Advice("cast", {"columns": some}, (why,))


def _labelled(columns: Sequence[Column], label: str) -> Iterator[Advice]:
    found = [c for c in columns if c.name == label]
    if found:
        gaps = f", missing in {found[0].missing:.1%}" if found[0].missing else ""
        by = "by its name" if label_rank(label) is not None else "as you said"
        stays = "neither imputed, bent, scaled nor encoded"
        yield Advice("", {}, (f"{label} is the label, {by} ({found[0].distinct:,} values{gaps}): it is {stays}",))


def _encoded(columns: Sequence[Column]) -> Iterator[Advice]:
    named = [c for c in columns if is_named(c)]
    if named:
        why = listed("names as numbers", named, _values)
        zeros = [c for c in named if c.traits.has_leading_zeros]
        also = (f"digits that begin with 0 are codes, not numbers: {', '.join(names_of(zeros))}",) if zeros else ()
        yield Advice("encode", {"columns": names_of(named), "method": "index", "overflow": "unknown"}, (why, *also))


def _left_as_they_are(columns: Sequence[Column]) -> Iterator[Advice]:
    """What no step above touches, and why, so that nobody looks for it."""
    codes = [c for c in columns if c.kind == "number" and c.traits.is_code]
    things = [c for c in columns if c.kind == "number" and is_a_name(c)]
    times = [c for c in columns if c.kind == "time" or (is_of_times(c) and c.readable_as)]
    dated = [c for c in columns if is_of_times(c) and not c.readable_as]
    texts = [c for c in columns if c.dtype == "String" and not is_named(c) and not is_of_times(c)]
    told = (
        ("few whole numbers are codes or small counts, and stay as they are", codes, _values),
        ("numbers that name things measure nothing, and stay as they are", things, _values),
        ("times stay times, and null where they are missing", times, _missing),
        ("texts that look like days in another order than that of ISO 8601, which no step reads", dated, _missing),
        ("texts stay texts, and null where they are missing (tokenize makes ids of them)", texts, _missing),
    )
    lines = tuple(listed(what, some, figure) for what, some, figure in told if some)
    if lines:
        yield Advice("", {}, lines)


def _values(column: Column) -> str:
    return f"{column.distinct:,} values"


def _missing(column: Column) -> str:
    return f"missing {column.missing:.1%}" if column.missing else "none missing"
