"""The check that the rows of a run add up."""

from __future__ import annotations

from collections.abc import Mapping

from genspark.errors import DataError


def check_sums(observed: Mapping[str, int], *, written: int, aside: int, shards: int) -> None:
    """Raise DataError where the counts of rows differ: the source gave other rows in another pass.

    `observed` are the rows read, dropped and quarantined by the pass that wrote, `written` and `aside` those in the
    table and in the quarantine, which has a row for each of the `shards` left out too.
    """
    read, dropped, quarantined = (observed[name] for name in ("read", "dropped", "quarantined"))
    if read != written + dropped + quarantined or aside != quarantined + shards:
        raise DataError(
            f"rows do not add up: read {read}, written {written}, "
            f"quarantined {aside} of {quarantined}, dropped {dropped}; "
            "the source changed while the job read it, so nothing was kept: run again"
        )
