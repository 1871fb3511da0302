"""The samples of a tar archive: neighbouring files whose names are alike up to the first dot."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

from genspark.errors import first_line
from genspark.sources.codecs import open_unpacked

KEY = "__key__"
"""WebDataset's name for what the names of a sample's files share."""
_BLOCK = 512
_READ = 1 << 20


def samples(path: str, wanted: frozenset[str] | None = None) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The samples of an archive in order: the key, and the bytes of the files with a wanted extension (None: all).

    An extension is in lower case and may have dots of its own, as `seg.png` has. Raises OSError where the archive is
    damaged or cut short, and ValueError where a sample has two files of one extension.
    """
    with open_unpacked(path) as stream:
        watched: Any = _Watched(stream)
        try:
            with tarfile.open(fileobj=watched, mode="r|", bufsize=_READ) as archive:
                yield from _grouped(archive, wanted)
                if not watched.is_zero_from(archive.offset):
                    raise OSError("is damaged or cut short: it does not end as an archive does")
        except tarfile.TarError as error:
            raise OSError(first_line(error)) from error


def _grouped(archive: tarfile.TarFile, wanted: frozenset[str] | None) -> Iterator[tuple[str, dict[str, bytes]]]:
    key, files = "", dict[str, bytes]()
    seen: set[str] = set()
    for member in archive:
        named = _key_and_extension(member.name) if member.isreg() else None
        # What a streamed archive has read is kept, and would be kept for every member.
        archive.members = []  # type: ignore[attr-defined]
        if named is None:
            continue
        if named[0] != key:
            if seen:
                yield key, files
            key, files, seen = named[0], {}, set()
        extension = named[1]
        if extension in seen:
            raise ValueError(f"sample {key!r} has two files with the extension {extension!r}")
        seen.add(extension)
        if wanted is None or extension in wanted:
            opened = archive.extractfile(member)
            assert opened is not None
            files[extension] = opened.read()
    if seen:
        yield key, files


def _key_and_extension(name: str) -> tuple[str, str] | None:
    """Cut a name at the first dot of its last part; None for hidden files, and those without an extension."""
    folder, slash, last = name.removeprefix("./").rpartition("/")
    stem, dot, extension = last.partition(".")
    if not stem or not dot or not extension or last.startswith("__"):
        return None
    return folder + slash + stem, extension.lower()


class _Watched:
    """A stream that remembers its last bytes, since tarfile takes a damaged header for the end."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._tail = b""
        self._end = 0

    def read(self, size: int) -> bytes:
        data = bytes(self._stream.read(size))
        self._tail = (self._tail + data)[-(2 * _READ) :]
        self._end += len(data)
        return data

    def is_zero_from(self, offset: int) -> bool:
        """Whether there is a block of zeros at this place, and nothing else to the end."""
        rest = self._tail[max(0, len(self._tail) - (self._end - offset)) :]
        count = len(rest)
        is_zero = not any(rest)
        while is_zero and (data := self._stream.read(_READ)):
            is_zero = not any(bytes(data))
            count += len(data)
        return is_zero and count >= _BLOCK


def extensions(path: str, most: int) -> Mapping[str, None]:
    """The extensions of the first samples of an archive, in their order."""
    found: dict[str, None] = {}
    for number, (_, files) in enumerate(samples(path)):
        if number == most:
            break
        found.update(dict.fromkeys(files))
    return found
