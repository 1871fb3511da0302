"""Tar shards in the layout of WebDataset: `format` is the source format, `samples` reads the files of an archive."""

from genspark.sources.formats.tar.format import Tar

__all__ = ["Tar"]
