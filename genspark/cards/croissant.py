"""Croissant 1.1: the metadata of datasets that Hugging Face, Kaggle and others read, as JSON-LD.

The specification: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html. Where rows came from is told in
the terms of PROV-O, and what was done to them in those of Croissant's vocabulary for responsible AI, as it advises.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from genspark.cards.facts import RunFacts
from genspark.storage.secrets import masked_texts
from genspark.version import VERSION

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
MOST_INPUTS = 1000
"""The files of the source that are named; of more, the count and the digest of their list are told."""

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

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


def croissant(facts: RunFacts) -> dict[str, Any]:
    """The description of the table as a Croissant document, without secrets."""
    about = facts.about
    document = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": facts.job,
        "description": about.description or f"Rows prepared for training by genspark's job {facts.job!r}.",
        "license": list(about.license),
        "creator": [{"@type": "sc:Organization", "name": name} for name in about.creator],
        "url": about.url,
        "citeAs": about.citation,
        "keywords": list(about.keywords),
        "version": f"{facts.version}.0.0",
        "datePublished": facts.ended.date().isoformat(),
        "dateModified": facts.ended.isoformat(timespec="seconds"),
        "rai:dataPreprocessingProtocol": list(facts.steps),
        "rai:dataLimitations": _limitations(facts),
        "prov:wasDerivedFrom": _inputs(facts),
        "prov:wasGeneratedBy": _activity(facts),
        "distribution": _distribution(facts),
        "recordSet": [*(_parts(facts, column) for column in facts.splits if column in facts.columns), _rows(facts)],
    }
    said = {name: value for name, value in document.items() if value not in (None, [], "")}
    return dict(masked_texts(said))


def _limitations(facts: RunFacts) -> list[str]:
    """What the table lacks of its source, in sentences."""
    dropped, quarantined = facts.figures.get("rows dropped", 0), facts.figures.get("rows quarantined", 0)
    shards = facts.figures.get("shards quarantined", 0)
    told = [f"{dropped:,} rows were dropped by its steps."] if dropped else []
    told += (
        [f"{quarantined:,} rows were quarantined, with their reasons, to {facts.quarantine}."] if quarantined else []
    )
    return [*told, *([f"{shards:,} files could not be read and were left out."] if shards else [])]


def _inputs(facts: RunFacts) -> list[dict[str, Any]]:
    paths = facts.source.get("path", ())
    whole = {
        "@type": "prov:Entity",
        "prov:label": ", ".join([paths] if isinstance(paths, str) else paths),
        "encodingFormat": facts.source.get("format"),
        "version": str(facts.source.get("version")),
    }
    files = [
        {
            "@type": "prov:Entity",
            "prov:label": file.uri,
            "contentSize": None if file.size is None else f"{file.size} B",
            "dateModified": file.modified and file.modified.isoformat(timespec="milliseconds"),
        }
        for file in facts.inputs[:MOST_INPUTS]
    ]
    return [{name: value for name, value in one.items() if value is not None} for one in (whole, *files)]


def _activity(facts: RunFacts) -> dict[str, Any]:
    """The run in the terms of PROV-O, with its figures as named values."""
    told = {
        "table": facts.table,
        "table format": facts.format,
        "table version": facts.version,
        "mode": facts.mode,
        "partition by": ", ".join(facts.contents.partition_by) if facts.contents else None,
        "rows": facts.rows,
        **facts.figures,
        "source files": facts.source.get("files", len(facts.inputs) or None),
        "quarantine": facts.quarantine,
        "model": facts.model,
        "model sha256": facts.model_sha256,
        "config sha256": facts.config_sha256,
    }
    return {
        "@type": "prov:Activity",
        "@id": f"urn:uuid:{facts.run_id}",
        "prov:label": f"genspark run of {facts.job}",
        "prov:startedAtTime": facts.started.isoformat(timespec="seconds"),
        "prov:endedAtTime": facts.ended.isoformat(timespec="seconds"),
        "prov:wasAssociatedWith": {
            "@type": "prov:SoftwareAgent",
            "prov:label": f"genspark {VERSION}, engine {facts.engine}",
        },
        "additionalProperty": [
            {"@type": "sc:PropertyValue", "name": name, "value": value}
            for name, value in told.items()
            if value not in (None, "")
        ],
    }


def _distribution(facts: RunFacts) -> list[dict[str, Any]]:
    """The log's entry that made the version, with its digest, and the set of files that the log names in it."""
    files = {
        "@type": "cr:FileSet",
        "@id": "files",
        "name": "files",
        "description": f"The Parquet files of version {facts.version}. Paths begin at the table's folder.",
        "encodingFormat": "application/x-parquet",
        "includes": "**/*.parquet",
    }
    there = facts.contents
    if there is None:
        return [files]
    # Names, not a pattern: files of other versions lie beside them. An empty table has none.
    names = [glob.escape(file.path) for file in there.files]
    entry = {
        "@type": "cr:FileObject",
        "@id": "log",
        "name": there.entry,
        "description": "The list of the table's files in this version.",
        "contentUrl": f"{facts.table}/{there.entry}",
        "encodingFormat": "application/json",
        "sha256": there.entry_sha256,
    }
    return [entry, {**files, "includes": names or files["includes"]}]


def _parts(facts: RunFacts, column: str) -> dict[str, Any]:
    """The parts that a `split` step makes, as Croissant's splits: name, meaning where it has one, share, rows."""
    shares = facts.splits[column]
    rows = {name: facts.rows_where({column: name}) for name in shares}
    values: dict[str, tuple[str, dict[str, Any]]] = {
        "name": ("sc:Text", {name: name for name in shares}),
        "url": ("sc:URL", {name: _PARTS.get(name.lower()) for name in shares}),
        "share": ("sc:Float", dict(shares)),
        "rows": ("sc:Integer", dict(rows)),
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


def _rows(facts: RunFacts) -> dict[str, Any]:
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
        **_type(kind, is_image=_is_image(facts, column)),
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


def _type(kind: str, *, is_image: bool) -> dict[str, Any]:
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


def figures(document: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of the run in a Croissant document that `croissant` made, by their names."""
    named = document.get("prov:wasGeneratedBy", {}).get("additionalProperty", [])
    return {one["name"]: one["value"] for one in named}
