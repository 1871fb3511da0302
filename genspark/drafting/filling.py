"""What is missing, and what stands for it: erased where it is a value, and filled by the kind of column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from genspark.drafting.judging import gaps_of, is_measured, is_named
from genspark.drafting.looking import Column
from genspark.drafting.reasons import Advice, listed, names_of, percent
from genspark.drafting.tails import SKEWED

OFTEN_MISSING = 0.05
BEYOND_ALL = 10_000.0
"""Deviations: in n rows none lies further out than the root of n."""


def erased(columns: Sequence[Column]) -> Iterator[Advice]:
    """Values that stand for missing are erased where a rule finds them alone, and else told of; so are infinities."""
    infinite = [c for c in columns if is_measured(c) and c.traits.infinite]
    if infinite:
        why = listed("infinities, which nothing learns from", infinite, lambda c: percent(c.traits.infinite))
        rule = f"they lie beyond any bounds; no other value can lie {BEYOND_ALL:,.0f} deviations out"
        fields = {"name": "infinite", "columns": names_of(infinite), "method": "zscore", "threshold": BEYOND_ALL}
        yield Advice("outliers", {**fields, "action": "null"}, (why, rule))
    able: dict[float, list[Column]] = {}
    for column in columns:
        repeated = column.traits.repeated if is_measured(column) else None
        if repeated and repeated.ranges:
            able.setdefault(repeated.ranges, []).append(column)
        elif repeated:
            what = "far from all others: does it stand for missing?" if repeated.stands_apart else "values end there"
            end = f"its {'least' if repeated.is_least else 'greatest'} value, {repeated.value:g},"
            yield Advice("", {}, (f"{column.name}: {end} is that of {repeated.share:.1%} of the rows; {what}",))
    for ranges, some in able.items():
        why = listed("one value of many rows far from all others stands for missing", some, _repeated)
        rule = f"the rule finds it alone, {ranges:g} quartile ranges out, and erases it; gaps are filled below"
        fields = {"columns": names_of(some), "method": "iqr", "threshold": ranges, "action": "null"}
        yield Advice("outliers", {"name": "stands_for_missing", **fields}, (why, rule))


def _repeated(column: Column) -> str:
    repeated = column.traits.repeated
    return f"{repeated.value:g} in {repeated.share:.1%}" if repeated else ""


def imputed(columns: Sequence[Column]) -> Iterator[Advice]:
    """What fills gaps, by the kind of column and its skew, with a column that tells of them where there are many."""
    gaps = [c for c in columns if gaps_of(c) > 0.0]
    numbers = [c for c in gaps if is_measured(c)]
    codes = [c for c in gaps if c.kind == "number" and c.traits.is_code]
    named = [c for c in gaps if is_named(c) or (c.kind == "category" and c.dtype == "Boolean")]
    for name, strategy, some, what in (
        ("median", "median", [c for c in numbers if abs(_skew(c)) > SKEWED], "skewed, so the median is nearer to most"),
        ("mean", "mean", [c for c in numbers if abs(_skew(c)) <= SKEWED], "not skewed, so the mean does"),
        ("codes", "mode", codes, "few whole numbers, of which a mean would be none, so the most frequent"),
        ("names", "mode", named, "the most frequent value"),
    ):
        for often in (True, False):
            here = [c for c in some if (gaps_of(c) > OFTEN_MISSING) is often]
            if here:
                fields = {"name": f"{name}_{'often' if often else 'seldom'}", "columns": names_of(here)}
                flagged = {"indicator": True} if often else {}
                why = listed(f"{what}; missing", here, lambda c: f"{gaps_of(c):.1%}")
                also = ("that a value was missing may tell something: a column says so",) if often else ()
                yield Advice("impute", {**fields, "strategy": strategy, **flagged}, (why, *also))


def _skew(column: Column) -> float:
    return column.traits.tail.skew_before if column.traits.tail else 0.0
