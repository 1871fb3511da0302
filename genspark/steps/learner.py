"""Learners, which learn from a step's input what the step needs to transform it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

from genspark.columns.dtypes import Schema
from genspark.columns.hashing import Drawn
from genspark.statistics import Derivation, State, Statistic

Parameters = Mapping[str, Any]
"""The result of learning, as plain JSON: all that `transform` and `inverse` need."""


class Learner(ABC):
    """Learns the parameters of one bound step.

    Asks for statistics of the step's input and makes parameters of their states. Every method is pure: a
    learner sees states, never data. One that asks for no statistics learns from the schema alone.
    """

    def statistics(self) -> Sequence[Statistic]:
        """The statistics of the step's input that `parameters` needs."""
        return ()

    def draws(self) -> Sequence[Drawn]:
        """The random numbers that the statistics need and `transform` does not, such as to sample rows."""
        return ()

    @abstractmethod
    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        """The parameters, from the states of `statistics()` and the schema of the step's input."""

    def rewrite(self, wanted: Statistic) -> Derivation | None:
        """Derive a statistic of the step's output from statistics of its input; None: scan the output.

        Asked only for statistics that read, or are grouped by, a column which the step writes.
        """
        return None

    def discreet(self, columns: frozenset[str]) -> Self:
        """The same learner, whose errors and parameters say no value of these columns, which tell of persons."""
        return self

    @property
    def rounds(self) -> int:
        """The most scans that may follow the first, one for each round of refinement."""
        return 0

    def refinement(self, parameters: Parameters) -> Sequence[Statistic]:
        """The statistics of the next round, which depend on the parameters so far; empty when they are final."""
        return ()

    def refined(self, parameters: Parameters, states: Mapping[Statistic, State]) -> Parameters:
        """Better parameters, from the states of `refinement(parameters)`."""
        return parameters
