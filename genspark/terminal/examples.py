"""The example configurations: conf/ of a checkout, or the copy that travels in the wheel."""

from __future__ import annotations

from pathlib import Path

from genspark.errors import ConfigError, did_you_mean

_PACKAGE = Path(__file__).parents[1]


def example(name: str) -> Path:
    """The path of an example configuration. Raises ConfigError with the names there are."""
    for folder in (_PACKAGE / "conf", _PACKAGE.parent / "conf"):
        if (folder / name).is_file():
            return folder / name
    raise ConfigError(f"{name!r} is not an example{did_you_mean(name, examples())}")


def examples() -> list[str]:
    """The names of the example configurations."""
    folders = (_PACKAGE / "conf", _PACKAGE.parent / "conf")
    return sorted({path.name for folder in folders if folder.is_dir() for path in folder.glob("*.yaml")})
