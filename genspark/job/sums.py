"""The check that the rows of a run add up."""

from __future__ import annotations

from collections.abc import Mapping

from genspark.errors import DataError


def adds_up(observed: Mapping[str, int], *, written: int, aside: int, shards: int) -> bool:
    """Whether the rows read are those written, dropped and quarantined; the arguments are those of `check_sums`."""
    read, dropped, quarantined = (observed[name] for name in ("read", "dropped", "quarantined"))
    return read == written + dropped + quarantined and aside == quarantined + shards


def check_sums(observed: Mapping[str, int], *, written: int, aside: int, shards: int) -> None:
    """Raise DataError where the counts of rows differ: the source gave other rows in another pass.

    `observed` are the rows read, dropped and quarantined by the pass that wrote, `written` and `aside` those in the
    table and in the quarantine, which has a row for each of the `shards` left out too.
    """
    if not adds_up(observed, written=written, aside=aside, shards=shards):
        read, dropped, quarantined = (observed[name] for name in ("read", "dropped", "quarantined"))
        raise DataError(
            f"rows do not add up: read {read}, written {written}, "
            f"quarantined {aside} of {quarantined}, dropped {dropped}; "
            "the source changed while the job read it, so nothing was kept: run again"
        )
