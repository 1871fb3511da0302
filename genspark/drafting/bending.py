"""Numbers by their tails: what bends these, which rule then finds what lies far out, and the scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from genspark.drafting.looking import Column
from genspark.drafting.reasons import Advice, listed, names_of, percent
from genspark.drafting.tails import DEVIATIONS, NEAR_NORMAL_SKEW, RANGES

MOST_TOUCHED = 0.01


def bent(numbers: Sequence[Column]) -> Iterator[Advice]:
    """The function for each tail, the one that leaves the least skew."""
    for function, what in (
        ("log1p", "long tail of numbers that are not negative, which log1p leaves least of; skew before and after"),
        ("sqrt", "long tail of numbers that are not negative, which the root leaves least of; skew before and after"),
        (
            "yeo-johnson",
            "long tail that no logarithm or root takes away, so a power that is learnt; skew before and after",
        ),
    ):
        some = [c for c in numbers if c.traits.tail and c.traits.tail.function == function]
        if some:
            fields = {"name": f"bend_{function.replace('-', '_')}", "columns": names_of(some), "function": function}
            yield Advice("transform", fields, (listed(what, some, _skews),))


def _skews(column: Column) -> str:
    tail = column.traits.tail
    return f"{tail.skew_before:.1f} to {tail.skew:.1f}" if tail else ""


def bounded(numbers: Sequence[Column]) -> Iterator[Advice]:
    """Rules by the tails that are left after the functions: those that touch few rows clip, others tell."""
    tails = [(c, c.traits.tail) for c in numbers if c.traits.tail]
    for method, threshold, name, what in (
        (
            "zscore",
            DEVIATIONS,
            "deviations",
            f"near normal (skew to {NEAR_NORMAL_SKEW}): beyond {DEVIATIONS:g} deviations",
        ),
        ("iqr", RANGES, "ranges", f"not near normal: beyond {RANGES:g} quartile ranges from the quartiles"),
    ):
        found = [(c, tail) for c, tail in tails if tail.method == method and tail.touched > 0.0]
        few = [c for c, tail in found if tail.touched <= MOST_TOUCHED]
        many = [c for c, tail in found if tail.touched > MOST_TOUCHED]
        fields = {"method": method, "threshold": threshold}
        if few:
            more = "clipped, so that no row is lost; quarantine sets them aside instead"
            fields_of = {"name": f"clip_{name}", "columns": names_of(few), **fields, "action": "clip"}
            yield Advice("outliers", fields_of, (listed(what, few, _touched), more))
        if many:
            more = (
                f"more than {MOST_TOUCHED:.0%} is no accident, and clipped would pile up at one value: a column tells"
            )
            fields_of = {"name": f"tell_{name}", "columns": names_of(many), **fields, "action": "flag"}
            yield Advice("outliers", fields_of, (listed(what, many, _touched), more))
    clean = [c.name for c, tail in tails if tail.method and not tail.touched]
    if clean:
        yield Advice("", {}, (f"no rule for outliers where none lies so far out: {', '.join(clean)}",))
    one = [c for c, tail in tails if not tail.method]
    if one:
        why = listed("no rule for outliers, as half of the values or more are one", one, _most)
        yield Advice("", {}, (why,))


def _touched(column: Column) -> str:
    tail = column.traits.tail
    return f"{percent(tail.touched)} (skew {tail.skew:.1f}, kurtosis {tail.kurtosis:.1f})" if tail else ""


def _most(column: Column) -> str:
    tail = column.traits.tail
    return f"{tail.most:g} in {tail.most_share:.0%}" if tail else ""


def scaled(numbers: Sequence[Column]) -> Iterator[Advice]:
    """One scale for all: by mean and deviation, or by quartiles where far values stay."""
    heavy = [c for c in numbers if c.traits.tail and c.traits.tail.touched > MOST_TOUCHED]
    others = [c for c in numbers if c not in heavy]
    if others:
        why = "mean 0 and deviation 1, which networks learn from best; the model brings samples back"
        yield Advice("scale", {"columns": names_of(others), "method": "standard"}, (why,))
    if heavy:
        why = listed("median 0 and quartile range 1, which far values decide nothing of", heavy, _kurtosis)
        yield Advice("scale", {"name": "robust", "columns": names_of(heavy), "method": "robust"}, (why,))


def _kurtosis(column: Column) -> str:
    return f"kurtosis {column.traits.tail.kurtosis:.1f}" if column.traits.tail else ""
