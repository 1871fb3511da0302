"""YAML text <-> plain values, with the place of every mistake; nothing is executed and nothing guessed.

Scalars follow YAML 1.2, as editors do: `no` and `2024-01-01` are text, `1e-3` is a number. Keys are
text, whatever they look like.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from genspark.errors import ConfigError, Place, Problem

_TAG = "tag:yaml.org,2002:"
_SCALARS = {
    # The regular expressions of YAML 1.2's core schema, and how such a scalar may begin.
    "null": ("~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": ("true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": ("[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "merge": ("<<", ["<"]),
}


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}


class _Dumper(yaml.SafeDumper):
    """Keeps SafeDumper's own rules too, so that YAML 1.1 readers see the same values."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


for _kind, (_pattern, _first) in _SCALARS.items():
    # \Z and not $: "1\n" is no number.
    _whole = re.compile(rf"(?:{_pattern})\Z")
    _Loader.add_implicit_resolver(_TAG + _kind, _whole, _first)
    _Dumper.add_implicit_resolver(_TAG + _kind, _whole, _first)


def parse(text: str, where: str) -> tuple[Any, list[Problem]]:
    """The values of one YAML document, and its mistakes: duplicate keys, unknown tags and the like.

    Raises ConfigError, with line and column from 1, where the text is not YAML.
    """
    try:
        node = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        raise ConfigError(_syntax(error, text), where=place) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"not YAML: {' '.join(str(error).split())}", where=where) from None
    problems: list[Problem] = []
    return (None if node is None else _Reader(problems).value(node, ())), problems


class _Reader:
    """Turns nodes into values, and notes what is wrong with them."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.open: list[yaml.Node] = []

    def value(self, node: yaml.Node, place: Place) -> Any:
        if node in self.open:
            self.problems.append(Problem(place, "an alias that holds itself; write the values out"))
            return None
        self.open.append(node)
        try:
            if isinstance(node, yaml.ScalarNode):
                return self._scalar(node, place)
            if node.tag not in (f"{_TAG}map", f"{_TAG}seq"):
                self._refuse_tag(node, place)
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, place)
            return [self.value(item, (*place, i)) for i, item in enumerate(node.value)]
        finally:
            self.open.pop()

    def _scalar(self, node: Any, place: Place) -> Any:
        try:
            return _scalar(node.tag.removeprefix(_TAG), node.value)
        except (KeyError, ValueError):
            self._refuse_tag(node, place)
            return node.value

    def _refuse_tag(self, node: yaml.Node, place: Place) -> None:
        tag, line = node.tag.replace(_TAG, "!!"), node.start_mark.line + 1
        self.problems.append(Problem(place, f"the YAML tag {tag} on line {line} has no use here; leave it out"))

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(Problem(place, f"a key on line {line} is not text; quote it"))
            elif key.tag == f"{_TAG}merge":
                merged = {**self._merged(value, place), **merged}
            else:
                if key.value in lines:
                    what = f"given twice, on lines {lines[key.value]} and {line}; keep one"
                    self.problems.append(Problem((*place, key.value), what))
                lines[key.value] = line
                own[key.value] = self.value(value, (*place, key.value))
        return {**merged, **own}

    def _merged(self, node: yaml.Node, place: Place) -> dict[str, Any]:
        several = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for one in several:
            if isinstance(one, yaml.MappingNode):
                merged = {**self.value(one, place), **merged}
            else:
                self.problems.append(Problem((*place, "<<"), "only sections can be merged in; give an alias of one"))
        return merged


def _scalar(kind: str, text: str) -> Any:
    """The value of a scalar. Raises KeyError for an unknown kind, ValueError for a text that is not of it."""
    if kind == "int":
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    if kind == "float":
        return float(re.sub(r"(?i)\.(?=inf|nan)", "", text))
    if kind == "bool":
        return {"true": True, "false": False}[text.lower()]
    if kind in ("str", "merge"):
        return text
    return {"null": None}[kind]


def plain_value(text: str) -> Any:
    """What a text means as a YAML scalar: `4` is a number, `true` a boolean, `a: b` text."""
    for kind, (pattern, _) in _SCALARS.items():
        if kind != "merge" and re.fullmatch(pattern, text):
            return _scalar(kind, text)
    return text


def dump(data: Mapping[str, Any]) -> str:
    """YAML that `parse` and `substitute` read back as the same values, keys in the order given."""
    return yaml.dump(
        _escaped(data), Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110
    )


def _escaped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(item) for item in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


def _syntax(error: yaml.MarkedYAMLError, text: str) -> str:
    what = ", ".join(part for part in (error.context, error.problem) if part)
    at = error.problem_mark.index if error.problem_mark else 0
    remedy = ""
    if text[at : at + 1] == "\t":
        remedy = "; indent with spaces, not tabs"
    elif text[max(at - 1, 0) : at + 1] == "${":
        remedy = "; between braces or brackets, put ${...} in quotes"
    return f"not YAML: {what}{remedy}"
