"""YAML <-> `JobConfig`: unknown keys are refused, and all mistakes are reported together."""

from genspark.config.beside import Card, Ledger, Lineage, ModelFile, Tracking
from genspark.config.evaluation import Evaluate, Evaluation, Side
from genspark.config.job import JobConfig, json_schema
from genspark.config.sections import Quarantine, Sink, Source
from genspark.config.trust import Audit, Drift, Privacy

__all__ = [
    "Audit",
    "Card",
    "Drift",
    "Evaluate",
    "Evaluation",
    "JobConfig",
    "Ledger",
    "Lineage",
    "ModelFile",
    "Privacy",
    "Quarantine",
    "Side",
    "Sink",
    "Source",
    "Tracking",
    "json_schema",
]
