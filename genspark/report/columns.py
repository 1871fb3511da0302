"""The columns of a page: the picture of each, and what was counted of it, in words and figures."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from genspark.report import drawing
from genspark.report.bins import Tally
from genspark.report.profile import Profile


def shown_columns(
    of: Mapping[str, Any], profiles: Sequence[Profile], names: Sequence[str], hidden: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Each column that has a shape, as the part `columns.html` of a page takes it, of one table or of two.

    Of `hidden` columns no value is shown, only how long texts are, and how many are missing.
    """
    found = []
    for name, shape in of.items():
        pairs = [(title, one.tallies[name]) for title, one in zip(names, profiles, strict=True) if name in one.tallies]
        is_hidden = name in hidden and shape.kind != "text"
        has_picture = (
            not is_hidden
            and shape.kind in ("number", "time", "category", "text")
            and any(t.shares.any() for _, t in pairs)
        )
        found.append(
            {
                "name": name,
                "dtype": shape.dtype,
                "kind": shape.kind,
                "picture": drawing.histogram(name, pairs) if has_picture else None,
                "facts": [{"name": title, **_facts(tally, is_hidden=is_hidden)} for title, tally in pairs],
            }
        )
    return found


def _facts(tally: Tally, *, is_hidden: bool) -> dict[str, Any]:
    is_number = not is_hidden and tally.shape.kind in ("number", "time", "text") and tally.n > 0
    shape = tally.shape if tally.shape.kind == "time" else None
    beyond = 0.0 if tally.bins is None or not tally.n else float((tally.bins[0] + tally.bins[-1]) / tally.n)
    return {
        "missing": f"{tally.missing:,}",
        "missing_share": f"{tally.missing_share:.2%}" if tally.rows else "none",
        "missing_width": round(100 * tally.missing / tally.rows, 2) if tally.rows else 0,
        "infinite": tally.infinite,
        "outliers": f"{tally.outliers:,}" if tally.shape.kind == "number" else "",
        "outlier_share": f"{tally.outliers / tally.n:.2%}" if tally.n and tally.shape.kind == "number" else "",
        "least": drawing.number(tally.least, shape) if is_number else "",
        "greatest": drawing.number(tally.greatest, shape) if is_number else "",
        "mean": drawing.number(tally.mean, shape) if is_number else "",
        "deviation": drawing.number(tally.deviation) if is_number and shape is None else "",
        "beyond": f"{beyond:.1%}" if beyond else "",
    }
