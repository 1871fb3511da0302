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

    `hint` is a pattern for RE2 that every text with a candidate fits, and most texts do not.
    """

    name: KindName
    pattern: re.Pattern[str]
    hint: str
    is_one: Callable[[str], bool]


def luhn(number: str) -> bool:
    """Whether the digits of a card's number fit its check digit. Source: ISO/IEC 7812-1, annex B."""
    digits = [int(sign) for sign in number if sign.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def mod97(number: str) -> bool:
    """Whether an IBAN fits its two check digits. Source: ISO 13616, ISO/IEC 7064 (MOD 97-10)."""
    plain = re.sub(r"[^0-9A-Z]", "", number)
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def _is_card(number: str) -> bool:
    digits = re.sub(r"\D", "", number)
    # One digit many times over fits the check digit too.
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn(digits)


def _is_iban(number: str) -> bool:
    plain = re.sub(r"\W", "", number)
    return 15 <= len(plain) <= 34 and mod97(plain)


def _is_address(text: str) -> bool:
    try:
        return not ipaddress.ip_address(text).is_unspecified
    except ValueError:
        return False


def _is_ssn(number: str) -> bool:
    """Whether the areas, groups and serials can be those of a social security number. Source: SSA, since 2011."""
    area, group, serial = (int(part) for part in re.split(r"[- ]", number))
    return area not in (0, 666) and area < 900 and group > 0 and serial > 0


def _is_dni(text: str) -> bool:
    """Whether the letter is that of the number modulo 23. Source: Real Decreto 1553/2005."""
    plain = re.sub(r"\W", "", text)
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
            re.compile(
                r"(?<![\w.+-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?!\w)"
            ),
            r"[A-Za-z0-9._%+-]@[A-Za-z0-9-]+\.",
            lambda text: ".." not in text,
        ),
        Kind(
            "iban",
            re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"),
            r"\b[A-Z]{2}\d{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}",
            _is_iban,
        ),
        Kind(
            "card",
            re.compile(r"(?<![\w-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\w-])"),
            r"\b[2-6]\d{3}(?:[ -]?\d){9}",
            _is_card,
        ),
        Kind(
            "ip",
            re.compile(
                r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:]|\.\d)"
            ),
            r"\d\.\d{1,3}\.\d|:[0-9A-Fa-f]{0,4}:",
            _is_address,
        ),
        Kind(
            "us_ssn", re.compile(r"(?<![\w-])\d{3}([- ])\d{2}\1\d{4}(?![\w-])"), r"\b\d{3}[- ]\d{2}[- ]\d{4}\b", _is_ssn
        ),
        Kind(
            "es_dni",
            re.compile(r"(?<!\w)(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z](?!\w)"),
            r"\d{7}-?[A-HJ-NP-TV-Z]\b",
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
