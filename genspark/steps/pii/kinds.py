"""Kinds of personal data in text: each a pattern, and a check of what the pattern finds."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

KindName = Literal["email", "iban", "card", "ip", "us_ssn", "es_dni", "fr_nir", "phone"]


@dataclass(frozen=True)
class Kind:
    """A kind of personal data: `pattern` finds candidates, of which those are taken that `is_one` says so of.

    `hint` is a pattern for RE2 that every text with a candidate fits, and most texts do not. `cut` takes what follows
    off a candidate, where the pattern cannot tell its end.
    """

    name: KindName
    pattern: re.Pattern[str]
    hint: str
    is_one: Callable[[str], bool]
    cut: Callable[[str], str] = str


IBAN_LENGTHS = {
    code: length
    for length, codes in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for code in codes.split()
}
"""Characters of an IBAN by its country. Source: SWIFT, IBAN registry, release 99."""


def luhn(number: str) -> bool:
    """Whether the digits of a card's number fit its check digit. Source: ISO/IEC 7812-1, annex B."""
    digits = [int(sign) for sign in number if sign.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def mod97(number: str) -> bool:
    """Whether an IBAN fits its two check digits. Source: ISO 13616, ISO/IEC 7064 (MOD 97-10)."""
    plain = re.sub(r"[^0-9A-Z]", "", number.upper())
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def _is_card(number: str) -> bool:
    digits = re.sub(r"\D", "", number)
    # One digit many times over fits the check digit too.
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn(digits)


def _is_iban(number: str) -> bool:
    plain = re.sub(r"\W", "", number)
    return len(plain) == IBAN_LENGTHS.get(plain[:2].upper()) and mod97(plain)


def _as_long_as_an_iban(text: str) -> str:
    """The text up to as many characters as the IBANs of its country have: words may follow, as the groups of one do."""
    places = [place for place, sign in enumerate(text) if sign.isalnum()]
    length = IBAN_LENGTHS.get(text[:2].upper(), len(places))
    is_at_a_gap = length < len(places) and places[length] > places[length - 1] + 1
    return text[: places[length - 1] + 1] if is_at_a_gap else text


def _is_address(text: str) -> bool:
    try:
        is_there = not ipaddress.ip_address(text).is_unspecified
    except ValueError:
        return False
    return is_there and ("." in text or not _is_of_a_program(text))


def _is_of_a_program(text: str) -> bool:
    """Whether what could be an address of version 6 is more likely two names of a program, such as `a::b`."""
    groups = [group for group in text.split(":") if group]
    has_digits = [any(sign.isdigit() for sign in group) for group in groups]
    if len(groups) > 2:
        return False
    return not (any(has_digits) if text.startswith("::") else len(groups[0]) > 2 and has_digits[0])


def _is_ssn(number: str) -> bool:
    """Whether the areas, groups and serials can be those of a social security number. Source: SSA, since 2011."""
    area, group, serial = (int(part) for part in re.split(r"[- ]", number))
    return area not in (0, 666) and area < 900 and group > 0 and serial > 0


def _is_dni(text: str) -> bool:
    """Whether the letter is that of the number modulo 23. Source: Real Decreto 1553/2005."""
    plain = re.sub(r"\W", "", text).upper()
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == plain[-1]


def _is_nir(text: str) -> bool:
    """Whether the key is 97 less the number modulo 97, Corsica's 2A and 2B as 19 and 18. Source: INSEE."""
    plain = re.sub(r"\s", "", text).replace("2A", "19").replace("2B", "18")
    return int(plain[-2:]) == 97 - int(plain[:-2]) % 97


def _is_phone(number: str) -> bool:
    digits = re.sub(r"\D", "", number)
    return 8 <= len(digits) <= 15 if number.startswith("+") else len(digits) == 10


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "email",
            # Letters of any script, in the name and in the domain.
            re.compile(
                r"(?<![\w.+-])\w[\w.%+-]{0,63}@(?:[\w-]{1,63}\.){1,8}(?:[^\W\d_]{2,24}|xn--[A-Za-z0-9-]{2,59})(?!\w)"
            ),
            r"@[^\s@.]+\.",
            lambda text: ".." not in text,
        ),
        Kind(
            "iban",
            re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?(?!\w)"),
            r"\b[A-Za-z]{2}\d{2}[ -]?[A-Za-z0-9]{4}[ -]?[A-Za-z0-9]{4}",
            _is_iban,
            _as_long_as_an_iban,
        ),
        Kind(
            "card",
            # Dots between the groups of a card alone: others are in numbers.
            re.compile(
                r"(?<![\w-])(?:[2-6]\d{3}(?:[ -]?\d){9,15}"
                r"|(?<!\.)(?:[2-6]\d{3}(?:\.\d{4}){3}|3\d{3}\.\d{6}\.\d{5})(?!\.\d))(?![\w-])"
            ),
            r"\b[2-6]\d{3}(?:(?:[ -]?\d){9}|\.\d{4}\.\d{4}\.|\.\d{6}\.)",
            _is_card,
        ),
        Kind(
            "ip",
            # A port may follow one of version 4, and a word with a colon stand before it.
            re.compile(
                r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)"
                r"|(?<![\w.:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:]|\.\d)"
            ),
            r"\d\.\d{1,3}\.\d|:[0-9A-Fa-f]{0,4}:",
            _is_address,
        ),
        Kind(
            "us_ssn", re.compile(r"(?<![\w-])\d{3}([- ])\d{2}\1\d{4}(?![\w-])"), r"\b\d{3}[- ]\d{2}[- ]\d{4}\b", _is_ssn
        ),
        Kind(
            "es_dni",
            re.compile(r"(?<!\w)(?:\d{8}|[XYZxyz]-?\d{7})-?[A-HJ-NP-TV-Za-hj-np-tv-z](?!\w)"),
            r"\d{7}-?[A-HJ-NP-TV-Za-hj-np-tv-z]\b",
            _is_dni,
        ),
        Kind(
            "fr_nir",
            re.compile(r"(?<!\w)[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}(?!\w)"),
            r"\b[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}\b",
            _is_nir,
        ),
        Kind(
            "phone",
            re.compile(
                r"(?<![\w+.-])(?:\+[1-9]\d{0,2}(?:[ .-]?\(?\d{1,4}\)?){2,6}"
                r"|\(?[2-9]\d{2}\)?[ .-][2-9]\d{2}[ .-]\d{4})(?![\w-])"
            ),
            r"\+[1-9]\d|\b\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b",
            _is_phone,
        ),
    )
}
"""Every kind by its name, in the order in which they claim the same characters."""

assert tuple(KINDS) == get_args(KindName)
