"""Python functions inside Polars' streaming queries, and the errors that come out of them."""

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
    """The result of a streaming query. An error raised by a function inside it comes out unchanged."""
    _raised.clear()
    try:
        return run()
    except Exception:
        if _raised:
            raise _raised[0] from None
        raise


def keeping_errors(function: Callable[[Given], Result]) -> Callable[[Given], Result]:
    """Wrap a function so that its errors are kept, and `streamed` raises them unchanged."""

    @functools.wraps(function)
    def call(batch: Given) -> Result:
        try:
            return function(batch)
        except GensparkError as error:
            _raised.append(error)
            raise

    return call


def with_callback(frame: pl.LazyFrame, callback: Callable[[pl.DataFrame], Any]) -> pl.LazyFrame:
    """Call `callback` with every batch, all its columns included, as the rows stream by; they stay the same."""

    @keeping_errors
    def call(batch: pl.DataFrame) -> pl.DataFrame:
        callback(batch)
        return batch

    return frame.map_batches(
        call,
        predicate_pushdown=False,
        projection_pushdown=False,
        slice_pushdown=False,
        validate_output_schema=False,
        streamable=True,
    )
