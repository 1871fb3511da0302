"""Every error a user can meet: each names the place, the value and the remedy.

`exit_code` is what the command line ends with: 2 for the user's own mistake, found before or
while the job was set up; 1 for a job that failed at work.
"""

from __future__ import annotations

import difflib
import functools
import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Place = tuple[str | int, ...]
"""Keys and list positions, from the root of the file."""


class Problem(NamedTuple):
    """What is wrong, and where."""

    place: Place
    what: str

    def __str__(self) -> str:
        return f"{show(self.place)}: {self.what}" if self.place else self.what


class GensparkError(Exception):
    """The root of genspark's errors."""

    exit_code = 1


class ConfigError(GensparkError):
    """The configuration is wrong; `problems` holds every mistake, each with its place."""

    exit_code = 2

    def __init__(self, problems: str | Sequence[str], *, where: str = "") -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__(_listing(self.problems, where))


class SchemaError(ConfigError):
    """A step names a column that is absent, or one of a type it cannot use."""


class PlanError(GensparkError):
    """The steps cannot be planned as asked."""

    exit_code = 2


class StoreError(GensparkError):
    """A store of files does not answer, or is of a kind that is not known."""

    exit_code = 2


class SourceError(GensparkError):
    """The input is missing or cannot be read."""

    exit_code = 2


class ShardError(SourceError):
    """Shards cannot be read; `shards` maps the path of each to the cause, in a short sentence."""

    def __init__(self, shards: Mapping[str, str], remedy: str, *, place: str = "source.path") -> None:
        self.shards, self._remedy, self._place = dict(shards), remedy, place
        (path, cause), *others = self.shards.items()
        more = f" (and {len(others)} more shards cannot be read)" if others else ""
        super().__init__(f"{place}: {path} {cause}{more}; {remedy}")

    def __reduce__(self) -> tuple[Any, ...]:
        # An error is pickled by its message, unless told otherwise: one of a worker comes home whole.
        return functools.partial(ShardError, place=self._place), (self.shards, self._remedy)


class SinkError(GensparkError):
    """The output cannot be written."""


class AlreadyCommittedError(SinkError):
    """Another process committed the same run while this one was at work: the table has its rows once."""


class SourceOvertakenError(SinkError):
    """Another run of the same job added files of its source while this one was at work, and nothing was added twice."""


class TargetError(SinkError):
    """The target cannot be written as asked; found before any work was done."""

    exit_code = 2


class ModelError(GensparkError):
    """A fitted model cannot be read, or does not fit the data or the request."""

    exit_code = 2


class DataError(GensparkError):
    """The data breaks a rule that the job was told to hold it to."""

    findings: Sequence[str] = ()
    """What the fit had found before, which does not end a job."""


class SessionError(GensparkError):
    """No usable Spark session can be had: no JDK, no Delta on the class path, no server."""

    exit_code = 2


def show(place: Place) -> str:
    """A place as people write it: `steps[2].outliers.threshold`."""
    parts = []
    for part in place:
        is_name = isinstance(part, str) and re.fullmatch(r"[^\s.\[\]]+", part)
        parts.append(f".{part}" if is_name else f"[{part}]" if isinstance(part, int) else f'["{part}"]')
    return "".join(parts).removeprefix(".")


def brief(value: Any) -> str:
    """A value for a message: as YAML says it where Python differs, and cut where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = 60
    return shortener.repr(value)


def first_line(error: object) -> str:
    """The first line of an error or of its message; the name of its class where an error says nothing."""
    silent = type(error).__name__ if isinstance(error, BaseException) else "no message"
    return str(error).strip().partition("\n")[0].strip() or silent


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`"; did you mean 'fare'?"`, or the known names where none is near."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    few = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"; known: {few}" if names else ""


def _listing(problems: Sequence[str], where: str) -> str:
    head = f"{where}: " if where else ""
    if len(problems) == 1:
        return head + problems[0]
    return f"{head}{len(problems)} problems\n" + "\n".join(f"  - {problem}" for problem in problems)
