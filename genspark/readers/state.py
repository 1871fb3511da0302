"""Where a reading stands, in less than 200 bytes, the same on every rank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genspark.errors import SourceError


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
