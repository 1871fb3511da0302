"""Whole jobs: source -> fit -> transform -> sink, on any engine."""

from genspark.job.asked import Standing, standing
from genspark.job.job import fit, fit_update, plan, run, transform
from genspark.job.progress import Progress, Silent
from genspark.job.recorded import recorded_job
from genspark.job.replay import replay
from genspark.job.report import Count, RunReport
from genspark.job.update import UpdateReport

__all__ = [
    "Count",
    "Progress",
    "RunReport",
    "Silent",
    "Standing",
    "UpdateReport",
    "fit",
    "fit_update",
    "plan",
    "recorded_job",
    "replay",
    "run",
    "standing",
    "transform",
]
