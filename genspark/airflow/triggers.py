"""The trigger behind a deferred run: it holds no worker's slot while a cluster or a Connect server works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from genspark.airflow.submission import Submission


class GensparkRunTrigger(BaseTrigger):  # type: ignore[misc]
    """Starts a submission in the triggerer, asks until it is done, and fires with what became of it.

    A triggerer that takes over from one that died starts it again. That costs time and no rows: a run that is in the
    table is not done again, and of two at the same time one does the work.
    """

    def __init__(self, **submission: Any) -> None:
        super().__init__()
        self.submission = submission

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and its arguments."""
        return f"{type(self).__module__}.{type(self).__qualname__}", self.submission

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire once."""
        yield TriggerEvent(await Submission(**self.submission).outcome())
