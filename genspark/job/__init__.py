"""Whole jobs: source -> fit -> transform -> sink, on any engine."""

from genspark.job.job import Progress, Silent, fit, fit_update, plan, run, transform
from genspark.job.report import Count, RunReport
from genspark.job.update import UpdateReport

__all__ = ["Count", "Progress", "RunReport", "Silent", "UpdateReport", "fit", "fit_update", "plan", "run", "transform"]
