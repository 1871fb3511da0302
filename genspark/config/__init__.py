"""YAML <-> `JobConfig`: unknown keys are refused, and all mistakes are reported together."""

from genspark.config.evaluation import Evaluate, Evaluation, Side
from genspark.config.job import JobConfig, json_schema
from genspark.config.sections import Card, Ledger, Lineage, ModelFile, Quarantine, Sink, Source

__all__ = [
    "Card",
    "Evaluate",
    "Evaluation",
    "JobConfig",
    "Ledger",
    "Lineage",
    "ModelFile",
    "Quarantine",
    "Side",
    "Sink",
    "Source",
    "json_schema",
]
