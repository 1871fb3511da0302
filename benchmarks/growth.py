"""How seconds and memory grow with rows: one picture of what several runs of preprocess.py --json wrote.

python benchmarks/growth.py out/benchmarks/growth-1m.json out/benchmarks/growth-4m.json
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from peers import OWN, PEERS
from report import middle_runs

# Apart for every kind of colour vision (Okabe and Ito's, two greys); every line has a name beside it, too.
COLOURS = {
    "genspark-polars": "#0072B2",
    "genspark-spark-polars": "#D55E00",
    "genspark-spark": "#009E73",
    "genspark-spark-delta": "#CC79A7",
    "mllib": "#000000",
    "mllib-tuned": "#767676",
    "polars": "#56B4E9",
    "duckdb": "#E69F00",
    "sklearn": "#8C6D1F",
    "ray": "#A8A8A8",
}
INK, GRID = "#222222", "#DDDDDD"
# Shares of a panel: its height between one name and the next, its width up to where the names begin.
LINE, MARGIN = 0.052, 1.07

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """One quantity: its title, where it stands in a run, and how its ticks are written."""

    title: str
    value: Callable[[Mapping[str, Any]], float]
    ticks: Callable[[float], str]


def seconds_text(value: float) -> str:
    """`0.5 s`, `30 s`."""
    return f"{value:g} s"


def bytes_text(value: float) -> str:
    """`500 MB`, `2 GB`."""
    return f"{value / 1e9:g} GB" if value >= 1e9 else f"{value / 1e6:g} MB"


def rows_text(value: float) -> str:
    """`200 k`, `4 M`."""
    return f"{value / 1e6:g} M" if value >= 1e6 else f"{value / 1e3:g} k"


PANELS = (
    Panel("Seconds, without the session", lambda run: run["seconds"]["total"], seconds_text),
    Panel("Peak memory of all processes", lambda run: run["peak_bytes"], bytes_text),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Draw seconds and peak memory against rows.")
    parser.add_argument("results", type=Path, nargs="+", help="what preprocess.py --json wrote, a file for each size")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks-growth.png"), help="the picture")
    asked = parser.parse_args(arguments)
    results = [json.loads(path.read_text(encoding="utf-8")) for path in asked.results]
    widths = sorted({result["spec"]["columns"] for result in results})
    if len(widths) > 1:
        parser.error(f"the results are of {' and '.join(map(str, widths))} columns; give those of one width")
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    draw(results, asked.out)
    print(f"drawn: {asked.out}")
    return 0


def draw(results: Sequence[Mapping[str, Any]], out: Path) -> None:
    """Both panels, one above the other, for a page of 900 pixels."""
    mpl.use("Agg")
    figure, axes = plt.subplots(2, 1, figsize=(9, 10), layout="constrained")
    for panel, ax in zip(PANELS, axes, strict=True):
        lines = {peer: points for peer in PEERS if (points := _points(results, peer, panel))}
        _draw_panel(ax, panel, lines)
    axes[-1].set_xlabel(f"rows of {results[0]['spec']['columns']} columns", color=INK, fontsize=12)
    figure.get_layout_engine().set(h_pad=0.15)
    figure.savefig(out, dpi=150)
    plt.close(figure)


def _points(results: Sequence[Mapping[str, Any]], peer: str, panel: Panel) -> Points:
    """(rows, value) where the peer ran to its end, by rows."""
    whole = [
        (float(result["spec"]["rows"]), panel.value(run))
        for result in results
        for run in middle_runs(result["runs"])
        if run["peer"] == peer and run["status"] == "ok"
    ]
    return sorted(whole)


def _draw_panel(ax: Axes, panel: Panel, lines: Mapping[str, Points]) -> None:
    for peer, points in lines.items():
        is_own = peer in OWN
        style = {"linewidth": 2.6, "marker": "o"} if is_own else {"linewidth": 1.6, "marker": "s", "linestyle": "--"}
        ax.plot(*zip(*points, strict=True), color=COLOURS[peer], markersize=6, zorder=3 if is_own else 2, **style)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_title(panel.title, loc="left", color=INK, fontsize=14, fontweight="bold")
    _ticks(ax, panel, sorted({rows for points in lines.values() for rows, _ in points}))
    _names(ax, lines)


def _ticks(ax: Axes, panel: Panel, rows: Sequence[float]) -> None:
    ax.set_xticks(rows, [rows_text(value) for value in rows])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: panel.ticks(value)))
    ax.grid(color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(colors=INK, labelsize=12, length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _names(ax: Axes, lines: Mapping[str, Points]) -> None:
    """Each line's name, in the margin, with a thin line to where the line ends."""
    low, high = ax.get_ylim()
    ends = sorted((points[-1][1], peer) for peer, points in lines.items())
    wanted = [_share(value, low, high) for value, _ in ends]
    for (value, peer), place in zip(ends, _apart(wanted, LINE), strict=True):
        ax.annotate(
            peer,
            xy=(lines[peer][-1][0], value),
            xytext=(MARGIN, place),
            textcoords="axes fraction",
            arrowprops={"arrowstyle": "-", "color": COLOURS[peer], "shrinkA": 0, "shrinkB": 4, "alpha": 0.6},
            verticalalignment="center",
            annotation_clip=False,
            **_lettering(peer),
        )


def _lettering(peer: str) -> dict[str, Any]:
    return {"color": INK, "fontsize": 12, "fontweight": "bold" if peer in OWN else "normal", "zorder": 4}


def _share(value: float, low: float, high: float) -> float:
    """Where a value stands on a logarithmic axis, of its length."""
    return math.log(value / low) / math.log(high / low)


def _apart(wanted: Sequence[float], distance: float) -> list[float]:
    """Ascending places, none nearer to the next than `distance`, and together about where they are wanted."""
    # Places that collide make a group, which is spread about the mean of what its members want.
    groups: list[list[float]] = []
    for place in wanted:
        groups.append([place])
        while len(groups) > 1 and _bottom(groups[-1], distance) - _top(groups[-2], distance) < distance:
            groups[-2:] = [groups[-2] + groups[-1]]
    return [_bottom(group, distance) + i * distance for group in groups for i in range(len(group))]


def _bottom(group: Sequence[float], distance: float) -> float:
    return sum(group) / len(group) - (len(group) - 1) / 2 * distance


def _top(group: Sequence[float], distance: float) -> float:
    return _bottom(group, distance) + (len(group) - 1) * distance


if __name__ == "__main__":
    sys.exit(main())
