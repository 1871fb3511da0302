"""Globs as Hadoop reads them: `*`, `?`, `[a-z]`, `[^a]`, `{a,b}`, one folder at a time; and `**` for any depth."""

from __future__ import annotations

import re
from collections.abc import Callable

from genspark.storage.stores import Entry, children, entry

SIGNS = frozenset("*?[{")


def is_glob(path: str) -> bool:
    """Whether a path is a glob, which may match any number of files."""
    return any(sign in path for sign in SIGNS)


def expand(path: str) -> list[Entry]:
    """The files and folders that an absolute path or glob names, sorted."""
    if not is_glob(path):
        here = entry(path)
        return [here] if here else []
    matches: dict[str, Entry] = {}
    for alternative in _alternatives(path):
        scheme, separator, rest = alternative.rpartition("://")
        parts = rest.split("/")
        fixed = next((i for i, part in enumerate(parts) if is_glob(part)), len(parts))
        base = scheme + separator + ("/".join(parts[:fixed]) or "/")
        matches.update({item.path: item for item in _descend(base, parts[fixed:])})
    return [matches[path] for path in sorted(matches)]


def _descend(base: str, parts: list[str]) -> list[Entry]:
    folder = entry(base)
    if folder is None:
        return []
    if not parts:
        return [folder]
    if not folder.is_folder:
        return []
    part, rest = parts[0], parts[1:]
    if part == "**":
        deeper = [item for child in _visible(base) if child.is_folder for item in _descend(child.path, parts)]
        return [*(_descend(base, rest) if rest else _visible(base)), *deeper]
    if not is_glob(part):
        return _descend(f"{base.rstrip('/')}/{part}", rest)
    pattern = re.compile(_regex(part))
    return [
        item
        for child in _visible(base)
        if pattern.fullmatch(child.path.rpartition("/")[2])
        for item in (_descend(child.path, rest) if rest else [child])
    ]


def _visible(folder: str) -> list[Entry]:
    return [child for child in children(folder) if child.path.rpartition("/")[2][:1] not in ("_", ".")]


def _alternatives(path: str) -> list[str]:
    """Expand all braces, innermost first: braces that hold a slash name whole paths."""
    match = re.search(r"\{([^{}]*)\}", path)
    if match is None:
        return [path]
    return [
        whole
        for choice in match.group(1).split(",")
        for whole in _alternatives(path[: match.start()] + choice + path[match.end() :])
    ]


def _regex(part: str) -> str:
    signs = {"*": "[^/]*", "?": "[^/]"}
    pieces = re.findall(r"\[[!^]?[^\]]+\]|.", part, re.DOTALL)
    return "".join(signs.get(piece) or (_one_of(piece) if len(piece) > 1 else re.escape(piece)) for piece in pieces)


def _one_of(piece: str) -> str:
    inner = piece[1:-1].replace("\\", "\\\\")
    return f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"


def name_filter(pattern: str) -> Callable[[str], bool]:
    """A predicate of files' names for a pattern with the syntax of `pathGlobFilter`."""
    one = re.compile("|".join(_regex(choice) for choice in _alternatives(pattern)))
    return lambda name: one.fullmatch(name) is not None
