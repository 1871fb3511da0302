"""How the pages of a table's Parquet files are compressed, in the words of every writer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genspark.sinks.section import Section

_CODEC = "snappy"
_DEFAULT_LEVELS = {"zstd": 3, "gzip": 6}
"""Writers have defaults of their own, which differ."""
LEVELS: Mapping[str, range] = {"zstd": range(1, 23), "gzip": range(1, 10)}
_SUFFIXES = {"none": "", "gzip": ".gz", "lz4": ".lz4raw"}
_GZIP_ON_HADOOP = ("BEST_SPEED", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "BEST_COMPRESSION")


@dataclass(frozen=True)
class Compression:
    """A codec, one of `snappy`, `zstd`, `gzip`, `lz4` and `none`, and its level: None for a codec without levels.

    `lz4` is what Parquet calls LZ4_RAW: its older LZ4, of Hadoop's framing, is written by nobody any more.
    """

    codec: str = _CODEC
    level: int | None = None

    @classmethod
    def of(cls, section: Section) -> Compression:
        """What the section of a sink asks for."""
        return cls(section.compression, section.compression_level)

    @classmethod
    def told(cls, layout: Mapping[str, Any]) -> Compression:
        """What a table's layout property tells; the default where it does not."""
        level = layout.get("compression_level")
        return cls(str(layout.get("compression", _CODEC)), None if level is None else int(level))

    @property
    def chosen_level(self) -> int | None:
        """The level, or the codec's default."""
        return self.level if self.level is not None else _DEFAULT_LEVELS.get(self.codec)

    @property
    def suffix(self) -> str:
        """The end of a file's name, as Spark has it."""
        return f"{_SUFFIXES.get(self.codec, f'.{self.codec}')}.parquet"

    @property
    def for_arrow(self) -> dict[str, Any]:
        """The arguments of PyArrow's writer."""
        return {"compression": self.codec, "compression_level": self.chosen_level}

    @property
    def for_spark(self) -> dict[str, str]:
        """The options of Spark's writer."""
        return {"compression": "lz4_raw" if self.codec == "lz4" else self.codec}

    @property
    def on_hadoop(self) -> dict[str, str]:
        """The settings of a session, which it passes on to Parquet's writer: the level is no option of Spark's."""
        level = self.chosen_level
        if level is None:
            return {}
        if self.codec == "gzip":
            return {"zlib.compress.level": _GZIP_ON_HADOOP[level - 1]}
        return {"parquet.compression.codec.zstd.level": str(level)}


DEFAULT = Compression()
"""What files get where nothing else is asked for."""
