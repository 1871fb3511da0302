"""An evaluation checked: every mistake that can be seen before a row is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genspark.config.evaluation import Evaluate
from genspark.errors import ConfigError, did_you_mean
from genspark.evaluate.features import Extractor, named
from genspark.evaluate.runs import registry
from genspark.evaluate.runs.results import Asked


def asked(section: Evaluate, extractor: Extractor | None = None) -> list[Asked]:
    """The scores that a section asks for, by its extractor or one given. Raises ConfigError with every mistake."""
    problems: list[str] = []
    default = extractor or _extractor(section.extractor, "evaluate.extractor", problems)
    found = []
    for place, one in enumerate(section.scores):
        where = f"evaluate.scores[{place}]"
        name, given = (one, {}) if isinstance(one, str) else _only(one)
        if given is None:
            problems.append(f"{where}: must be one key, the score, with its parameters below it; got {list(one)}")
            continue
        found.append(_asked(name, given, where, section, default, problems))
    if default is not None and not any(one.extractor for one in found if one):
        problems.append("evaluate.extractor: no score reads vectors; leave it out, or ask for such as frechet_distance")
    if problems:
        raise ConfigError(problems)
    return [one for one in found if one]


def _asked(
    name: str, given: Mapping[str, Any], where: str, section: Evaluate, default: Extractor | None, problems: list[str]
) -> Asked | None:
    metric = registry.metric(name)
    if metric is None:
        problems.append(f"{where}: {registry.unknown(name)}")
        return None
    parameters = dict(given)
    own = parameters.pop("extractor", None) if metric.takes_features else None
    extractor = default if own is None else _extractor(own, f"{where}.{name}.extractor", problems)
    checked, wrong = metric.checked(parameters)
    problems += [f"{where}.{name}.{problem}" if problem.place else f"{where}.{name}: {problem}" for problem in wrong]
    if "real" in metric.sides and section.real is None:
        problems.append(f"{where}.{name}: compares with real rows, and evaluate.real is absent; name them")
    if metric.has_interval and section.interval is not None:
        checked.setdefault("interval", section.interval)
    is_of_features = metric.takes_features and extractor is not None and "column" not in checked
    return Asked(metric, checked, extractor if is_of_features else None, f"{where}.{name}")


def check_columns(asked: Sequence[Asked], columns: Mapping[str, Sequence[str]], by: Sequence[str]) -> None:
    """Raise ConfigError where a side lacks a column that a score, an extractor or `by` names."""
    problems = []
    for side, there in columns.items():
        problems += [
            f"evaluate.by: {side} has no column {name!r}{did_you_mean(name, there)}" for name in by if name not in there
        ]
    for one in asked:
        problems += _unlike(one, columns)
        for side in one.metric.sides:
            there = columns.get(side, ())
            if one.extractor is not None:
                problems += _lacks(one.extractor, side, there)
            else:
                problems += [
                    f"{one.place}: {side} has no column {name!r}{did_you_mean(name, there)}"
                    for name in one.metric.columns(one.parameters)
                    if name not in there
                ]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))


def check_extractors(asked: Sequence[Asked]) -> None:
    """Raise ConfigError where a package or a file of weights is absent."""
    for extractor in {one.extractor for one in asked if one.extractor is not None}:
        extractor.check()


def _lacks(extractor: Extractor, side: str, there: Sequence[str]) -> list[str]:
    try:
        extractor.reads(there)
    except ConfigError as error:
        return [f"evaluate.extractor: {side}: {problem}" for problem in error.problems]
    return []


def _unlike(one: Asked, columns: Mapping[str, Sequence[str]]) -> list[str]:
    """The mistake of an extractor that would read other columns of one side than of the other."""
    if one.extractor is None or any(_lacks(one.extractor, side, columns[side]) for side in one.metric.sides):
        return []
    read = {side: set(one.extractor.reads(columns[side])) for side in one.metric.sides}
    apart = sorted(set.union(*read.values()) - set.intersection(*read.values()))
    few = ", ".join(map(repr, apart[:5])) + (", ..." if len(apart) > 5 else "")
    return [f"evaluate.extractor: of one side it reads {few}, too, which the other lacks; name the columns"] * bool(
        apart
    )


def _extractor(section: Any, place: str, problems: list[str]) -> Extractor | None:
    if section is None:
        return None
    try:
        return section if isinstance(section, Extractor) else named(section, place)
    except ConfigError as error:
        problems += error.problems
        return None


def _only(one: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    """The one key of a mapping, and what is below it; None where there are several."""
    if len(one) != 1:
        return "", None
    ((name, given),) = one.items()
    return name, given or {}
