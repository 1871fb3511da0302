"""Compressed shards: the codec that a file's name tells, who reads it, and its bytes unpacked as they are read.

Hadoop, and so Spark, writes snappy and lz4 in a framing of its own, and takes every other framing of theirs for a file
without a row. It does not know xz at all, and takes its bytes for text. Such files are refused by name.
"""

from __future__ import annotations

import importlib.util
import io
import lzma
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self
from urllib.parse import unquote

from genspark.engines.polars.meter import METER
from genspark.errors import SourceError, StoreError
from genspark.sources.places import PLACE
from genspark.storage.files import is_uri
from genspark.storage.stores import absolute, open_file, open_stream

_CHUNK = 1 << 20
_MOST = 1 << 30
"""Bytes of a block that Hadoop may have written: a larger one is of another framing, or damaged."""
_FRAMES = {".lz4": bytes.fromhex("04224d18"), ".snappy": bytes.fromhex("ff060000734e61507059")}
"""What files begin with that are in the codec's own framing, which other tools than Hadoop write."""
_PACKAGE = "cramjam"
SPLITTABLE = frozenset((".bz2",))
"""Suffixes of compressed text that Spark cuts into tasks."""
_NOT_ON_SPARK = frozenset((".tgz", ".xz"))
_NOWHERE = frozenset((".7z", ".br", ".lzma", ".lzo", ".rar", ".sz", ".z", ".zip"))
_REMEDY = "unpack it, or compress it with zstd, gzip or bzip2"


def suffix_of(path: str) -> str:
    """The end of a file's name from its last dot, in lower case; empty where there is none."""
    return os.path.splitext(path)[1].lower()


def is_compressed(path: str) -> bool:
    """Whether the name of a file tells a codec that `open_unpacked` reads."""
    return suffix_of(path) in _CODECS


def open_unpacked(path: str) -> Any:
    """Open a file as a stream of its bytes, unpacked by its suffix. Raises OSError, also while it is read.

    `METER` hears how much of the file is read.
    """
    import pyarrow as pa

    codec = _CODECS.get(suffix_of(path))
    raw = _Metered(open_stream(path))
    if codec is None:
        return raw
    if isinstance(codec, str):
        return pa.CompressedInputStream(pa.PythonFile(raw, "r"), codec)
    return io.BufferedReader(_Unpacked(raw, codec(raw, path)), _CHUNK)


def refuse_codecs(paths: Iterable[str]) -> None:
    """Raise SourceError for the first file that no engine unpacks, or that lacks a package here."""
    for path in paths:
        suffix = suffix_of(path)
        if suffix in _NOWHERE:
            raise SourceError(f"{PLACE}: {path}: {suffix} is not read; {_REMEDY}")
        if suffix in _FRAMES and importlib.util.find_spec(_PACKAGE) is None:
            raise SourceError(f"{PLACE}: {path}: {suffix} needs {_PACKAGE}: pip install 'genspark[codecs]'")


def refuse_on_spark(uris: Iterable[str]) -> None:
    """Raise SourceError for the first file that Spark's readers of text do not unpack, so that none is misread."""
    looked_at = []
    for uri in uris:
        suffix = suffix_of(uri)
        if suffix in _NOWHERE:
            raise SourceError(f"{PLACE}: {uri}: {suffix} is not read; {_REMEDY}")
        if suffix in _NOT_ON_SPARK:
            raise SourceError(f"{PLACE}: {uri}: Spark does not read {suffix}; set engine: polars, or {_REMEDY}")
        if suffix in _FRAMES:
            looked_at.append(uri)
    with ThreadPoolExecutor(16) as threads:
        for why in threads.map(_why_not_hadoops, looked_at):
            if why:
                raise SourceError(why)


def _why_not_hadoops(uri: str) -> str | None:
    """The reason why Spark must not read this file of snappy or lz4; None where it may."""
    suffix = suffix_of(uri)
    try:
        # Spark quotes the names of every store, and local paths alone are unquoted where they are opened.
        with open_file(absolute(unquote(uri) if is_uri(uri) else uri)) as file:
            head = file.read(len(_FRAMES[suffix]))
    except (OSError, ValueError, StoreError):
        return f"{PLACE}: {uri}: this process cannot see whether its framing is Hadoop's, which Spark reads; {_REMEDY}"
    if not head or _is_hadoops(head):
        return None
    other = "set engine: polars, or " if suffix == ".lz4" and head == _FRAMES[suffix] else ""
    return f"{PLACE}: {uri}: Spark reads {suffix} in Hadoop's framing alone, and this is another; {other}{_REMEDY}"


def _is_hadoops(head: bytes) -> bool:
    """Whether a file may begin so: with the length of a block."""
    return not any(head.startswith(frame) for frame in _FRAMES.values()) and int.from_bytes(head[:4]) < _MOST


class _Metered:
    """A stream of a file's bytes, of which `METER` hears. Streams of stores do not tell how far they are."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    @property
    def closed(self) -> bool:
        return bool(self._raw.closed)

    def read(self, size: int = -1) -> bytes:
        data = bytes(self._raw.read(size))
        METER.add(size=len(data))
        return data

    def close(self) -> None:
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Unpacked(io.RawIOBase):
    """A stream of the chunks that unpacking yields; it closes the stream below."""

    def __init__(self, raw: Any, chunks: Iterator[bytes]) -> None:
        self._raw, self._chunks, self._rest = raw, chunks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


def _inflated(raw: Any, path: str) -> Iterator[bytes]:
    """The bytes of a zlib stream, as Hadoop writes `.deflate`."""
    inflate = zlib.decompressobj()
    try:
        while chunk := raw.read(_CHUNK):
            yield inflate.decompress(bytes(chunk))
    except zlib.error as error:
        raise OSError(f"{path}: {error}") from error
    if not inflate.eof:
        raise OSError(f"{path}: Truncated compressed stream")


def _of_xz(raw: Any, path: str) -> Iterator[bytes]:
    try:
        with lzma.LZMAFile(raw) as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except (lzma.LZMAError, EOFError) as error:
        raise OSError(f"{path}: {error}") from error


def _of_lz4(raw: Any, path: str) -> Iterator[bytes]:
    """The bytes of lz4, in its own framing or in Hadoop's."""
    import cramjam
    import pyarrow as pa

    def unpack(chunk: bytes, most: int) -> bytes:
        out = bytearray(most)
        return bytes(out[: cramjam.lz4.decompress_block_into(chunk, out)])

    head = bytes(raw.read(4))
    if head != _FRAMES[".lz4"]:
        yield from _of_hadoop(_Prefixed(head, raw), path, unpack)
        return
    with pa.CompressedInputStream(pa.PythonFile(_Prefixed(head, raw), "r"), "lz4") as stream:
        while chunk := stream.read(_CHUNK):
            yield bytes(chunk)


def _of_snappy(raw: Any, path: str) -> Iterator[bytes]:
    """The bytes of snappy in Hadoop's framing."""
    import cramjam

    return _of_hadoop(raw, path, lambda chunk, _: bytes(cramjam.snappy.decompress_raw(chunk)))


def _of_hadoop(raw: Any, path: str, unpack: Callable[[bytes, int], bytes]) -> Iterator[bytes]:
    """The bytes of Hadoop's framing: blocks of a length, then chunks of a length until the block is full."""
    while head := _exactly(raw, 4, path, may_end=True):
        if head == _FRAMES[".snappy"][:4]:
            raise OSError(f"{path}: is not in Hadoop's framing, which alone is read; {_REMEDY}")
        left = int.from_bytes(head)
        while left > 0:
            size = int.from_bytes(_exactly(raw, 4, path))
            if max(left, size) > _MOST:
                raise OSError(f"{path}: is damaged, or not in Hadoop's framing")
            packed = _exactly(raw, size, path)
            try:
                chunk = unpack(packed, left)
            # The library has an error of its own for damaged bytes.
            except Exception as error:
                raise OSError(f"{path}: {error}") from error
            if not chunk or len(chunk) > left:
                raise OSError(f"{path}: is damaged: a block is longer than it says")
            left -= len(chunk)
            yield chunk


def _exactly(raw: Any, size: int, path: str, *, may_end: bool = False) -> bytes:
    """So many bytes; none at the end where `may_end`."""
    data = bytes(raw.read(size))
    while 0 < len(data) < size and (more := raw.read(size - len(data))):
        data += bytes(more)
    if len(data) < size and not (may_end and not data):
        raise OSError(f"{path}: Truncated compressed stream")
    return data


class _Prefixed:
    """A stream whose first bytes were read already."""

    closed = False

    def __init__(self, head: bytes, raw: Any) -> None:
        self._head, self._raw = head, raw

    def read(self, size: int = -1) -> bytes:
        head, self._head = self._head, b""
        return head or bytes(self._raw.read(size))

    def close(self) -> None:
        return


_CODECS: Mapping[str, str | Callable[[Any, str], Iterator[bytes]]] = {
    ".gz": "gzip",
    ".tgz": "gzip",
    ".bz2": "bz2",
    ".zst": "zstd",
    ".deflate": _inflated,
    ".lz4": _of_lz4,
    ".snappy": _of_snappy,
    ".xz": _of_xz,
}
"""The codecs by suffix: what PyArrow calls it, or how a stream becomes chunks."""
