"""Secrets in texts: what looks like one is replaced by `***` before a text is printed, written or sent."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

MASK = "***"

_WORDS = (
    "password|passwd|passphrase|secret|token(?!s|i)|credential|signature|"
    "access[_.-]?key|account[_.-]?key|api[_.-]?key|private[_.-]?key|sas[_.-]?key|shared[_.-]?key"
)
_NAME = re.compile(rf"{_WORDS}|(?:^|[_.-])(?:sig|pwd|sas|auth)(?:$|[_.-])", re.IGNORECASE)
# A name such as AWS_SECRET_ACCESS_KEY_FILE or token_url tells where a secret is, and is none itself.
_PLACE = re.compile(r"(?:file|path|url|uri|endpoint|provider|id|duration|expiry|ttl|sock)$", re.IGNORECASE)
_FOLDERS = {"PWD", "OLDPWD"}
"""What a shell calls its folders, beside which `pwd` is a password."""

# An S3 secret may hold slashes; in other URIs the first slash ends what may be a password. A container of Azure's
# stores stands before an @ as well, without a colon.
_USERS = (
    re.compile(r"\b(s3[an]?://)([^\s/@:'\"]+:[^\s@'\"]*)@", re.IGNORECASE),
    re.compile(r"\b([a-z][a-z0-9+.-]*://)([^\s/@:'\"]*:[^\s/'\"]*)@", re.IGNORECASE),
    re.compile(r"\b(https?://)([^\s/@'\"]+)@", re.IGNORECASE),
)
_PAIR = re.compile(r"([\w.-]+)(=)([^&\s'\",;)}\]]+|'[^']*'|\"[^\"]*\")")
_QUOTED = re.compile(r"(['\"]?)([\w.-]+)\1(\s*:\s*)('[^']*'|\"[^\"]*\")")
_SHORTEST = 6
"""A value with fewer characters than this is not looked for in texts: it would be found in other words."""
_REMEMBERED: set[str] = set()


@functools.lru_cache(maxsize=4096)  # asked for every variable of the environment, for every text
def is_secret(name: str) -> bool:
    """Whether the value of an option, a variable or a property of this name must not be shown."""
    return bool(_NAME.search(name)) and not _PLACE.search(name)


def masked(text: str) -> str:
    """The text with `***` in place of what looks like a secret.

    That is: the user part of URIs, the values of names such as password, token or sig, in queries (`sig=...`) and in
    mappings (`"token": "..."`), the values of this process's environment variables of such names, and what was told to
    `remember`.
    """
    for user in _USERS:
        text = user.sub(rf"\1{MASK}@", text)
    text = _PAIR.sub(lambda m: f"{m[1]}={MASK}" if is_secret(m[1]) else m[0], text)
    text = _QUOTED.sub(lambda m: f"{m[1]}{m[2]}{m[1]}{m[3]}{m[4][0]}{MASK}{m[4][0]}" if is_secret(m[2]) else m[0], text)
    # Long ones first, so that one that holds another is replaced whole.
    for value in sorted(_REMEMBERED | _of_environment(), key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


def remember(value: Any, name: str = "") -> None:
    """Learn the secrets that plain values hold, so that `masked` finds them wherever a library repeats them.

    A job calls it with its configuration: what was a secret once is one for as long as this process lives.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            remember(item, str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            remember(item, name)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        _REMEMBERED.update(found for found in _in_text(str(value), name) if len(found) >= _SHORTEST)


def _in_text(text: str, name: str) -> Iterator[str]:
    if is_secret(name):
        yield text
    for user in _USERS:
        for match in user.finditer(text):
            yield from (match[2], match[2].partition(":")[2])
    yield from (match[3].strip("'\"") for match in _PAIR.finditer(text) if is_secret(match[1]))


def without_secrets(value: Any) -> Any:
    """Plain values, such as a configuration, with `***` in place of secrets, which names and texts tell."""
    if isinstance(value, Mapping):
        return {
            name: MASK if is_secret(str(name)) and isinstance(item, str | int | float) else without_secrets(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    return masked(value) if isinstance(value, str) else value


def masked_texts(value: Any) -> Any:
    """Plain values with every text masked. Names tell nothing, as where they are those of columns."""
    if isinstance(value, Mapping):
        return {name: masked_texts(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked_texts(item) for item in value]
    return masked(value) if isinstance(value, str) else value


def _of_environment() -> set[str]:
    named = {name: value for name, value in os.environ.items() if is_secret(name) and name not in _FOLDERS}
    return {value for value in named.values() if len(value) >= _SHORTEST}
