"""Read the text of a shard in blocks of whole lines, decompressed on the way, in bounded memory."""

from __future__ import annotations

import io
from collections.abc import Iterator

import polars as pl

from genspark.sources.codecs import open_unpacked

BLOCK = 8 << 20
"""Bytes that are read at a time."""
_BOM = b"\xef\xbb\xbf"


def blocks(path: str, encoding: str = "utf-8", size: int | None = None) -> Iterator[bytes]:
    """Yield blocks of whole lines as UTF-8, with a line feed for every end of a line.

    `BLOCK` bytes are read at a time, or `size`. Raises OSError.
    """
    rest = b""
    is_first = True
    with open_unpacked(path) as stream:
        while read := stream.read(size or BLOCK):
            data = rest + bytes(read)
            if is_first:
                data, is_first = data.removeprefix(_BOM), False
            end = _last_end(data)
            rest = data[end:]
            if end:
                yield _clean(data[:end], encoding)
    if rest:
        yield _clean(rest, encoding)


def lines(block: bytes) -> pl.Series:
    """Split a block into its lines, without their ends."""
    return pl.scan_lines(io.BytesIO(block), name="line").collect()["line"]


def _last_end(data: bytes) -> int:
    """The end of the last whole line. A carriage return at the very end may be the first half of a line's end."""
    return max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1


def _clean(data: bytes, encoding: str) -> bytes:
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not data.endswith(b"\n"):
        data += b"\n"
    if encoding != "utf-8":
        return data.decode(encoding, "replace").encode()
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode(errors="replace").encode()
    return data
