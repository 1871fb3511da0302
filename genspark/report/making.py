"""The report: what was found of a table, and of another that it is compared with, put into a page."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from genspark.errors import DataError, SourceError
from genspark.evaluate.score import Score
from genspark.pages import render
from genspark.report import drawing, examples, origin
from genspark.report import scores as shown
from genspark.report.bins import drift
from genspark.report.columns import shown_columns
from genspark.report.pictures import Pictures
from genspark.report.profile import Profile, columns_of, profile, rows_of, shapes
from genspark.report.steps import Steps, source_rows, steps_of
from genspark.report.trust import trust_of
from genspark.storage.secrets import MASK
from genspark.storage.sizes import size_text
from genspark.tables.rows import frame_of
from genspark.tables.snapshot import Snapshot, read_snapshot
from genspark.version import VERSION

MOST_BYTES = 10_000_000


def report(
    table: str,
    output: str,
    *,
    against: str | None = None,
    scores: Sequence[Score] = (),
    ledger: str | None = None,
    by: str | None = None,
    features: str | None = None,
    steps: bool = True,
) -> int:
    """Write a report of a table's newest version as one HTML file, and return its size in bytes.

    `against` is another table, such as the real rows that these were generated like: its columns are counted in the
    same bins. `scores`, and the newest in a `ledger` of them, are shown with their intervals. Images are ranked `by` a
    column of numbers, and shown with their neighbours in the other table by a column of `features`. With `steps` the
    first rows of the source are followed through the model, where job, model and source are still there. No sample
    shows a column that a step `pii` of the last run reads, or what is made of it. Two scans of
    each table, on Polars. Raises SourceError for a table that is not there or is empty, DataError for columns that
    lack, and GensparkError where Jinja2 or matplotlib is missing.
    """
    paths = [table, *([against] if against else [])]
    snapshots = [read_snapshot(path) for path in paths]
    frames = [_frame(snapshot) for snapshot in snapshots]
    columns = columns_of(frames[0])
    rows = [rows_of(snapshot, frame) for snapshot, frame in zip(snapshots, frames, strict=True)]
    for path, count in zip(paths, rows, strict=True):
        if not count:
            raise SourceError(f"{path}: the table has no rows; nothing can be reported")
    of = shapes(frames, rows, columns)
    names = _titles(paths)
    has_bytes = [name for name, shape in of.items() if shape.kind == "bytes"]
    pictures = Pictures(list(zip(names, frames, strict=True)), has_bytes, by, features)
    pictures.check()
    profiles = [profile(frame, of) for frame in frames]
    source = origin.Origin.of(table)
    told = origin.lineage(source)
    hidden = origin.unsampled_of(source, columns)
    read = functools.cache(source_rows)
    made = {
        "version": VERSION,
        "made": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "tables": [_table(*one) for one in zip(names, paths, snapshots, profiles, strict=True)],
        "columns": shown_columns(of, profiles, names, hidden),
        "drifts": _drifts(profiles),
        "scores": [*shown.given(scores), *(shown.newest(ledger) if ledger else [])],
        "steps": _steps(steps_of(table, read) if steps and told["run"] else Steps(0, (), ())),
        "quarantine": origin.quarantined(source.runs),
        "trust": trust_of(table, source, read),
        "texts": _texts(frames, of, names, hidden),
        "rows": _first_rows(frames[0], of, hidden),
        "run": told["run"],
        "lineage": told["columns"],
        "splits": _splits(told["splits"], profiles[0]),
    }
    text = _within(MOST_BYTES, made, pictures)
    Path(output).write_text(text, encoding="utf-8")
    return len(text.encode())


def _within(most: int, made: Mapping[str, Any], pictures: Pictures) -> str:
    """The page, with as many images as fit into so many bytes. Raises DataError where it is too large without any."""
    count = examples.IMAGES
    while True:
        text = render("report.html", **made, images=pictures.shown(count))
        if len(text.encode()) <= most:
            return text
        if not count:
            raise DataError(f"the report takes {len(text.encode()):,} bytes of {most:,}; report on fewer columns")
        count //= 2


def _frame(snapshot: Snapshot) -> pl.LazyFrame:
    if not snapshot.files:
        raise SourceError(f"{snapshot.path}: the table has no rows; nothing can be reported")
    return frame_of(snapshot)


def _titles(paths: Sequence[str]) -> list[str]:
    """The last parts of the paths, or the paths where these are the same."""
    short = [path.rstrip("/").rsplit("/", 1)[-1] for path in paths]
    return short if len(set(short)) == len(short) else list(paths)


def _table(name: str, path: str, snapshot: Snapshot, found: Profile) -> dict[str, Any]:
    return {
        "name": name,
        "path": path,
        "rows": f"{found.rows:,}",
        "columns": len(snapshot.columns),
        "files": f"{len(snapshot.files):,}",
        "size": size_text(sum(file.size for file in snapshot.files)),
        "table_version": snapshot.version,
        "partition_by": ", ".join(snapshot.partition_by),
    }


def _drifts(profiles: Sequence[Profile]) -> list[dict[str, Any]]:
    if len(profiles) < 2:
        return []
    one, two = (found.tallies for found in profiles)
    found = {name: drift(one[name], two[name]) for name in one if name in two}
    ranked = sorted(((name, told) for name, told in found.items() if told), key=lambda pair: -pair[1]["variation"])
    return [
        {
            "name": name,
            "variation": f"{told['variation']:.3f}",
            "width": round(100 * told["variation"], 1),
            "stability": f"{told['stability']:.3f}",
            "missing": f"{told['missing']:+.2%}",
            "judged": "like" if told["stability"] < 0.1 else "moved" if told["stability"] < 0.25 else "other",
        }
        for name, told in ranked
    ]


def _steps(found: Steps) -> dict[str, Any]:
    columns = [
        {
            "column": one.column,
            "stages": [
                {"label": label, "picture": drawing.histogram(f"{one.column}, {label}", [(label, tally)])}
                for label, tally in one.stages
                if tally.shares.any()
            ],
        }
        for one in found.columns
    ]
    left = [{"label": label, "rows": f"{rows:,}"} for label, rows in found.left]
    return {"rows": f"{found.rows:,}", "left": left, "columns": columns, "note": found.note}


def _texts(
    frames: Sequence[pl.LazyFrame], of: Mapping[str, Any], names: Sequence[str], hidden: Collection[str]
) -> list[dict[str, Any]]:
    found = []
    for column, shape in of.items():
        if shape.kind == "text" and column not in hidden:
            sides = [
                {"name": name, "texts": examples.texts(frame, column)}
                for name, frame in zip(names, frames, strict=True)
                if column in frame.collect_schema()
            ]
            found.append({"column": column, "sides": sides})
    return found


def _first_rows(frame: pl.LazyFrame, of: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    columns = [name for name, shape in of.items() if shape.kind != "bytes"][:20]
    masks = [pl.when(pl.col(name).is_not_null()).then(pl.lit(MASK)).alias(name) for name in columns if name in hidden]
    return {"columns": columns, "rows": examples.rows(frame.with_columns(masks), columns) if columns else []}


def _splits(columns: Sequence[str], found: Profile) -> list[dict[str, Any]]:
    splits = []
    for column in columns:
        if column in found.tallies:
            tally = found.tallies[column]
            shares = [
                {"name": part, "rows": f"{count:,}", "share": f"{count / tally.rows:.1%}"}
                for part, count in tally.counts.items()
            ]
            splits.append({"column": column, "parts": shares})
    return splits
