"""Progress of the running jobs, in tasks: polled from a classic session, or reported by a Connect server."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from genspark.polling import INTERVAL, polled

if TYPE_CHECKING:
    from pyspark.core.status import StatusTracker
    from pyspark.sql import SparkSession

Report = Callable[[int, int], None]
_LAST_BREATH = 4.0  # Spark gives a Python worker 2 seconds to end, and looks every 2


class StageCount:
    """Counts the done and the known tasks of every stage that ran since the count began.

    Stages are remembered, because the tracker forgets a job as soon as it has ended.
    """

    def __init__(self, tracker: StatusTracker) -> None:
        self._tracker = tracker
        self._open: dict[int, set[int]] = {}
        self._tasks: dict[int, tuple[int, int]] = {}

    def look(self) -> tuple[int, int]:
        """Return `(done, known)` now; only stages that had not ended at the last look are asked about."""
        active = set(self._tracker.getActiveJobsIds())
        for job in active - self._open.keys():
            info = self._tracker.getJobInfo(job)
            self._open[job] = set(info.stageIds) if info else set()
        for job, stages in list(self._open.items()):
            self._look_at(stages)
            if job not in active:
                self._close(job)
        return _total(self._tasks.values())

    def _look_at(self, stages: Iterable[int]) -> None:
        for stage in stages:
            done, known = self._tasks.get(stage, (0, 0))
            if known and done == known:
                continue
            info = self._tracker.getStageInfo(stage)
            if info is not None:
                self._tasks[stage] = (info.numCompletedTasks, info.numTasks)

    def _close(self, job: int) -> None:
        """Close a job. A stage whose output existed already was skipped, so its tasks do not count as known."""
        for stage in self._open.pop(job):
            if self._tasks.get(stage, (1, 1))[0] == 0:
                del self._tasks[stage]


def tracked(tracker: StatusTracker, report: Report) -> contextlib.AbstractContextManager[None]:
    """Ask a classic session while the block runs. It may stop meanwhile, or the report fail: then that is the end."""
    count = StageCount(tracker)
    return polled(lambda: report(*count.look()), "genspark-progress")


@contextlib.contextmanager
def reported(spark: SparkSession, report: Report) -> Iterator[None]:
    """Pass on the progress that a Connect server reports, summed over the operations of the block."""
    operations: dict[str | None, tuple[int, int]] = {}
    broken = False

    def handler(*, stages: Iterable[Any] | None, operation_id: str | None, done: bool, **_: object) -> None:
        nonlocal broken
        if broken or stages is None:
            return
        try:
            counts = [(stage.num_completed_tasks, stage.num_tasks) for stage in stages]
            # At the end the server lists the stages that were skipped too, and may not have heard of the last tasks.
            counts = [(known, known) for finished, known in counts if finished] if done else counts
            operations[operation_id] = _total(counts)
            report(*_total(operations.values()))
        except Exception:  # whatever a report raises, the query goes on
            broken = True

    spark.registerProgressHandler(handler)  # type: ignore[arg-type]
    try:
        yield
    finally:
        with contextlib.suppress(Exception):
            spark.removeProgressHandler(handler)  # type: ignore[arg-type]


def settle(tracker: Any, at_most: float = 10.0) -> None:
    """Wait until no task runs and none that was killed can still write, for at most `at_most` seconds."""
    if tracker is None:
        time.sleep(_LAST_BREATH)
        return
    end = time.monotonic() + at_most
    while time.monotonic() < end and any(info.numRunningTasks() for info in tracker.getExecutorInfos()):
        time.sleep(INTERVAL)
    # Of a task that Spark has given up the Python worker lives on for a while.
    time.sleep(_LAST_BREATH)


def _total(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    pairs = list(counts)
    return sum(done for done, _ in pairs), sum(known for _, known in pairs)
