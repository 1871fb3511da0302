"""Functions of ours inside of Polars' streaming queries, and the errors that come out of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import polars as pl

from genspark.errors import GensparkError

Result = TypeVar("Result")
Given = TypeVar("Given")

# Polars makes an exception of its own of one that a function of ours raises: the original is kept here.
_raised: list[GensparkError] = []


def streamed(run: Callable[[], Result]) -> Result:
    """What a streaming query gives. An error of ours that was raised inside of it comes out as itself."""
    _raised.clear()
    try:
        return run()
    except Exception:
        if _raised:
            raise _raised[0] from None
        raise


def remembered(see: Callable[[Given], Result]) -> Callable[[Given], Result]:
    """The function, whose errors `streamed` raises as they were."""

    @functools.wraps(see)
    def seeing(batch: Given) -> Result:
        try:
            return see(batch)
        except GensparkError as error:
            _raised.append(error)
            raise

    return seeing


def observed(frame: pl.LazyFrame, see: Callable[[pl.DataFrame], Any]) -> pl.LazyFrame:
    """The frame, whose every batch is shown to `see` whole, with every column."""

    @remembered
    def seen(batch: pl.DataFrame) -> pl.DataFrame:
        see(batch)
        return batch

    return frame.map_batches(
        seen,
        predicate_pushdown=False,
        projection_pushdown=False,
        slice_pushdown=False,
        validate_output_schema=False,
        streamable=True,
    )
