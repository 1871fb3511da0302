"""genspark: one YAML, raw shards in, a Delta table ready for training generative models out.

Public names are imported when they are first asked for, so that `import genspark` takes milliseconds.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from genspark.version import VERSION

if TYPE_CHECKING:
    from genspark.config import JobConfig
    from genspark.job import run
    from genspark.pipeline import Pipeline, PipelineModel
    from genspark.readers import TrainingTable

if sys.platform == "linux":
    # Polars' memory by processor, if Polars is not loaded yet: what one thread gives back, another one takes again.
    os.environ.setdefault("_RJEM_MALLOC_CONF", "percpu_arena:percpu")

__version__ = VERSION

__all__ = ["JobConfig", "Pipeline", "PipelineModel", "TrainingTable", "__version__", "run"]

_HOMES = {
    "JobConfig": "genspark.config",
    "Pipeline": "genspark.pipeline",
    "PipelineModel": "genspark.pipeline",
    "TrainingTable": "genspark.readers",
    "run": "genspark.job",
}
_ROOMS = ("config", "errors", "evaluate", "job", "pipeline", "readers", "session", "steps")


def __getattr__(name: str) -> Any:
    """A public name or room, imported now and kept."""
    if name in _ROOMS:
        return importlib.import_module(f"genspark.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'genspark' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
