"""The text of a shard in blocks of whole lines, decompressed on the way: memory does not grow with the shard."""

from __future__ import annotations

import io
from collections.abc import Iterator

import polars as pl

from genspark.storage.stores import open_stream

BLOCK = 8 << 20
_BOM = b"\xef\xbb\xbf"


def blocks(path: str, encoding: str = "utf-8", size: int | None = None) -> Iterator[bytes]:
    """UTF-8 whose lines all end with a line feed, however they were written; `BLOCK` bytes, or `size`, at a time.

    Raises OSError.
    """
    rest = b""
    is_first = True
    with open_stream(path) as stream:
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
    """The lines of a block."""
    return pl.scan_lines(io.BytesIO(block), name="line").collect()["line"]


def _last_end(data: bytes) -> int:
    """Where the last whole line ends. A carriage return at the very end may be half of a line's end."""
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
