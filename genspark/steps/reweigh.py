"""Weigh rows so that groups and labels are independent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import narwhals as nw
from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import HIDDEN
from genspark.columns.hashing import Draw
from genspark.columns.kernels import Kernel
from genspark.columns.lookup import PerGroup, lookup
from genspark.errors import DataError, SchemaError
from genspark.statistics import Frequencies, Repeats, State, Statistic
from genspark.statistics.groups import check_by, states_by_group
from genspark.statistics.repeats import distinct
from genspark.steps.base import STEP_CONFIG, Step, check_fields
from genspark.steps.learner import Learner, Parameters
from genspark.steps.matching import as_tuple, refuse_taken

WEIGHT = f"{HIDDEN}weight"


@plain_dataclass(frozen=True)
class Counting(Learner):
    """Counts each label in each group, and weighs each pair of them; and how many rows share their `draw`, if any."""

    groups: tuple[str, ...]
    label: str
    told_as: str
    draw: Draw | None

    def statistics(self) -> Sequence[Statistic]:
        return [self._counts] if self.draw is None else [self._counts, Repeats((self.draw.column,))]

    def draws(self) -> Sequence[Draw]:
        return [] if self.draw is None else [self.draw]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        counts: dict[tuple[Any, ...], int] = {}
        for group, state in states_by_group(states[self._counts]).items():
            if state["error"]:
                raise DataError(
                    f"{self.told_as}: label: {self.label!r} has more than {self._counts.capacity:,} distinct values; "
                    "weights are for labels of few"
                )
            counts |= {(*group, value): count for value, count in state["values"]}
        return {**weights(counts), **self._shared(states)}

    def _shared(self, states: Mapping[Statistic, State]) -> Parameters:
        """How many rows were drawn for, and the distinct draws that they have; nothing where each has its own."""
        if self.draw is None:
            return {}
        state = states[Repeats((self.draw.column,))]
        drawn = {"rows": state["count"], "draws": distinct(state)}
        return {"drawn": drawn} if drawn["draws"] < drawn["rows"] else {}

    @property
    def _counts(self) -> Frequencies:
        return Frequencies((self.label,), by=self.groups)


def weights(counts: Mapping[tuple[Any, ...], int]) -> Parameters:
    """The weight of each (*group, label) that was counted: P(group) P(label) / P(group, label).

    Source: F. Kamiran, T. Calders, "Data preprocessing techniques for classification without discrimination", 2012,
    equation 1.
    """
    of_group: dict[tuple[Any, ...], int] = {}
    of_label: dict[Any, int] = {}
    for (*group, label), count in counts.items():
        of_group[tuple(group)] = of_group.get(tuple(group), 0) + count
        of_label[label] = of_label.get(label, 0) + count
    rows = sum(counts.values())
    pairs = {pair: of_group[pair[:-1]] * of_label[pair[-1]] / (rows * count) for pair, count in counts.items()}
    return {"pairs": [list(pair) for pair in pairs], "weights": list(pairs.values())}


@dataclass(config=STEP_CONFIG)
class Reweigh(Step):
    """Add a column of weights, or of how often rows are taken, under which the label does not depend on the group.

    The weight of a row, a Float64, is P(group) P(label) / P(group, label), of the rows that the step is fitted on: the
    weighted share of each label is then the same in every group, and the weights of all rows sum to their number. Null
    in a group column is a group. A row without a label has no weight (null), nor is it counted; a pair of group and
    label that was not seen weighs 1. Trainers multiply each row's loss by its weight.

    With method `repeat` the column says how often a reader should take the row, Int64: the weight without its
    fraction, and one more with the fraction's chance, drawn by the hash of the row's key. Then the expected number of
    rows of each group and label is that of the weights; a weight below 1 leaves rows out. A row without a label counts
    once. Rows of one key share their draw (without a key, rows that are equal in all columns), so that they are taken
    alike, and all rows of a small group may be left out: the report tells how many do. Name a `key` that each row has
    for itself.

    Source: F. Kamiran, T. Calders, "Data preprocessing techniques for classification without discrimination", 2012.
    """

    groups: Annotated[
        tuple[str, ...],
        BeforeValidator(as_tuple, json_schema_input_type=str | tuple[str, ...]),
        Field(min_length=1, description="The columns whose values make the groups.", examples=["b"]),
    ]
    label: str = Field(min_length=1, description="The column with the outcome: of few values.", examples=["s"])
    method: Literal["weight", "repeat"] = Field(
        default="weight", description="weight: numbers for the loss; repeat: how often each row is taken."
    )
    column: str | None = Field(
        default=None, min_length=1, description="The column that is added; left out: `weight`, or `_repeat`."
    )
    seed: int = Field(default=0, description="repeat: another number draws others.")

    kind: ClassVar[str] = "reweigh"

    @model_validator(mode="after")
    def _seeds_draw(self) -> Self:
        check_fields(self, "method", {"seed": ["repeat"]})
        return self

    @property
    def added(self) -> str:
        """The name of the column that is added."""
        return self.column or ("weight" if self.method == "weight" else "_repeat")

    def bind(self, schema: Schema) -> Self:
        check_by(self.groups, schema, "groups")
        check_by([self.label], schema, "label")
        if self.label in self.groups:
            raise SchemaError(f"label: {self.label!r} is also a group; name the groups without it")
        refuse_taken([self.added], schema)
        return self

    def reads(self) -> frozenset[str]:
        return frozenset((*self.groups, self.label))

    def writes(self) -> frozenset[str]:
        return frozenset([self.added])

    def output_schema(self, schema: Schema) -> Schema:
        return {**schema, self.added: nw.Float64() if self.method == "weight" else nw.Int64()}

    def learner(self) -> Counting:
        draw = self._draw if self.method == "repeat" else None
        return Counting(self.groups, self.label, self.told_as, draw)

    def draws(self) -> Sequence[Draw]:
        return [self._draw] if self.method == "repeat" else []

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        pairs = parameters["pairs"]
        return [lookup((*self.groups, self.label), pairs, {WEIGHT: PerGroup(tuple(parameters["weights"]), 1.0)})]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        has_label, weight = ~nw.col(self.label).is_null(), nw.col(WEIGHT).cast(nw.Float64)
        if self.method == "weight":
            return frame.with_columns(nw.when(has_label).then(weight).alias(self.added))
        whole = weight.cast(nw.Int64)
        more = nw.when(nw.col(self._draw.column) < weight - whole).then(nw.lit(1)).otherwise(nw.lit(0))
        times = nw.when(has_label).then(whole + more).otherwise(nw.lit(1))
        return frame.with_columns(times.cast(nw.Int64).alias(self.added))

    def findings(self, parameters: Parameters) -> Sequence[str]:
        drawn = parameters.get("drawn")
        if drawn is None:
            return []
        return [
            f"{self.told_as}: {drawn['rows']:,} rows have {drawn['draws']:,} draws, for rows of the same key share "
            f"one: all of them are taken, or all are left out ({self.added!r}); name a key that each row has for itself"
        ]

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        return frame.drop([self.added], strict=False)

    @property
    def _draw(self) -> Draw:
        return Draw(self.seed, "reweigh")
