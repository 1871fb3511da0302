"""The record sets of a Croissant document: the rows with their columns, and the parts of splits."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from genspark.cards.facts import RunFacts

_TYPES = {
    "tinyint": "cr:Int8",
    "smallint": "cr:Int16",
    "int": "cr:Int32",
    "bigint": "cr:Int64",
    "float": "cr:Float32",
    "double": "cr:Float64",
    "boolean": "sc:Boolean",
    "date": "sc:Date",
    "time": "sc:Time",
    "datetime": "sc:DateTime",
    "timestamp": "sc:DateTime",
    "timestamp_ntz": "sc:DateTime",
    "decimal": "sc:Float",
    **{f"{sign}int{bits}": f"cr:{sign.upper()}Int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"cr:Float{bits}" for bits in (32, 64)},
}
"""Croissant's types by the names that Polars and Spark have for them, in lower case."""
_ARRAY = re.compile(r"(?:list|array)[(<](.*?)(?:, shape=\(?(\d+),?\)?)?[)>]", re.IGNORECASE)
_PARTS = {
    "train": "cr:TrainingSplit",
    "training": "cr:TrainingSplit",
    "validation": "cr:ValidationSplit",
    "valid": "cr:ValidationSplit",
    "val": "cr:ValidationSplit",
    "test": "cr:TestSplit",
}


def parts(facts: RunFacts, column: str) -> dict[str, Any]:
    """The parts that a `split` step makes, as Croissant's splits: name, meaning where it has one, share, rows."""
    shares = facts.splits[column]
    counts = {name: facts.rows_where({column: name}) for name in shares}
    values: dict[str, tuple[str, dict[str, Any]]] = {
        "name": ("sc:Text", {name: name for name in shares}),
        "url": ("sc:URL", {name: _PARTS.get(name.lower()) for name in shares}),
        "share": ("sc:Float", dict(shares)),
        "rows": ("sc:Integer", dict(counts)),
    }
    known = {what: (kind, of) for what, (kind, of) in values.items() if None not in of.values()}
    place = _place_of_parts(column)
    return {
        "@type": "cr:RecordSet",
        "@id": place,
        "name": f"parts of {column}",
        "description": f"The parts that column {column!r} names.",
        "dataType": "cr:Split",
        "key": {"@id": f"{place}/name"},
        "field": [
            {"@type": "cr:Field", "@id": f"{place}/{what}", "name": what, "dataType": kind}
            for what, (kind, _) in known.items()
        ],
        "data": [{f"{place}/{what}": of[name] for what, (_, of) in known.items()} for name in shares],
    }


def _place_of_parts(column: str) -> str:
    # What JSON-LD takes for an id is a part of a URI.
    return f"parts_of_{quote(column, safe='')}"


def rows(facts: RunFacts) -> dict[str, Any]:
    """The rows of the table, column by column."""
    count = "" if facts.rows is None else f"{facts.rows:,} "
    return {
        "@type": "cr:RecordSet",
        "@id": "rows",
        "name": "rows",
        "description": f"The {count}rows of the table.",
        "field": [_field(facts, column, kind) for column, kind in facts.columns.items()],
    }


def _field(facts: RunFacts, column: str, kind: str) -> dict[str, Any]:
    """A column: its type, what became of it, and where its values are, which for a partition is the files' folder."""
    by = facts.contents.partition_by if facts.contents else ()
    where: dict[str, Any] = {"extract": {"column": column}}
    if column in by:
        pattern = rf"(?:^|/){re.escape(column)}=([^/]*)/"
        where = {"extract": {"fileProperty": "fullpath"}, "transform": {"regex": pattern}}
    split = {"references": {"field": {"@id": f"{_place_of_parts(column)}/name"}}} if column in facts.splits else {}
    return {
        "@type": "cr:Field",
        "@id": f"rows/{quote(column, safe='')}",
        "name": column,
        "description": told(facts, column),
        **type_of(kind, is_image=_is_image(facts, column)),
        "source": {"fileSet": {"@id": "files"}, **where},
        **split,
    }


def told(facts: RunFacts, column: str) -> str:
    """What a column is made from, and what each step did to it, in sentences."""
    history = facts.histories.get(column)
    if history is None:
        return "Added as the table was written."
    sentences = []
    if history.made_from and history.made_from != (column,):
        sentences.append(f"Made from {', '.join(history.made_from)}.")
    if history.drawn_from:
        sentences.append(f"Drawn by the hash of {', '.join(history.drawn_from)}.")
    sentences += [f"{number}. {change}." for number, change in enumerate(history.changes, start=1)]
    return " ".join(sentences) or "As it was read."


def type_of(kind: str, *, is_image: bool) -> dict[str, Any]:
    """Croissant's type for a type by its name in Polars or Spark, such as `List(Float32)` or `array<float>`.

    What Croissant has no type for, such as structs and bytes, is text there.
    """
    shape = []
    while inner := _ARRAY.fullmatch(kind):
        kind = inner[1]
        shape.append(inner[2] or "-1")
    name = re.split(r"[(<]", kind)[0].lower()
    base = "sc:ImageObject" if is_image and name == "binary" else _TYPES.get(name, "sc:Text")
    array = {"isArray": True, "arrayShape": ",".join(shape)} if shape else {}
    return {"dataType": base, **array}


def _is_image(facts: RunFacts, column: str) -> bool:
    """Whether a column holds the bytes of image files as they were read."""
    history = facts.histories.get(column)
    return facts.source.get("format") == "images" and history is not None and history.made_from == ("image",)
