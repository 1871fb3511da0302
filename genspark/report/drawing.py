"""Pictures of what was counted, drawn by matplotlib as SVG whose colours are the page's."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from genspark.errors import GensparkError
from genspark.report.bins import Shape, Tally

INKS = {"#010101": "var(--text)", "#020202": "var(--faint)", "#030303": "var(--one)", "#040404": "var(--two)"}
"""Colours that matplotlib is given, and those of the page, dark or light, that take their place."""
TEXT, FAINT, ONE, TWO = INKS
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_IDS = re.compile(r' id="([^"]*)"')


def histogram(name: str, tallies: Sequence[tuple[str, Tally]]) -> dict[str, str]:
    """The shares of a column's bins or names, of one table or of two beside each other: a picture and its text."""
    return {"svg": _drawn(tallies, f"{name}"), "alt": told(name, tallies)}


def told(name: str, tallies: Sequence[tuple[str, Tally]]) -> str:
    """What a picture shows, in words."""
    lines = [f"{title}: {_in_words(tally)}" for title, tally in tallies]
    return f"Shares of {name}. " + " ".join(lines)


def number(value: float, shape: Shape | None = None) -> str:
    """A number for a person; of a time, the date."""
    if not np.isfinite(value):
        return "none"
    if shape is not None and shape.kind == "time":
        return _time(value, shape.dtype)
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def moment(value: float, dtype: str) -> dt.datetime | str:
    """The moment of a number of days or units since 1970; in words where no calendar has it.

    Times of a day and durations are no moments: they are told in seconds.
    """
    scale = {"ns": 1e9, "us": 1e6, "ms": 1e3}[next((unit for unit in ("ns", "ms") if f"'{unit}'" in dtype), "us")]
    if not dtype.startswith("Date"):
        # Times of a day are nanoseconds.
        return f"{value / (1e9 if dtype.startswith('Time') else scale):.4g} s"
    try:
        return _EPOCH + (
            dt.timedelta(days=value) if dtype == "Date" else dt.timedelta(microseconds=value / (scale / 1e6))
        )
    except OverflowError:
        return "beyond the year 9999" if value > 0 else "before the year 1"


def _in_words(tally: Tally) -> str:
    shape, shares = tally.shape, tally.shares
    if not shares.any():
        return "no values."
    most = int(shares.argmax())
    if shape.kind == "category":
        name = shape.names[most] if most < len(shape.names) else "other values"
        return f"{name!r} is the most frequent with {shares[most]:.0%}, of {len(shape.names)} shown."
    inner = shares[1:-1]
    most = int(inner.argmax())
    low, high = shape.edges[most], shape.edges[most + 1]
    what = " characters" if shape.kind == "text" else ""
    return (
        f"from {number(tally.least, shape)} to {number(tally.greatest, shape)}{what}, the fullest bin "
        f"{number(low, shape)} to {number(high, shape)} with {inner[most]:.0%}."
    )


def _drawn(tallies: Sequence[tuple[str, Tally]], salt: str) -> str:
    shape = tallies[0][1].shape
    plt = _pyplot()
    with plt.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": salt,
            "font.family": "sans-serif",
            "font.size": 9,
            "axes.edgecolor": FAINT,
            "text.color": TEXT,
            "xtick.color": FAINT,
            "ytick.color": FAINT,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    ):
        rows = len(shape.names) + 1
        height = 0.3 + 0.22 * rows if shape.kind == "category" else 1.7
        figure, axes = plt.subplots(figsize=(3.6, height), layout="constrained")
        (_bars if shape.kind == "category" else _steps)(axes, tallies)
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        plt.close(figure)
    return _inline(written.getvalue())


def _steps(axes: Any, tallies: Sequence[tuple[str, Tally]]) -> None:
    shape = tallies[0][1].shape
    for (_, tally), ink in zip(tallies, (ONE, TWO), strict=False):
        shares = tally.shares
        inner = shares[1:-1] if len(shares) > 2 else np.zeros(len(shape.edges) - 1)
        is_only = len(tallies) == 1
        axes.stairs(inner, shape.edges, color=ink, fill=ink == ONE, alpha=0.85 if is_only or ink == TWO else 0.45)
        if ink == TWO:
            continue
        axes.stairs(inner, shape.edges, color=ink, linewidth=1)
    axes.set_xlim(shape.edges[0], shape.edges[-1])
    axes.yaxis.set_major_locator(_ticker().MaxNLocator(3))
    axes.yaxis.set_major_formatter(_ticker().PercentFormatter(1.0))
    axes.xaxis.set_major_locator(_ticker().MaxNLocator(4))
    if shape.kind == "time":
        axes.set_xticks(np.linspace(shape.edges[0], shape.edges[-1], 3))
        axes.xaxis.set_major_formatter(lambda value, _: _time(value, shape.dtype))


def _bars(axes: Any, tallies: Sequence[tuple[str, Tally]]) -> None:
    names = [*tallies[0][1].shape.names]
    has_others = any(tally.others for _, tally in tallies)
    shown = [*(_short(name) for name in names), *(["all others"] if has_others else [])]
    places = np.arange(len(shown))
    thick = 0.8 / len(tallies)
    for turn, (_, tally) in enumerate(tallies):
        shares = tally.shares[: len(shown)]
        axes.barh(places + (turn - (len(tallies) - 1) / 2) * thick, shares, thick, color=(ONE, TWO)[turn])
    axes.set_yticks(places, shown)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(_ticker().MaxNLocator(3))
    axes.xaxis.set_major_formatter(_ticker().PercentFormatter(1.0))


def _inline(svg: str) -> str:
    """The picture to stand inside a page: of the page's colours, of any width, and with no id that nothing names."""
    body = svg[svg.index("<svg") :]
    for ink, colour in INKS.items():
        body = body.replace(ink, colour)
    used = {name for name in _IDS.findall(body) if f"#{name}" in body}
    body = _IDS.sub(lambda found: found[0] if found[1] in used else "", body)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    return re.sub(r'<svg ([^>]*?)width="[^"]*"', r"<svg \1", body, count=1).replace("\n", " ").replace("  ", " ")


def _pyplot() -> Any:
    try:
        import matplotlib as mpl
    except ImportError:
        raise GensparkError("a report draws with matplotlib: pip install 'genspark[report]'") from None
    mpl.use("svg")
    from matplotlib import pyplot

    return pyplot


def _ticker() -> Any:
    from matplotlib import ticker

    return ticker


def _short(name: str) -> str:
    # A dollar would begin a formula.
    plain = "".join(c if c.isprintable() else " " for c in name).replace("$", r"\$")
    return plain if len(plain) <= 18 else plain[:17] + "…"


def _time(value: float, dtype: str) -> str:
    found = moment(value, dtype)
    if isinstance(found, str):
        return found
    if dtype == "Date":
        return found.date().isoformat()
    return found.strftime("%Y-%m-%d" if abs(found - _EPOCH) > dt.timedelta(days=1) else "%H:%M")
