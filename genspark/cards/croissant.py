"""Croissant 1.1: the metadata of datasets that Hugging Face, Kaggle and others read, as JSON-LD.

The specification: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html. Where rows came from is told in
the terms of PROV-O, and what was done to them in those of Croissant's vocabulary for responsible AI, as it advises.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping
from typing import Any

from genspark.cards.facts import RunFacts
from genspark.cards.records import parts, rows
from genspark.cards.responsible import responsible
from genspark.storage.secrets import masked_texts
from genspark.version import VERSION

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
RAI = "http://mlcommons.org/croissant/RAI/1.0"
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


def croissant(facts: RunFacts) -> dict[str, Any]:
    """The description of the table as a Croissant document, without secrets."""
    about = facts.about
    document = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [CONFORMS_TO, RAI],
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
        **responsible(facts),
        "prov:wasDerivedFrom": _inputs(facts),
        "prov:wasGeneratedBy": _activity(facts),
        "distribution": _distribution(facts),
        "recordSet": [*(parts(facts, column) for column in facts.splits if column in facts.columns), rows(facts)],
    }
    said = {name: value for name, value in document.items() if value not in (None, [], "")}
    return dict(masked_texts(said))


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


def figures(document: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of the run in a Croissant document that `croissant` made, by their names."""
    named = document.get("prov:wasGeneratedBy", {}).get("additionalProperty", [])
    return {one["name"]: one["value"] for one in named}
