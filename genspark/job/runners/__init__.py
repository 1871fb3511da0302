"""Runners, which run jobs on each engine, and the choice among them."""

from genspark.job.runners.choice import Choice, choose

__all__ = ["Choice", "choose"]
