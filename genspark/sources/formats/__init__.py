"""The source formats, one file or folder each. Every module here is imported, which registers its `Format`."""

from __future__ import annotations

import importlib
import pkgutil

from genspark.sources.format import Format

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def format_of(name: str) -> Format:
    """The format of this name, one of `names`."""
    return Format.registry[name]()


def names() -> list[str]:
    """The values that `source.format` may have, in alphabetical order."""
    return sorted(Format.registry)
