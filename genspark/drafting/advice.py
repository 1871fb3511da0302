"""What suits a column: steps, each with the reason for it and the figure behind that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from genspark.columns.names import distinct
from genspark.drafting.asking import Answers
from genspark.drafting.looking import Column, Look
from genspark.drafting.naming import parts_of, renaming
from genspark.report.profile import LINEAGE
from genspark.sources.formats import format_of

MOSTLY_MISSING, OFTEN_MISSING = 0.6, 0.05
LONG_TAIL, SKEWED = 2.0, 1.0
FAR_OUT = 0.001
FEW = 12


@dataclass(frozen=True)
class Advice:
    """A step for some columns, as YAML has it, and why, a line for each reason."""

    kind: str
    fields: dict[str, Any]
    why: tuple[str, ...]


def key_of(seen: Look) -> tuple[list[str], str]:
    """The columns that tell rows apart, and why these."""
    able = [c for c in seen.columns if c.is_unique and (c.is_whole or c.kind in ("category", "text"))]
    if able:
        best = min(able, key=lambda c: (not c.is_whole, "id" not in c.name.lower()))
        return [best.name], f"{best.name} is another in each of the {seen.sampled:,} rows of the sample"
    return [], "no column is another in every row: rows are told apart by all of their values"


def steps_for(seen: Look, key: Sequence[str], known: Answers | None = None) -> Iterator[Advice]:
    """The steps that suit a source and what a person knows of it, in the order of a pipeline."""
    known = known or Answers()
    kept = {*key, known.label}
    gone = list(_dropped(seen, kept))
    gone += _private(seen, kept | _left_out(gone), known.personal)
    yield from gone
    left_out = _left_out(gone) | set(key)
    columns = [column for column in seen.columns if column.name not in left_out]
    label = known.label
    fields, names = renaming([n for n in seen.names if n not in LINEAGE and n not in _left_out(gone)])
    if fields:
        held = "no table holds blanks, commas or brackets in names, nor two that differ in capitals alone"
        yield Advice("rename", fields, (held,))
        columns = [replace(column, name=names[column.name]) for column in columns]
        label = names.get(label, label)
    yield from _validated(columns)
    parts = parts_of(seen)
    columns = [c for c in columns if c.name != label and not (parts and c.name == names.get(parts.name))]
    if seen.rows >= 10 and parts is None:
        share = "80 % to learn from, 10 % to choose by, 10 % to judge by; a row stays where its key puts it"
        fractions = {"train": 0.8, "validation": 0.1, "test": 0.1}
        column = distinct("split", {name.lower() for name in names.values()})
        other = {"column": column} if column != "split" else {}
        yield Advice("split", {"fractions": fractions, "seed": 7, **other}, (share,))
    yield from _imputed(columns)
    numbers = [column for column in columns if is_measured(column)]
    yield from _bounded(numbers)
    tails = [c for c in numbers if (c.skew or 0.0) > LONG_TAIL and c.least is not None and c.least >= 0]
    if tails:
        why = _listed("long tail of numbers that are not negative", tails, lambda c: f"skew {c.skew:.1f}")
        yield Advice("transform", {"columns": _names(tails), "function": "log1p"}, (why,))
    if numbers:
        why = "mean 0 and deviation 1, which networks learn from best; the model brings samples back"
        yield Advice("scale", {"columns": _names(numbers), "method": "standard"}, (why,))
    if format_of(seen.source.format).holds_images:
        why = "half of the images flipped, as numbers beside them: readers apply them, and views of later epochs"
        yield Advice("augment", {"image": "image", "horizontal_flip": 0.5, "seed": 7}, (why,))
    named = [c for c in columns if c.kind == "category" and c.dtype == "String"]
    if named:
        why = _listed("names as numbers", named, lambda c: f"{c.distinct:,} values")
        yield Advice("encode", {"columns": _names(named), "method": "index", "overflow": "unknown"}, (why,))


def is_measured(column: Column) -> bool:
    """Whether a column of numbers measures something, and does not only name it."""
    is_name = column.is_whole and column.distinct <= FEW
    return column.kind == "number" and not is_name and column.skew is not None


def _dropped(seen: Look, kept: Collection[str]) -> Iterator[Advice]:
    empty = [c for c in seen.columns if c.missing > MOSTLY_MISSING and c.name not in kept]
    if empty:
        why = _listed("mostly missing", empty, lambda c: f"{c.missing:.0%}")
        yield Advice("drop", {"columns": _names(empty)}, (why,))
    constant = [
        c
        for c in seen.columns
        if c.name not in kept and c not in empty and c.distinct == 1 and c.missing == 0 and seen.rows > 1
    ]
    if constant and len(constant) + len(empty) < len(seen.columns):
        yield Advice("drop", {"columns": _names(constant)}, (_listed("one value alone", constant, lambda c: c.kind),))


def _private(seen: Look, kept: Collection[str], personal: Sequence[str]) -> Iterator[Advice]:
    named = [c for c in seen.columns if c.name in personal]
    texts = [c for c in named if c.kind == "text" and c.name not in kept]
    others = [c for c in named if c.kind != "text" and c.name not in kept]
    if texts:
        why = "personal data, as you said: what patterns find is masked, which is less and not nothing (docs/trust.md)"
        yield Advice("pii", {"columns": _names(texts), "action": "mask"}, (why,))
    if others:
        yield Advice("drop", {"name": "personal", "columns": _names(others)}, ("personal data, as you said",))


def _left_out(given: Sequence[Advice]) -> set[str]:
    return {name for advice in given if advice.kind == "drop" for name in advice.fields["columns"]}


def rules_for(seen: Look) -> Iterator[Advice]:
    """The rules that all rows of a source keep, as steps that hold them."""
    yield from _validated(seen.columns)
    unique = [c for c in seen.columns if c.is_unique and c.missing == 0 and (c.is_whole or c.dtype == "String")]
    if unique and seen.sampled == seen.rows:
        rules = [{"columns": _names(unique), "unique": True}]
        yield Advice("expect", {"rules": rules}, ("another value in every row: it may tell rows apart",))


def _validated(columns: Sequence[Column]) -> Iterator[Advice]:
    rules: list[dict[str, Any]] = []
    why = ["what held of all rows should hold of the next; rows of which it does not are set aside, or counted"]
    full = [c for c in columns if c.missing == 0]
    if full:
        rules.append({"columns": _names(full), "not_null": True})
    for column in columns:
        if column.kind == "category" and column.dtype == "String" and column.top and not column.others:
            values = [value for value, _ in column.top]
            rules.append({"columns": column.name, "one_of": values, "level": "warn"})
        elif is_measured(column) and column.least is not None and column.greatest is not None:
            rules.append({"columns": column.name, "between": [column.least, column.greatest], "level": "warn"})
        elif column.readable_as:
            rules.append({"columns": column.name, "type": column.readable_as, "level": "warn"})
    if rules:
        yield Advice("validate", {"rules": rules}, tuple(why))


def _imputed(columns: Sequence[Column]) -> Iterator[Advice]:
    numbers = [c for c in columns if c.missing > 0 and c.kind == "number"]
    for strategy, some, what in (
        ("median", [c for c in numbers if abs(c.skew or 0.0) > SKEWED], "skewed, so the median is nearer to most"),
        ("mean", [c for c in numbers if abs(c.skew or 0.0) <= SKEWED], "not skewed, so the mean does"),
    ):
        for often in (True, False):
            here = [c for c in some if (c.missing > OFTEN_MISSING) is often]
            if here:
                fields = {"name": f"{strategy}_{'often' if often else 'seldom'}", "columns": _names(here)}
                flagged = {"indicator": True} if often else {}
                why = _listed(f"{what}; missing", here, lambda c: f"{c.missing:.1%}")
                also = ("that a value was missing may tell something: a column says so",) if often else ()
                yield Advice("impute", {**fields, "strategy": strategy, **flagged}, (why, *also))
    named = [c for c in columns if c.missing > 0 and c.kind == "category"]
    if named:
        why = _listed("the most frequent value; missing", named, lambda c: f"{c.missing:.1%}")
        yield Advice("impute", {"name": "names", "columns": _names(named), "strategy": "mode"}, (why,))


def _bounded(numbers: Sequence[Column]) -> Iterator[Advice]:
    far = [c for c in numbers if c.outliers > FAR_OUT]
    if far:
        why = _listed("beyond three quartile ranges", far, lambda c: f"{c.outliers:.1%}")
        fields = {"columns": _names(far), "method": "iqr", "threshold": 3.0, "action": "clip"}
        yield Advice("outliers", fields, (why, "clipped, so that no row is lost; quarantine sets them aside instead"))


def _names(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns]


def _listed(what: str, columns: Sequence[Column], figure: Callable[[Column], str]) -> str:
    shown = [f"{column.name} {figure(column)}" for column in columns[:6]]
    more = f" and {len(columns) - 6} more" if len(columns) > 6 else ""
    return f"{what}: {', '.join(shown)}{more}"
