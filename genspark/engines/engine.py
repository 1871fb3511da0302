"""The contract of an engine: it does everything that touches data, and decides nothing about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import narwhals as nw

from genspark.columns.dtypes import Schema, is_hashable
from genspark.columns.expressions import any_of, without_nan
from genspark.columns.hashing import Drawn, KeyHash
from genspark.columns.kernels import Kernel
from genspark.engines.gathered import Gathered
from genspark.errors import SchemaError, did_you_mean
from genspark.statistics import State, Statistic
from genspark.steps.judge import Judge
from genspark.steps.learner import Parameters
from genspark.steps.rejection import Rejection

Build = Callable[["Engine", Any], Any]
"""(engine, narwhals frame) -> narwhals frame."""


class Engine(ABC):
    """Runs scans and adds what narwhals cannot express. All frames are narwhals frames."""

    def check_names(self, frame: Any) -> None:
        """Raise SchemaError where the engine cannot tell the frame's columns apart."""
        return

    def without_nan(self, frame: Any, columns: Iterable[str]) -> Any:
        """Replace NaN by null in those of the columns that hold floats."""
        return without_nan(frame, columns)

    def run(self, frame: Any, build: Build, built: dict[Any, Any]) -> Any:
        """The native frame that `build` makes of this one. `built` is a cache that the next call may use."""
        return nw.to_native(build(self, frame))

    @abstractmethod
    def gather(self, frame: Any, statistics: Sequence[Statistic]) -> Gathered:
        """The parts of these statistics over all rows, in exactly one pass over the data."""

    def scan(self, frame: Any, statistics: Sequence[Statistic]) -> dict[Statistic, State]:
        """The states of these statistics over all rows, in exactly one pass over the data."""
        return self.gather(frame, statistics).states()

    @abstractmethod
    def with_draws(self, frame: Any, key: Sequence[str], draws: Sequence[Drawn]) -> Any:
        """The frame with a column `draw.column` for each draw, from the hash of the key's columns.

        A draw is a Float64, a `KeyHash` an Int64.
        """

    @abstractmethod
    def with_kernels(self, frame: Any, kernels: Sequence[Kernel]) -> Any:
        """The frame with the kernels' outputs; a kernel may read the outputs of those before it."""

    @abstractmethod
    def with_error_rules(self, frame: Any, label: str, rejections: Sequence[Rejection]) -> Any:
        """Make a row that breaks a rule of action `error` raise DataError when it is read; the rows stay the same."""

    def remove(self, frame: Any, label: str, rejections: Sequence[Rejection]) -> Any:
        """The frame without the rejected rows; a rule of action `error` acts as in `with_error_rules`."""
        frame = self.with_error_rules(frame, label, rejections)
        removing = [rejection.predicate for rejection in rejections if rejection.action != "error"]
        return self.filtered(frame, ~any_of(removing)) if removing else frame

    def filtered(self, frame: Any, predicate: nw.Expr) -> Any:
        """The rows for which a predicate is true."""
        return frame.filter(predicate)

    def before(self, frame: Any, step: Judge, parameters: Parameters) -> Any:
        """Prepare a frame for the step's transform: remove the rows that the step rejects."""
        rejections = step.rejections(parameters)
        return self.remove(frame, step.told_as, rejections) if rejections else frame


def key_columns(key: Sequence[str], schema: Schema) -> tuple[str, ...]:
    """The columns that identify a row: those named, or else every column that holds plain values.

    Raises SchemaError where a name is not a column, or nothing can be hashed.
    """
    absent = [column for column in key if column not in schema]
    if absent:
        raise SchemaError([f"key: {column!r} is not a column{did_you_mean(column, schema)}" for column in absent])
    nested = [column for column in key if not is_hashable(schema[column])]
    if nested:
        raise SchemaError([f"key: {c!r} is {schema[c]}, which cannot be hashed; name another column" for c in nested])
    columns = tuple(key) or tuple(column for column, dtype in schema.items() if is_hashable(dtype))
    if not columns:
        raise SchemaError("key: no column holds values that can be hashed; add one that identifies a row")
    return columns


def over_columns(
    key: Sequence[str], draws: Sequence[Drawn], there: Collection[str]
) -> Mapping[tuple[str, ...], list[Drawn]]:
    """Group the draws by the columns whose hash decides them, but for hashes that are `there` among the columns."""
    groups: dict[tuple[str, ...], list[Drawn]] = {}
    for draw in draws:
        if isinstance(draw, KeyHash) and draw.column in there:
            continue
        groups.setdefault(draw.over or tuple(key), []).append(draw)
    return groups
