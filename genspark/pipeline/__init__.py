"""Steps planned into the fewest scans, fitted, and applied: `Pipeline` and `PipelineModel`."""

from genspark.pipeline.model import PipelineModel
from genspark.pipeline.pipeline import Pipeline
from genspark.pipeline.private import Private

__all__ = ["Pipeline", "PipelineModel", "Private"]
