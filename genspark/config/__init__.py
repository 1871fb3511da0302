"""YAML <-> `JobConfig`: unknown keys refused, every mistake told at once."""

from genspark.config.job import JobConfig, json_schema
from genspark.config.sections import ModelFile, Quarantine, Sink, Source

__all__ = ["JobConfig", "ModelFile", "Quarantine", "Sink", "Source", "json_schema"]
