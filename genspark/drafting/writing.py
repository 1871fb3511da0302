"""The draft of a job as YAML with a comment for each choice."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from genspark.columns.names import snake_case
from genspark.config import JobConfig
from genspark.drafting.advice import steps_for
from genspark.drafting.asking import Answers
from genspark.drafting.looking import Look
from genspark.drafting.naming import free_target, is_at_source, part_to_learn_from, parts_of
from genspark.drafting.proposing import key_of, label_of, personal_of
from genspark.drafting.reasons import Advice, names_of
from genspark.drafting.traits import FEW
from genspark.errors import ConfigError
from genspark.sources import ddl
from genspark.sources.formats import format_of
from genspark.sources.source import named, paths_of
from genspark.storage.secrets import is_secret

WIDTH = 110
_WORTH_A_FILE = 100_000


def draft(seen: Look, known: Answers | None = None, storage: Mapping[str, Any] | None = None) -> str:
    """The YAML of a job that runs as it is, from what was seen and what a person knows beside.

    `storage` is the section by which the source was reached, as it is written: a `${VAR}` stays one, and a secret that
    stands there itself becomes one.
    """
    known = known or proposed(seen)
    name = _name(seen)
    key, why_key = key_of(seen)
    if known.key is not None and list(known.key) != key:
        key, why_key = list(known.key), "as you said"
    steps = list(steps_for(seen, key, known))
    target = known.target or free_target(name, seen.source)
    if is_at_source(target, seen.source):
        raise ConfigError(f"--target: {target} lies at what is read, {named(seen.source)}; name another place")
    lines = [
        f"# Made by genspark init from {seen.rows:,} rows; skew, quantiles and distinct values are of the first "
        f"{seen.sampled:,}.",
        "# Run it with: genspark run THIS_FILE. Each choice has its reason above it; change what you know better.",
        f"name: {name}",
        *commented(seen.told, ""),
        "source:",
        *commented(_why_source(seen), "  "),
        *_source(seen),
        *commented([why_key], ""),
        *([f"key: {_flow(key)}"] if key else []),
    ]
    split = _split(seen, steps)
    if split:
        why = ["nothing is learnt from rows that judge the model"]
        why += [f"the parts are those of the source: {_parts(seen)}"] if parts_of(seen) else []
        lines += [*commented(why, ""), f"fit_on: {_flow({split[0]: split[1]})}"]
    lines.append("steps:" if any(advice.kind for advice in steps) else "steps: []")
    for advice in steps:
        lines += commented(advice.why, "  ")
        lines += as_yaml(advice.kind, advice.fields) if advice.kind else []
    lines += ["sink:", f"  path: {_flow(target)}"]
    why = ["a run replaces the rows of the one before, whose version stays"]
    lines += [*commented(why, "  "), "  mode: overwrite"]
    if split:
        by, why = _partitions(seen, steps, split[0])
        lines += [*commented(why, "  "), f"  partition_by: {_flow(by)}"]
    JobConfig.from_text("\n".join(lines), where="draft")
    return "\n".join([*lines, *(_storage(storage) if storage else ()), ""])


def proposed(seen: Look, target: str = "") -> Answers:
    """What the data itself suggests, where nobody is asked."""
    where = target or free_target(_name(seen), seen.source)
    return Answers(tuple(key_of(seen)[0]), label_of(seen), personal_of(seen), where)


def _why_source(seen: Look) -> list[str]:
    """Why the format and those options that the first lines tell."""
    has_header, separator = seen.source.options.get("header"), seen.source.options.get("sep")
    first = f"names {len(seen.columns)} columns" if has_header else "holds values, and no names"
    why = [f"{seen.source.format}, as the names of the files and what they hold tell"]
    why += [f"header: the first line {first}"] if has_header is not None else []
    return [*why, *([f"sep: what the first lines have as often in each is {separator!r}"] if separator else [])]


def _partitions(seen: Look, steps: Sequence[Advice], split: str) -> tuple[list[str], list[str]]:
    """The columns that the table is laid out by, and why: the parts, and a name of few values where rows are many."""
    own = parts_of(seen)
    made: Mapping[str, float] = next((advice.fields["fractions"] for advice in steps if advice.kind == "split"), {})
    shares = [share for _, share in own.top] if own else list(made.values())
    why = [f"{len(shares)} parts of {seen.rows:,} rows: trainers read one without opening the others"]
    encoded = {n for advice in steps if advice.kind == "encode" for n in advice.fields["columns"]}
    names = _renamed(steps, names_of(seen.columns))
    few = [c for c in seen.columns if names[c.name] in encoded and 1 < c.distinct <= FEW]
    able = [c for c in few if c.top and not c.missing and not c.others]
    if not able:
        return [split], why
    best = min(able, key=lambda c: c.distinct)
    name = names[best.name]
    rows = int(seen.rows * min(share for _, share in best.top) * min(shares))
    told = f"{name} ({best.distinct} values) too would leave {rows:,} rows in the smallest files"
    if rows < _WORTH_A_FILE:
        return [split], [*why, f"{told}, which are too few"]
    more = f"{name} ({best.distinct} values, {rows:,} rows in the smallest): one is read"
    return [split, name], [*why, more]


def _renamed(steps: Sequence[Advice], names: Iterable[str]) -> dict[str, str]:
    """The name in the table of each column, by its name in the source."""
    fields = next((advice.fields for advice in steps if advice.kind == "rename"), None)
    if fields is None:
        return {name: name for name in names}
    return {name: fields.get("columns", {}).get(name, snake_case(name)) for name in names}


def as_yaml(kind: str, fields: Mapping[str, Any]) -> list[str]:
    """The lines of a step in the list of steps."""
    flat = f"  - {kind}: {_flow(fields)}"
    if len(flat) <= WIDTH:
        return [flat]
    lines = [f"  - {kind}:"]
    for name, value in fields.items():
        if name == "rules":
            lines += [f"      {name}:", *(f"        - {_flow(rule)}" for rule in value)]
        else:
            lines.append(f"      {name}: {_flow(value)}")
    return lines


def _flow(value: Any) -> str:
    """A value on one line, as YAML and, but for keys and plain words, as JSON."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, str):
        is_plain = re.fullmatch(r"[A-Za-z_/][A-Za-z0-9_./-]*", value) and value.lower() not in _WORDS
        return value if is_plain else json.dumps(value.replace("${", "$${"), ensure_ascii=False)
    return json.dumps(value)


def _storage(section: Mapping[str, Any]) -> list[str]:
    """The lines of the section, with a variable in the place of each secret that stands there itself."""
    shown = _named(section, ())
    why = "how the source is reached"
    if shown != section:
        why += "; where a secret stood there is a variable now, which is to be set"
    return [*commented([why], ""), "storage:", *_as_written(shown, "  ")]


def _named(section: Mapping[str, Any], place: tuple[str, ...]) -> dict[str, Any]:
    shown = {}
    for name, value in section.items():
        here = (*place, name)
        is_secret_itself = is_secret(name) and isinstance(value, str) and not re.fullmatch(r"\$\{\w+\}", value)
        variable = re.sub(r"\W", "_", "_".join(here)).upper()
        shown[name] = (
            _named(value, here) if isinstance(value, Mapping) else f"${{{variable}}}" if is_secret_itself else value
        )
    return shown


def _as_written(section: Mapping[str, Any], indent: str) -> Iterator[str]:
    """The lines of a section, whose `${` are those of variables."""
    for name, value in section.items():
        if isinstance(value, Mapping) and value:
            yield f"{indent}{_flow(name)}:"
            yield from _as_written(value, f"{indent}  ")
        else:
            yield f"{indent}{_flow(name)}: {json.dumps(value, ensure_ascii=False)}"


_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def commented(lines: Iterable[str], indent: str) -> list[str]:
    """Sentences as lines of comments."""
    return [f"{indent}# {part}" for line in lines for part in textwrap.wrap(line, WIDTH)]


def _source(seen: Look) -> Iterator[str]:
    """The lines of the section `source`."""
    source = seen.source
    yield f"  path: {_flow(source.path)}"
    yield f"  format: {_flow(source.format)}"
    if source.options:
        yield f"  options: {_flow(source.options)}"
    if not source.schema_:
        return
    infers = "found by a pass over all rows, which no run need do again: a record that does not fit is quarantined"
    why = infers if format_of(source.format).infers else "the columns that are read"
    yield from commented([why], "  ")
    text = source.schema_.replace("${", "$${")
    if len(text) <= WIDTH or not text.isprintable():
        yield f"  schema: {json.dumps(text, ensure_ascii=False)}"
        return
    yield "  schema: >-"
    line = ""
    columns = [ddl.text_of({name: dtype}) for name, dtype in ddl.parse(text).items()]
    for part in [*(f"{column}, " for column in columns[:-1]), columns[-1]]:
        if line and len(line) + len(part) > WIDTH:
            yield f"    {line.strip()}"
            line = ""
        line += part
    yield f"    {line.strip()}"


def _split(seen: Look, steps: Sequence[Advice]) -> tuple[str, str] | None:
    """The column of the parts in the table, and the one to learn from; None where there is none."""
    made = next((advice.fields.get("column", "split") for advice in steps if advice.kind == "split"), None)
    if made:
        return made, "train"
    parts = parts_of(seen)
    if parts is None:
        return None
    return _renamed(steps, [parts.name])[parts.name], part_to_learn_from(parts)


def _parts(seen: Look) -> str:
    parts = parts_of(seen)
    return ", ".join(f"{value} {share:.0%}" for value, share in parts.top) if parts else ""


def _name(seen: Look) -> str:
    path = PurePosixPath(paths_of(seen.source)[0])
    parts = [part for part in path.parts if "*" not in part and part not in ("/", ".")]
    stem = parts[-1].partition(".")[0] if parts else "data"
    return re.sub(r"\W+", "_", stem).strip("_") or "data"
