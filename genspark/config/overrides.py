"""`path=value` overrides, put into plain values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from genspark.config.text import parse
from genspark.errors import ConfigError, Place, Problem, brief, did_you_mean, show

_SEGMENT = re.compile(r"\.?([^.\[\]]+)|\[([^\[\]]+)\]")


def override(data: Any, sets: Sequence[str]) -> tuple[Any, list[Problem]]:
    """The data with each `path=value` put in; sections on the way are made, list items are not."""
    problems: list[Problem] = []
    for one in sets:
        path, equals, text = one.partition("=")
        segments = _segments(path.strip())
        if not equals or not segments:
            what = f"--set {one}: not a path and a value; write it as sink.path=out/x or steps[0].scale.method=minmax"
            problems.append(Problem((), what))
            continue
        try:
            value, wrong = parse(text, f"--set {path}")
            problems += [Problem((), f"--set {path}: {problem}") for problem in wrong]
            data = _with(data, tuple(segments), (), value)
        except ConfigError as error:
            problems.append(Problem((), str(error)))
        except LookupError as error:
            problems.append(Problem((), f"--set {path}: leads nowhere: {error.args[0]}"))
    return data, problems


def _segments(path: str) -> list[str]:
    """The keys of a path; empty where it is no path. Brackets hold a position, or any key."""
    segments: list[str] = []
    while path:
        segment = _SEGMENT.match(path)
        if not segment or (not segments and path.startswith(".")):
            return []
        segments.append(segment[1] or segment[2].strip("\"'"))
        path = path[segment.end() :]
    return segments


def _with(here: Any, path: tuple[str, ...], done: Place, value: Any) -> Any:
    """A copy of `here` with the value at the path. Raises LookupError naming the place at which the path ends."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if here is None and key.isdecimal():
        raise LookupError(f"{show(done)} has no items")
    if isinstance(here, list):
        if not key.isdecimal() or int(key) >= len(here):
            last = f"; the last is {show((*done, len(here) - 1))}" if here else ""
            raise LookupError(f"{show(done)} has {len(here)} item{'s' * (len(here) != 1)}{last}")
        position = int(key)
        return [*here[:position], _with(here[position], rest, (*done, position), value), *here[position + 1 :]]
    if here is not None and not isinstance(here, dict):
        raise LookupError(f"{show(done)} is {brief(here)}, which has no keys")
    section = here or {}
    # An item of a list is what its one key says: another key beside it would be another step.
    is_item = bool(done) and isinstance(done[-1], int)
    if is_item and section and key not in section:
        raise LookupError(f"{show(done)} has no {key!r}{did_you_mean(key, section)}")
    return {**section, key: _with(section.get(key), rest, (*done, key), value)}
