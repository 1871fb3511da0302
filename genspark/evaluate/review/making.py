"""A review in a folder: for Label Studio, as CSV sheets, and as one page that works offline; and the key apart."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import numpy as np

from genspark.columns.names import ID_COLUMN
from genspark.errors import DataError
from genspark.evaluate.review.drawing import SAMPLE_ID, STRATUM, drawn
from genspark.pages import render

if TYPE_CHECKING:
    import polars as pl

QUESTION = "Is it real, or was it generated?"
KEY, FOR_REVIEWERS = "key.csv", "for_reviewers"
KEY_COLUMNS = ("item", "side", "stratum", "row_id", "sample_id", "reviewers")
SHEET_COLUMNS = ("item", "reviewer", "verdict", "quality", "comment")
_KINDS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif", b"RIFF": "webp", b"BM": "bmp"}


@dataclass(frozen=True)
class Item:
    """What reviewers see - (name, "text" or "image", value) of each column - and what they do not."""

    name: str
    shown: Sequence[tuple[str, str, str]]
    side: str
    stratum: str
    row_id: int | None
    sample_id: int
    reviewers: Sequence[str]


def make(
    real: Any,
    generated: Any,
    folder: str,
    *,
    columns: Sequence[str],
    by: str | None = None,
    items: int = 100,
    reviewers: Sequence[str] = ("reviewer-1", "reviewer-2"),
    each: int = 2,
    seed: int = 0,
    question: str = QUESTION,
) -> list[Item]:
    """Draw a blinded sample, half of it real and half generated, and write the review into a new folder.

    `columns` are shown: bytes as images, all else as text. `by` is the column of the strata, of each of which as many
    items are drawn as of the others, if it has them. Each item goes to `each` reviewers, two at least. The same rows
    and seed make the same review. `for_reviewers/` has the page `review.html`, a sheet a reviewer, images, and
    `label_studio/`; `key.csv` tells what is real, and is not for them. Raises DataError where the folder is not
    empty, and for fewer rows than items.
    """
    place = Path(folder)
    if place.exists() and any(place.iterdir()):
        raise DataError(f"{folder} is not empty; a review needs a folder of its own")
    _check(columns, reviewers, items, each)
    sides = [
        drawn(frame, columns, by, count, seed, name)
        for frame, count, name in ((real, items - items // 2, "real"), (generated, items // 2, "generated"))
    ]
    found = _mixed(sides, columns, reviewers, each, seed)
    shown = place / FOR_REVIEWERS
    (shown / "label_studio").mkdir(parents=True)
    _write_key(place / KEY, found)
    _write_sheets(shown, found, columns, reviewers, seed)
    _write_page(shown / "review.html", found, reviewers, question, seed)
    _write_label_studio(shown / "label_studio", found, columns, question)
    return found


def _check(columns: Sequence[str], reviewers: Sequence[str], items: int, each: int) -> None:
    if not columns:
        raise DataError("a review shows columns; name one at least")
    if len(set(reviewers)) != len(reviewers) or not all(reviewers):
        raise DataError(f"reviewers are {', '.join(map(repr, reviewers))}; each needs a name of its own")
    if any(character in name for name in reviewers for character in '/\\"\n,;'):
        raise DataError("names of reviewers become names of files; leave out slashes, quotes, commas and semicolons")
    if not 2 <= each <= len(reviewers):
        raise DataError(f"each item goes to {each} of {len(reviewers)} reviewers; it needs two at least")
    if items < 2:
        raise DataError(f"{items} items have no real one and no generated one; choose two at least")


def _mixed(
    sides: Sequence[pl.DataFrame], columns: Sequence[str], reviewers: Sequence[str], each: int, seed: int
) -> list[Item]:
    chance = np.random.default_rng(seed)
    rows = [(side, row) for side, frame in zip(("real", "generated"), sides, strict=True) for row in frame.to_dicts()]
    width = len(str(len(rows)))
    found = []
    for place, i in enumerate(chance.permutation(len(rows))):
        side, row = rows[i]
        own = [reviewers[(place + turn) % len(reviewers)] for turn in range(each)]
        name = f"{place + 1:0{width}}"
        shown = [(column, *_shown(row[column], column)) for column in columns]
        found.append(Item(name, shown, side, row[STRATUM], row.get(ID_COLUMN), row[SAMPLE_ID], own))
    return found


def _shown(value: Any, column: str) -> tuple[str, str]:
    if isinstance(value, bytes):
        kind = next((kind for start, kind in _KINDS.items() if value.startswith(start)), None)
        if kind is None:
            raise DataError(f"column {column!r} has bytes that are no PNG, JPEG, GIF, WebP or BMP: {value[:8]!r}")
        return "image", f"data:image/{kind};base64,{base64.b64encode(value).decode()}"
    return "text", "" if value is None else str(value)


def _write_key(path: Path, items: Sequence[Item]) -> None:
    rows = [
        [item.name, item.side, item.stratum, item.row_id, item.sample_id, ";".join(item.reviewers)] for item in items
    ]
    _write_csv(path, KEY_COLUMNS, rows)


def _write_sheets(
    folder: Path, items: Sequence[Item], columns: Sequence[str], reviewers: Sequence[str], seed: int
) -> None:
    for item in items:
        for column, kind, value in item.shown:
            if kind == "image":
                target = folder / _image(item, column, value)
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(base64.b64decode(value.partition(",")[2]))
    for reviewer in reviewers:
        own = _ordered(items, reviewer, seed)
        rows = [
            [
                item.name,
                reviewer,
                "",
                "",
                "",
                *(_image(item, c, value) if kind == "image" else _as_text(value) for c, kind, value in item.shown),
            ]
            for item in own
        ]
        _write_csv(folder / f"{reviewer}.csv", (*SHEET_COLUMNS, *(f"shown: {name}" for name in columns)), rows)


def _write_page(path: Path, items: Sequence[Item], reviewers: Sequence[str], question: str, seed: int) -> None:
    from markupsafe import Markup

    data = {
        "project": hashlib.sha256(repr([item.sample_id for item in items]).encode()).hexdigest(),
        "items": {item.name: item.shown for item in items},
        "assigned": {who: [item.name for item in _ordered(items, who, seed)] for who in reviewers},
    }
    # Inside a script element, which only "</" and "<!--" could end.
    told = Markup(json.dumps(data).replace("<", "\\u003c"))  # noqa: S704 - no "<" is left in it
    path.write_text(render("review.html", project=path.parent.parent.name, question=question, data=told), "utf-8")


def _write_label_studio(folder: Path, items: Sequence[Item], columns: Sequence[str], question: str) -> None:
    kinds = {column: kind for item in items for column, kind, _ in item.shown}
    tags = "\n".join(
        f"  <Header value={quoteattr(column)}/>\n"
        f'  <{"Image" if kinds[column] == "image" else "Text"} name="column_{i}" value="$column_{i}"/>'
        for i, column in enumerate(columns)
    )
    config = f"""<View>
  <Header value={quoteattr(question)}/>
{tags}
  <Choices name="verdict" toName="column_0" choice="single" required="true">
    <Choice value="real" hotkey="r"/>
    <Choice value="generated" hotkey="g"/>
  </Choices>
  <Rating name="quality" toName="column_0" maxRating="5"/>
</View>
"""
    (folder / "config.xml").write_text(config, "utf-8")
    tasks = [
        {"data": {"item": item.name, **{f"column_{i}": value for i, (_, _, value) in enumerate(item.shown)}}}
        for item in items
    ]
    (folder / "tasks.json").write_text(json.dumps(tasks, indent=1), "utf-8")


def _ordered(items: Sequence[Item], reviewer: str, seed: int) -> list[Item]:
    """A reviewer's items, in an order of their own."""
    own = [item for item in items if reviewer in item.reviewers]
    order = np.random.default_rng([seed, *reviewer.encode()]).permutation(len(own))
    return [own[i] for i in order]


def _image(item: Item, column: str, value: str) -> str:
    kind = value[len("data:image/") : value.index(";")]
    plain = "".join(character if character.isalnum() else "_" for character in column)
    return f"images/{item.name}_{plain}.{kind}"


def _as_text(value: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t")) else value


def _write_csv(path: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(head)
        writer.writerows(rows)
