"""Mergeable statistics: one request a file, states that are plain JSON."""

from genspark.statistics.base import Derivation, State, Statistic, from_json
from genspark.statistics.extremes import Extremes
from genspark.statistics.frequencies import Frequencies
from genspark.statistics.moments import Moments
from genspark.statistics.quantiles import Quantiles

__all__ = ["Derivation", "Extremes", "Frequencies", "Moments", "Quantiles", "State", "Statistic", "from_json"]
