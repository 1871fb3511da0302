"""What the data itself proposes where a person would know: the key, the label and personal data, each with its why."""

from __future__ import annotations

from genspark.drafting.looking import Column, Look
from genspark.drafting.meanings import is_id, is_persons, label_rank, may_be_persons

_ENOUGH, _ENOUGH_OF_LONG, _ENOUGH_OF_NUMBERS = 0.05, 0.001, 0.5
_MANY_NAMES = 40
_WORDS = {
    "email": "e-mail addresses",
    "iban": "account numbers (IBAN)",
    "card": "card numbers",
    "ip": "IP addresses",
    "us_ssn": "social security numbers",
    "es_dni": "Spanish identity numbers",
    "fr_nir": "French identity numbers",
    "phone": "telephone numbers",
}


def key_of(seen: Look) -> tuple[list[str], str]:
    """The columns that tell rows apart, and why these: unique by their nature, and not by chance."""
    unique = [c for c in seen.columns if c.is_unique and (c.is_whole or c.dtype == "String") and not why_personal(c)]
    reasons = {c.name: _why_key(c) for c in unique}
    able = [c for c in unique if reasons[c.name]]
    whole = f"another in each of the {seen.sampled:,} rows of the sample"
    if able:
        best = min(able, key=lambda c: (not is_id(c.name), not c.is_whole))
        return [best.name], f"{best.name} is {whole}, and {reasons[best.name]}"
    if unique:
        names = ", ".join(column.name for column in unique[:4])
        by_chance = f"{names} {'is' if len(unique) == 1 else 'are'} {whole}, by chance as far as name and values tell"
        return [], f"{by_chance}: rows are told apart by all of their values"
    return [], "no column of whole numbers or text is another in every row: rows are told apart by all of their values"


def label_of(seen: Look) -> str:
    """The column that its name calls the label; empty where none does."""
    ranks = {c.name: label_rank(c.name) for c in seen.columns if c.distinct > 1 and c.kind in ("number", "category")}
    has_x = any(column.name.lower() == "x" for column in seen.columns)
    # y beside x is a place.
    able = {name: rank for name, rank in ranks.items() if rank is not None and not (has_x and name.lower() == "y")}
    return min(able, key=lambda name: able[name]) if able else ""


def personal_of(seen: Look) -> tuple[str, ...]:
    """The columns that hold personal data by their values or their names."""
    return tuple(column.name for column in seen.columns if why_personal(column))


def why_personal(column: Column) -> str:
    """By which figure or name a column holds personal data; empty where nothing says so."""
    traits = column.traits
    least = _ENOUGH_OF_LONG if traits.is_long else _ENOUGH if column.dtype == "String" else _ENOUGH_OF_NUMBERS
    found = {kind: share for kind, share in traits.personal.items() if share >= least}
    if found:
        return ", ".join(f"{_share(share)} hold {_WORDS[kind]}" for kind, share in found.items())
    holds_values = column.dtype == "String" or column.is_whole
    if holds_values and column.distinct > 1 and is_persons(column.name):
        return "by its name"
    if column.dtype == "String" and column.distinct > _MANY_NAMES and may_be_persons(column.name):
        return f"by its name, and {column.distinct:,} values"
    return ""


def _why_key(column: Column) -> str:
    if is_id(column.name):
        return "its name says that it tells rows apart"
    if column.is_whole and column.traits.is_consecutive:
        return f"its values follow each other, from {column.least:.0f} to {column.greatest:.0f}"
    if column.traits.is_of_one_pattern and column.readable_as in (None, "uuid"):
        return "its values are identifiers of one pattern"
    return ""


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}"
