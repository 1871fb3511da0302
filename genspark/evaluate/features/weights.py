"""Files of weights: by path, never by download, and known by their SHA-256."""

from __future__ import annotations

import functools
import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genspark.errors import ConfigError

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Published:
    """Weights that somebody published: where, and the SHA-256 of the file."""

    name: str
    where: str
    sha256: str

    def __str__(self) -> str:
        return f"the published one is {self.name} from {self.where}, of SHA-256 {self.sha256}"


def check_file(path: str, kind: str, published: Published | None = None) -> Path:
    """The file of weights. Raises ConfigError where there is none, with where the published one is from."""
    file = Path(path).expanduser()
    if file.is_file():
        return file
    what = "is a folder; name the file in it" if file.is_dir() else "is not there; weights are never downloaded"
    remedy = f": {published}" if published else "; put the file there, or correct the path"
    raise ConfigError(f"{kind}.path: {path} {what}{remedy}")


def sha256_of(path: str) -> str:
    """The SHA-256 of a file, or of all files in a folder with their names. Raises ConfigError where neither is."""
    place = Path(path).expanduser()
    if place.is_dir():
        files = sorted(file for file in place.rglob("*") if file.is_file() and not _is_hidden(file, place))
        each = "\n".join(f"{file.relative_to(place).as_posix()} {sha256_of(str(file))}" for file in files)
        return hashlib.sha256(each.encode()).hexdigest()
    try:
        status = place.stat()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); correct the path") from None
    return _sha256(str(place), status.st_size, status.st_mtime_ns)


def package(name: str, kind: str, remedy: str) -> Any:
    """A package that an extractor needs, imported. Raises ConfigError with what to install."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(f"{kind}: needs {name}, which cannot be imported ({error}): {remedy}") from None


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


@functools.lru_cache
def _sha256(path: str, _: int, __: int) -> str:
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
