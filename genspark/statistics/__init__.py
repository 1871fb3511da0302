"""Mergeable statistics: one request a file, states that are plain JSON."""

from genspark.statistics.base import Derivation, State, Statistic, from_json
from genspark.statistics.combinations import Combinations
from genspark.statistics.covariance import Covariance
from genspark.statistics.elements import Elements
from genspark.statistics.expectation import Expectation
from genspark.statistics.extremes import Extremes
from genspark.statistics.frequencies import Frequencies
from genspark.statistics.moments import Moments
from genspark.statistics.ordered import Ordered
from genspark.statistics.powers import Powers
from genspark.statistics.quantiles import Quantiles
from genspark.statistics.repeats import Repeats
from genspark.statistics.sample import Sample
from genspark.statistics.signatures import Signatures

__all__ = [
    "Combinations",
    "Covariance",
    "Derivation",
    "Elements",
    "Expectation",
    "Extremes",
    "Frequencies",
    "Moments",
    "Ordered",
    "Powers",
    "Quantiles",
    "Repeats",
    "Sample",
    "Signatures",
    "State",
    "Statistic",
    "from_json",
]
