"""The formats of tables, one file or folder each. Every module here is imported, which registers its `FileSink`."""

from __future__ import annotations

import importlib
import pkgutil

from genspark.sinks.sink import FileSink

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def sink_of(name: str) -> type[FileSink]:
    """The sink of the format of this name, one of `names`."""
    return FileSink.registry[name]


def names() -> list[str]:
    """The values that `sink.format` may have, in alphabetical order."""
    return sorted(FileSink.registry)
