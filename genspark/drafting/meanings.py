"""What the name of a column says of its values: what tells rows apart, codes, persons, the label."""

from __future__ import annotations

import re

from genspark.columns.names import snake_case

_IDS = {"id", "key", "uuid", "guid", "nr", "no", "num", "number", "index", "idx", "rowid", "path", "uri"}
_ALWAYS_IDS = {"id", "key", "uuid", "guid", "nr", "rowid"}
_THINGS = {
    "account",
    "client",
    "customer",
    "device",
    "member",
    "order",
    "patient",
    "product",
    "session",
    "store",
    "user",
}
_CODES = {"zip", "zipcode", "postcode", "postal", "plz", "code", "fips", "iban", "isbn", "ean", "sku"}
_PERSONS = {
    *("address", "email", "fax", "firstname", "forename", "fullname", "iban", "lastname", "mail", "mobile", "passport"),
    *("phone", "ssn", "street", "surname", "telephone", "username"),
}
_WHOSE = {
    *("client", "contact", "customer", "employee", "family", "first", "full", "given", "last", "maiden", "member"),
    *("middle", "passenger", "patient", "person", "sur", "user"),
}
LABELS = ("label", "target", "survived", "outcome", "churn", "churned", "y", "class")
"""Names of labels, the likeliest first."""


def words(name: str) -> list[str]:
    """The words of a name: customer, id of customerId."""
    return [word for word in re.split(r"[\W_]+", snake_case(name)) if word]


def is_id(name: str) -> bool:
    """Whether values of this name may tell rows apart: id, order_no, path, or the nameless one of an index."""
    last = words(name)[-1:]
    return not last or last[0] in _IDS or words(name)[0] in ("unnamed", "uuid", "guid")


def names_things(name: str) -> bool:
    """Whether whole numbers of this name name something, and measure nothing: customer, user_id, zip."""
    said = words(name)
    return not said or said[-1] in _ALWAYS_IDS | _THINGS | _CODES or said[0] in _CODES - {"code"}


def is_persons(name: str) -> bool:
    """Whether values of this name are of persons: email, phone, ssn, address, last_name."""
    said = words(name)
    return bool(_PERSONS.intersection(said)) or (said[-1:] == ["name"] and bool(_WHOSE.intersection(said)))


def may_be_persons(name: str) -> bool:
    """Whether values of this name are of persons where they are many: name, and nothing else."""
    return words(name) == ["name"]


def label_rank(name: str) -> int | None:
    """The place of a name among those of labels; None where it is none."""
    said = "_".join(words(name))
    return LABELS.index(said) if said in LABELS else None
