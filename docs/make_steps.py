"""Makes docs/steps.md from the classes of the steps; with --pictures and the taxi data also its pictures.

    python docs/make_steps.py
    python docs/make_steps.py --pictures path/to/taxis.csv

What the tables say of null, NaN, infinity, constant columns, the inverse and the scans was not written down but seen:
each variant of each step is fitted and applied here, on a few rows.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
from pydantic import TypeAdapter

from genspark.errors import GensparkError
from genspark.pipeline import Pipeline
from genspark.steps import Step

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "contract"))
from generated import Fields, attempts, choices_of, fields_of  # noqa: E402

INF, NAN = math.inf, math.nan
os.environ.setdefault("GENSPARK_PII_KEY", "a key for this page alone")
os.environ.setdefault("GENSPARK_PSEUDONYM_KEY", "a key for this page alone")
X = [1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 7.0, 9.0, 12.0, 40.0]
ODD = {"null": None, "NaN": NAN, "+infinity": INF}
FAMILIES = {
    "Fill what is missing": ["impute"],
    "Find what lies far out": ["outliers"],
    "Bring to a scale": ["scale"],
    "Change the shape": ["transform"],
    "Numbers for values": ["encode", "bucketize"],
    "Hold to rules": ["validate", "expect", "filter", "deduplicate"],
    "Clean and judge texts": ["normalize", "quality", "language", "tokenize", "chunk"],
    "Keep persons out": ["pii", "pseudonymize", "anonymize"],
    "For training": ["split", "reweigh", "augment"],
    "Columns": ["cast", "rename", "select", "drop"],
}
WORDS = {"string": "text", "number": "number", "integer": "whole number", "boolean": "yes or no", "object": "mapping"}
PICTURES = {"impute", "outliers", "scale", "transform", "encode"}


def main() -> None:
    """Write the page, and the pictures where there is data for them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", metavar="TAXIS_CSV", help="draw the pictures too, from the taxi data")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the page is not as it would be")
    arguments = parser.parse_args()
    file = HERE / "steps.md"
    if arguments.check:
        sys.exit(0 if file.read_text(encoding="utf-8") == page() else "docs/steps.md is old: python docs/make_steps.py")
    file.write_text(page(), encoding="utf-8")
    if arguments.pictures:
        from step_pictures import draw

        draw(arguments.pictures, HERE)


def page() -> str:
    """The whole page."""
    lines = [
        "# Steps",
        "",
        "Made from the classes by `python docs/make_steps.py`; change the docstrings, not this page.",
        "",
        "Null and NaN are both missing: in the columns that a step reads NaN becomes null before any step runs.",
        "The tables tell what was seen when each variant was fitted on ten rows and applied to odd ones. Scans are",
        "the passes over the data that the step needs when it is alone; steps share theirs, as `genspark plan` tells.",
        "",
    ]
    for family, kinds in FAMILIES.items():
        lines += [f"- {family}: " + ", ".join(f"[`{kind}`](#{kind})" for kind in kinds)]
    known = [kind for kinds in FAMILIES.values() for kind in kinds]
    lines.append("")
    for kind in [*known, *sorted(registered() - set(known))]:
        lines += section(kind, Step.registry[kind])
    return "\n".join(lines).rstrip() + "\n"


def registered() -> set[str]:
    """The kinds of genspark's own steps."""
    return {kind for kind, step in Step.registry.items() if step.__module__.startswith("genspark.")}


def section(kind: str, step: type[Step]) -> list[str]:
    """The part of the page that tells about one step."""
    lines = [f"## {kind}", "", *paragraphs(step), *table_of_fields(step)]
    if kind in PICTURES:
        lines += [f"![Taxi trips before and after {kind}](steps-{kind}.png)", ""]
    found = [observed(told, step, fields) for told, fields in variants(step)]
    if found:
        columns = list(dict.fromkeys(name for row in found for name in row))
        lines += ["What was seen:", "", *table(columns, [[row.get(name, "") for name in columns] for row in found]), ""]
    return lines


def paragraphs(step: type[Step]) -> list[str]:
    """The docstring, a line for each paragraph."""
    found = (" ".join(part.split()) for part in (step.__doc__ or "").split("\n\n"))
    return [line for paragraph in found for line in (paragraph, "")]


def table_of_fields(step: type[Step]) -> list[str]:
    """The step's YAML keys."""
    schema = TypeAdapter(step).json_schema()
    lines = table_of_keys(schema, schema.get("$defs", {}))
    for name, told in schema["properties"].items():
        places = ("items", "additionalProperties")
        each = next((ref for one in (told, *told.get("anyOf", ())) for p in places if (ref := ref_of(one, p))), None)
        if each:
            one = schema["$defs"][each.rsplit("/", 1)[1]]
            lines += [f"Each of `{name}`: {' '.join(one['description'].split())}", ""]
            lines += table_of_keys(one, schema["$defs"])
    return lines


def ref_of(told: dict[str, Any], place: str) -> str | None:
    """The section that a list or a mapping has of each, by its reference."""
    each = told.get(place)
    return each.get("$ref") if isinstance(each, dict) else None


def table_of_keys(schema: dict[str, Any], definitions: dict[str, Any]) -> list[str]:
    """The YAML keys of a step, or of each of the sections in a list of it."""
    required = set(schema.get("required", ()))
    rows = []
    for name, told in schema["properties"].items():
        default = "needed" if name in required else f"`{shown(told.get('default'))}`"
        rows.append([f"`{name}`", kind_of(told, definitions), default, told.get("description", "")])
    return [*table(["key", "type", "default", "meaning"], rows), ""]


def kind_of(told: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The type of a value in words."""
    if "enum" in told:
        return ", ".join(f"`{value}`" for value in told["enum"])
    if "const" in told:
        return f"`{told['const']}`"
    if "$ref" in told:
        section = definitions[told["$ref"].rsplit("/", 1)[1]]
        return "section: " + ", ".join(f"`{name}`" for name in section["properties"])
    if "anyOf" in told:
        kinds = [kind_of(one, definitions) for one in told["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if told.get("type") == "array":
        return "list"
    return WORDS[told["type"]]


def variants(step: type[Step]) -> Iterator[tuple[str, Fields]]:
    """Arguments of the step, one for each value of its first choice; that value comes with them."""
    choice = first_choice(step)
    values = choices_of(fields_of(step)[choice]) if choice else []
    for value in values:
        found = next(attempts(step, few().to_arrow(), {choice: value}, choice), None)
        if found:
            columns = [column for column in found["columns"] if column != "id"]
            yield f"`{choice}: {value}`", {**found, "columns": columns}


def first_choice(step: type[Step]) -> str | None:
    """The field that tells the variants of a step apart, where columns are what it works on."""
    named = [name for name in ("strategy", "method", "function") if name in fields_of(step)]
    return named[0] if named else None


def few() -> pl.DataFrame:
    """Ten rows with columns of every kind."""
    return pl.DataFrame(
        {
            "id": range(len(X)),
            "x": X,
            "y": [value * 2.0 + (-1) ** i for i, value in enumerate(X)],
            "s": list("aabbbccccd"),
            "v": [[value, 1.0] for value in X],
        }
    )


def observed(told: str, step: type[Step], fields: Fields) -> dict[str, str]:
    """What became of odd values, as cells of a table."""
    made = TypeAdapter(step).validate_python(fields)
    pipeline = Pipeline([made], key=["id"])
    frame = few()
    name = made.bind(dict(nw.from_native(frame).collect_schema())).columns[0]
    plan = pipeline.plan(frame)
    learner = made.learner()
    rounds = learner.rounds if learner else 0
    cells = {"variant": told, "scans": str(len(plan.scans) - rounds) + (f" + up to {rounds}" if rounds else "")}
    model = pipeline.fit(frame)
    odd = ODD if frame.schema[name].is_float() else {"null": None}
    after = {what: seen(model, changed(frame, name, value), name) for what, value in odd.items()}
    if frame.schema[name] == pl.String:
        after["a value not seen"] = seen(model, changed(frame, name, "zz"), name)
    constant = of_constant(pipeline, frame, name)
    return {**cells, **after, "constant column": constant, "inverse": inverse(model)}


def changed(frame: pl.DataFrame, name: str, value: Any) -> pl.DataFrame:
    """The frame whose first row has this value."""
    first = pl.int_range(pl.len()) == 0
    other = pl.lit(value, frame.schema[name])
    return frame.with_columns(pl.when(first).then(other).otherwise(pl.col(name)).alias(name))


def seen(model: Any, frame: pl.DataFrame, name: str) -> str:
    """What the first row became, in the column or in those that were added."""
    try:
        out = model.transform(frame)
    except GensparkError:
        return "an error that names it"
    first = out.filter(pl.col("id") == 0)
    if first.is_empty():
        return "row taken out"
    added = [column for column in out.columns if column not in frame.columns]
    return ", ".join(shown(first[column][0]) for column in (added or [name]))


def of_constant(pipeline: Pipeline, frame: pl.DataFrame, name: str) -> str:
    """What a column of one value becomes."""
    constant = frame.with_columns(frame[name].gather([1] * frame.height))
    try:
        return seen(pipeline.fit(constant), constant, name)
    except GensparkError:
        return "an error that names it"


def inverse(model: Any) -> str:
    """Whether all comes back."""
    losses = [loss.partition(": ")[2] for loss in model.losses()]
    return f"not all: {losses[0]}" if losses else "exact"


def shown(value: Any) -> str:
    """A value as a cell."""
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, pl.Series):
        return "[" + ", ".join(shown(item) for item in value.to_list()) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table."""
    cells = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in cells]


if __name__ == "__main__":
    main()
