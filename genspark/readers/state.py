"""Where a reading stands, in less than 200 bytes, the same on every rank."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genspark.errors import ConfigError, SourceError


@dataclass(frozen=True)
class Position:
    """The next global batch of a reading: its epoch, and its step in the epoch."""

    epoch: int = 0
    step: int = 0


@dataclass(frozen=True)
class Identity:
    """What a position is a position in: the table, its version, and the plan of the order (both digests in short)."""

    table: str
    version: int
    plan: str

    def state(self, position: Position) -> dict[str, Any]:
        """The position as a plain dictionary."""
        plan = {"table": self.table, "version": self.version, "plan": self.plan}
        return {**plan, "epoch": position.epoch, "step": position.step}

    def position(self, state: Mapping[str, Any]) -> Position:
        """The position that a state tells. Raises SourceError where it is one of another reading."""
        try:
            theirs = Identity(str(state["table"]), int(state["version"]), str(state["plan"]))
            position = Position(int(state["epoch"]), int(state["step"]))
        except (KeyError, TypeError, ValueError):
            raise SourceError(f"load_state_dict: {state!r} is no state of a training reader") from None
        if theirs.table != self.table:
            raise SourceError(f"load_state_dict: the state is of table {theirs.table}, and this is {self.table}")
        if theirs.version != self.version:
            raise SourceError(
                f"load_state_dict: the state is of version {theirs.version} of the table, and this is {self.version}; "
                f"open the table with version={theirs.version}"
            )
        if theirs.plan != self.plan:
            raise SourceError(
                "load_state_dict: the state is of another order; where, global_batch_size, seed, coverage, shuffle and "
                "window must be those that it was taken with"
            )
        if position.epoch < 0 or position.step < 0:
            raise SourceError(f"load_state_dict: {state!r} is no place in an epoch")
        return position


class Place(ABC):
    """A reader as a place in the data: iterating goes on from it; where it stands can be told, and gone to."""

    _position: Position = Position()

    @property
    @abstractmethod
    def identity(self) -> Identity:
        """What the reader's states are states of."""

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch; a reader that is in it stays where it is."""
        if epoch < 0:
            raise ConfigError(f"epoch: {epoch} is none; give 0 or more")
        if epoch != self._position.epoch:
            self._position = Position(epoch, 0)

    def state_dict(self) -> dict[str, Any]:
        """Where the reader stands: after the last global batch that was taken whole. It is the same on every rank."""
        return self.identity.state(self._position)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where a reader stood, of this or of any other rank, world and accumulation. Raises SourceError."""
        self._position = self.identity.position(state)
