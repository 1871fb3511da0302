"""Secrets in texts: what looks like one is replaced by `***` before a text is printed, written or sent."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_WORDS = (
    "password|passwd|passphrase|secret|token(?!s|i)|credential|signature|"
    "access[_.-]?key|account[_.-]?key|api[_.-]?key|private[_.-]?key|sas[_.-]?key|shared[_.-]?key"
)
_NAME = re.compile(rf"{_WORDS}|(?:^|[_.-])(?:sig|pwd|sas|auth)(?:$|[_.-])", re.IGNORECASE)
# A name such as AWS_SECRET_ACCESS_KEY_FILE or token_url tells where a secret is, and is none itself.
_PLACE = re.compile(r"(?:file|path|url|uri|endpoint|provider|id|duration|expiry|ttl)$", re.IGNORECASE)

# An S3 secret may hold slashes; in other URIs the first slash ends what may be a password. A container of Azure's
# stores stands before an @ as well, without a colon.
_S3_USER = re.compile(r"\b(s3[an]?://)[^\s/@:'\"]+:[^\s@'\"]*@", re.IGNORECASE)
_USER = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s/@:'\"]*:[^\s/'\"]*@", re.IGNORECASE)
_HTTP_USER = re.compile(r"\b(https?://)[^\s/@'\"]+@", re.IGNORECASE)

_PAIR = re.compile(r"([\w.-]+)(=)([^&\s'\",;)}\]]+|'[^']*'|\"[^\"]*\")")
_QUOTED = re.compile(r"(['\"]?)([\w.-]+)\1(\s*:\s*)('[^']*'|\"[^\"]*\")")
_SHORTEST = 6
"""A variable with fewer characters than this is not looked for in texts: it would be found in other words."""


def is_secret(name: str) -> bool:
    """Whether the value of an option, a variable or a property of this name must not be shown."""
    return bool(_NAME.search(name)) and not _PLACE.search(name)


def masked(text: str) -> str:
    """The text with `***` in place of what looks like a secret.

    That is: the user part of URIs, the values of names such as password, token or sig, in queries (`sig=...`) and in
    mappings (`"token": "..."`), and the values of this process's environment variables of such names.
    """
    text = _S3_USER.sub(rf"\1{MASK}@", text)
    text = _USER.sub(rf"\1{MASK}@", text)
    text = _HTTP_USER.sub(rf"\1{MASK}@", text)
    text = _PAIR.sub(lambda m: f"{m[1]}={MASK}" if is_secret(m[1]) else m[0], text)
    text = _QUOTED.sub(lambda m: f"{m[1]}{m[2]}{m[1]}{m[3]}{m[4][0]}{MASK}{m[4][0]}" if is_secret(m[2]) else m[0], text)
    for value in _of_environment():
        text = text.replace(value, MASK)
    return text


def without_secrets(value: Any) -> Any:
    """Plain values, such as a configuration, with `***` in place of secrets; what is none stays as it is."""
    if isinstance(value, Mapping):
        return {
            name: MASK if is_secret(str(name)) and isinstance(item, str | int | float) else without_secrets(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    return masked(value) if isinstance(value, str) else value


def _of_environment() -> list[str]:
    """The secrets in the environment, long ones first, so that one that holds another is replaced whole."""
    found = {value for name, value in os.environ.items() if is_secret(name) and len(value) >= _SHORTEST}
    return sorted(found, key=len, reverse=True)
