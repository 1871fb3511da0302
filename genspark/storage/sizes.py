"""Numbers of bytes, and of other things, as a person reads them."""

from __future__ import annotations


def size_text(count: float, decimals: int = 1) -> str:
    """A number of bytes, such as `240.5 KB`; units are powers of 1000."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.{0 if unit == 'bytes' else decimals}f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def counted(count: int, noun: str) -> str:
    """A number of things, such as `1 file` or `2,000 files`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
