"""A dataset card in Markdown, as Hugging Face shows it: YAML front matter, then sections for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from genspark.cards.croissant import figures

_STEPS = "rai:dataPreprocessingProtocol"
_MOST = 20
"""The files of the source that a card names."""
_SIZES = {
    10**3: "n<1K",
    10**4: "1K<n<10K",
    10**5: "10K<n<100K",
    10**6: "100K<n<1M",
    10**7: "1M<n<10M",
    10**8: "10M<n<100M",
    10**9: "100M<n<1B",
    10**10: "1B<n<10B",
}
"""Hugging Face's names for numbers of rows, by the first number that is too large."""


def markdown(document: Mapping[str, Any], *, newest: int | None = None) -> str:
    """The card of a table from the Croissant document beside it; `newest` is the version the table has now."""
    told = figures(document)
    sections = [_head(document, told), _what(document, told, newest), _columns(document), _splits(document)]
    sections += [_made(document, told), _load(told), _limits(document, told), _citation(document)]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(document: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """The front matter: what Hugging Face reads of a card, each value as JSON, which YAML reads too."""
    licenses = [_short_license(one) for one in _several(document.get("license"))]
    rows = told.get("rows")
    values = {
        "pretty_name": document["name"],
        "license": licenses[0] if len(licenses) == 1 else licenses,
        "tags": [*_several(document.get("keywords")), "genspark"],
        "size_categories": [] if rows is None else [_size(rows)],
    }
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items() if value]
    return "\n".join(["---", *lines, "---"])


def _what(document: Mapping[str, Any], told: Mapping[str, Any], newest: int | None) -> str:
    facts = {
        "Table": f"`{told['table']}`, {told['table format']}, version {told['table version']}",
        "Rows": _number(told.get("rows")),
        "Partitioned by": told.get("partition by"),
        "Written": document["dateModified"],
        "Creator": ", ".join(one["name"] for one in document.get("creator", [])),
        "Licence": ", ".join(_several(document.get("license"))),
        "Page": document.get("url"),
    }
    lines = [f"# {document['name']}", "", document["description"], ""]
    lines += [f"- {label}: {value}" for label, value in facts.items() if value]
    if newest is not None and newest != told["table version"]:
        lines += ["", f"The table has version {newest} now: what follows is of version {told['table version']}."]
    return "\n".join(lines)


def _columns(document: Mapping[str, Any]) -> str:
    rows = [
        f"| `{_cell(field['name'])}` | {_cell(_type(field))} | {_cell(field['description'])} |"
        for field in _record_set(document, "rows")["field"]
    ]
    return "\n".join(["## Columns", "", "| column | type | what was done to it |", "|---|---|---|", *rows])


def _splits(document: Mapping[str, Any]) -> str:
    """The parts of every split with their shares and, where they are known, their rows."""
    tables = []
    for one in document["recordSet"]:
        if one.get("dataType") == "cr:Split":
            names = [field["name"] for field in one["field"] if field["name"] != "url"]
            rows = [[part[f"{one['@id']}/{name}"] for name in names] for part in one["data"]]
            lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
            lines += [f"| {' | '.join(_number(value) for value in row)} |" for row in rows]
            tables.append("\n".join([one["description"], "", *lines]))
    return "\n\n".join(["## Splits", *tables]) if tables else ""


def _made(document: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    run = document["prov:wasGeneratedBy"]
    source, *files = document.get("prov:wasDerivedFrom", [{}])
    of = source.get("encodingFormat", "")
    lines = ["## How it was made", "", f"From {of} `{source.get('prov:label', '')}`, version {source.get('version')}"]
    count = told.get("source files")
    lines[-1] += "." if count is None else f", {count:,} file{'s' * (count != 1)}."
    lines += ["", *(f"{number}. {step}" for number, step in enumerate(_several(document.get(_STEPS)), start=1))]
    lines += [""] if document.get(_STEPS) else []
    lines += [f"- Run: {run['@id'].removeprefix('urn:uuid:')}, by {run['prov:wasAssociatedWith']['prov:label']}"]
    lines += [f"- Began {run['prov:startedAtTime']}, ended {run['prov:endedAtTime']}"]
    lines += [f"- Model: `{told['model']}`, sha256 {told['model sha256']}"]
    lines += [f"- Configuration: sha256 {told['config sha256']}"]
    lines += [f"- File: {_file(one)}" for one in files[:_MOST]]
    lines += [f"- and {len(files) - _MOST:,} more files, named in croissant.json"] if len(files) > _MOST else []
    return "\n".join(lines)


def _load(told: Mapping[str, Any]) -> str:
    """Code that opens the very version that the card tells of, where the format keeps versions."""
    path, version = told["table"], told["table version"]
    if told["table format"] == "delta":
        blocks = [
            f'import polars as pl\n\nrows = pl.scan_delta("{path}", version={version})',
            f'from deltalake import DeltaTable\n\nrows = DeltaTable("{path}", version={version}).to_pyarrow_dataset()',
            f'rows = spark.read.format("delta").option("versionAsOf", {version}).load("{path}")',
        ]
    else:
        blocks = [
            f'import polars as pl\n\nrows = pl.scan_parquet("{path}/**/*.parquet", hive_partitioning=True)',
            f'rows = spark.read.parquet("{path}")',
        ]
    return "\n\n".join(["## How to load it", *(f"```python\n{block}\n```" for block in blocks)])


def _limits(document: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    names = ("rows read", "rows written", "rows dropped", "rows quarantined", "shards quarantined")
    counted = [name for name in told if ": " in name]
    lines = [f"- {name}: {told[name]:,}" for name in (*names, *counted) if name in told]
    sentences = _several(document.get("rai:dataLimitations"))
    return "\n".join(["## Limits", "", *(f"{sentence}\n" for sentence in sentences), *lines])


def _citation(document: Mapping[str, Any]) -> str:
    cited = document.get("citeAs")
    return f"## Citation\n\n```bibtex\n{cited}\n```" if cited else ""


def _record_set(document: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    return next(one for one in document["recordSet"] if one["@id"] == place)


def _type(field: Mapping[str, Any]) -> str:
    name = field["dataType"].partition(":")[2]
    shape = field.get("arrayShape", "").replace("-1", "")
    return f"{name}[{shape}]" if field.get("isArray") else name


def _file(one: Mapping[str, Any]) -> str:
    details = [one[name] for name in ("contentSize", "dateModified") if name in one]
    return f"`{one['prov:label']}`" + (f" ({', '.join(details)})" if details else "")


def _several(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def _short_license(license_: str) -> str:
    """Hugging Face's name of a licence: lower case, and the SPDX name alone of an SPDX page."""
    return license_.removeprefix("https://spdx.org/licenses/").removesuffix(".html").lower()


def _size(rows: int) -> str:
    return next((name for most, name in _SIZES.items() if rows < most), "n>10B")


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
