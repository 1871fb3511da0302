"""Keyed hashes: what stands for a value, and tells it to nobody who has not the key."""

from __future__ import annotations

import hashlib
import hmac
import os

from genspark.errors import ConfigError
from genspark.storage.secrets import remember

SHORTEST_KEY = 16
NUMBER_BITS = 63
"""The bits of a number that stands for a value: what a signed 64-bit integer has above 0."""


def key_of(variable: str, told_as: str) -> bytes:
    """The key that an environment variable holds, which no text shows from then on.

    Raises ConfigError, beginning with `told_as`, where there is none or it has fewer than 16 characters: there is no
    default.
    """
    key = os.environ.get(variable, "")
    if len(key) < SHORTEST_KEY:
        raise ConfigError(
            f"{told_as}: key_variable: the environment variable {variable} must hold a key of "
            f"{SHORTEST_KEY} characters or more, and is {'too short' if key else 'not set'}"
        )
    remember(key, "secret")
    return key.encode()


def digest(key: bytes, text: str) -> bytes:
    """The HMAC-SHA256 of a text."""
    return hmac.digest(key, text.encode(), hashlib.sha256)


def fingerprint(key: bytes) -> str:
    """Sixteen hexadecimal digits that tell keys apart, and tell nothing of one that cannot be guessed."""
    return digest(key, "genspark: which key").hex()[:16]


def as_number(hashed: bytes) -> int:
    """The first 63 bits of a digest, as a number of 0 or more."""
    return int.from_bytes(hashed[:8], "big") >> (64 - NUMBER_BITS)
