"""Names in the table: those that no table holds made others, the column of the parts, and where the table is to be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from genspark.columns.names import distinct, snake_case, twins
from genspark.config.job import LEDGER_SUFFIX, QUARANTINE_SUFFIX
from genspark.drafting.looking import Column, Look
from genspark.sources.source import Source, paths_of
from genspark.storage.catalogs import is_name
from genspark.storage.globs import is_glob
from genspark.storage.stores import absolute

_REFUSED = re.compile(r"[ ,;{}()\n\t=]")
_TRAIN = ("train", "training")
_PARTS = frozenset((*_TRAIN, "validation", "valid", "val", "dev", "eval", "test", "testing", "holdout"))


def renaming(names: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of a step that gives columns names which tables hold, and the new name of each old one.

    No field where all have such names. A name that a rule makes of two columns gets a number in the second.
    """
    if not any(map(_REFUSED.search, names)) and not twins(names):
        return {}, {name: name for name in names}
    new: dict[str, str] = {}
    # Names that stay as they are go first: another makes way.
    for name in sorted(names, key=lambda name: snake_case(name) != name):
        taken = set(map(str.lower, new.values()))
        new[name] = distinct(snake_case(name) or "column", taken)
    own = {name: new[name] for name in names if new[name] != snake_case(name)}
    return {"rule": "snake_case", **({"columns": own} if own else {})}, new


def parts_of(seen: Look) -> Column | None:
    """The column `split` of the source, where it names parts such as train and test; None where there is none.

    One part alone judges no model: the column is a constant, then, as any other.
    """
    for column in seen.columns:
        values = {value.lower() for value, _ in column.top}
        is_whole = column.missing == 0 and not column.others
        are_parts = len(values) > 1 and values <= _PARTS and values & set(_TRAIN)
        if column.name.lower() == "split" and is_whole and are_parts:
            return column
    return None


def part_to_learn_from(parts: Column) -> str:
    """The part that models learn from, as the column has it."""
    return next(value for value, _ in parts.top if value.lower() in _TRAIN)


def free_target(name: str, source: Source) -> str:
    """A path for the table below `out` that is neither the source nor around or in it, nor are the tables beside it."""
    for path in (f"out/{name}", f"out/{name}_prepared", f"{name}_prepared", f"../{name}_prepared"):
        if not is_at_source(path, source):
            return path
    return f"../../{name}_prepared"


def is_at_source(target: str, source: Source) -> bool:
    """Whether a table, or those that a job writes beside it, would lie at, around or in what a source reads."""
    if is_name(target):
        return False
    beside = [target.rstrip("/"), *(f"{target.rstrip('/')}{suffix}" for suffix in (QUARANTINE_SUFFIX, LEDGER_SUFFIX))]
    tables = [f"{absolute(path).rstrip('/')}/" for path in beside]
    read = [f"{absolute(_fixed(path)).rstrip('/')}/" for path in paths_of(source)]
    return any(one.startswith(other) or other.startswith(one) for one in tables for other in read)


def _fixed(path: str) -> str:
    """The folder of a glob; a path that is none as it is."""
    parts = path.split("/")
    first = next((at for at, part in enumerate(parts) if is_glob(part)), None)
    return path if first is None else "/".join(parts[:first]) or ("/" if path.startswith("/") else ".")
