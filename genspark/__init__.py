"""genspark: one YAML, raw shards in, a Delta table ready for training generative models out."""

from genspark.config import JobConfig
from genspark.job import run
from genspark.pipeline import Pipeline, PipelineModel
from genspark.version import VERSION

__version__ = VERSION

__all__ = ["JobConfig", "Pipeline", "PipelineModel", "__version__", "run"]
