"""The source formats, one file or folder each: every module here is loaded, and registers its `Format`."""

from __future__ import annotations

import importlib
import pkgutil

from genspark.sources.format import Format

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def format_of(name: str) -> Format:
    """The format of a name that `names` has."""
    return Format.registry[name]()


def names() -> list[str]:
    """What `source.format` may be, in alphabetical order."""
    return sorted(Format.registry)
