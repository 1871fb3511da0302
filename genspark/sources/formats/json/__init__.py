"""JSON lines."""

from genspark.sources.formats.json.format import Json

__all__ = ["Json"]
