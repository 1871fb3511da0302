"""Steps: frozen fields, which are their YAML keys, and expressions over columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import narwhals as nw
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema, is_number
from genspark.columns.hashing import Drawn
from genspark.columns.kernels import Kernel
from genspark.errors import ModelError
from genspark.steps.checked import Checked
from genspark.steps.learner import Learner, Parameters
from genspark.steps.matching import Columns, match, refuse_taken, text_column
from genspark.steps.rejection import Rejection

STEP_CONFIG = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(config=STEP_CONFIG)
class Step(ABC, metaclass=Checked):
    """One step of a pipeline. Every method is pure; a step never sees data, only expressions.

    `bind` comes first and returns the step with its patterns replaced by column names. A step
    reads only columns it declares in `reads` and writes only those in `writes`; the planner
    relies on it. In the columns it reads, NaN has become null before any step runs. The parameters
    are what its `learner` learnt; without a learner they are empty.
    """

    name: str | None = Field(
        default=None, kw_only=True, description="What reports call this step; its kind when left out."
    )

    kind: ClassVar[str] = ""
    hides_persons: ClassVar[bool] = False
    """Whether it is there to keep persons out: its columns are shown in no sample, and kept in no profile."""
    leaves_persons: ClassVar[bool] = False
    """Whether it hides no more of its columns than what it finds: samples of the result do not show them either."""
    registry: ClassVar[dict[str, type[Step]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.kind:
            Step.registry[cls.kind] = cls

    @property
    def told_as(self) -> str:
        """What messages and reports call the step: its name, or its kind where there is none."""
        return self.name or self.kind

    @property
    def filters(self) -> bool:
        """Whether the step takes rows out, so that later steps see fewer."""
        return False

    def bind(self, schema: Schema) -> Self:
        """The step with its column patterns resolved. Raises SchemaError with every mistake."""
        return self

    def check_beside(self, schema: Schema) -> None:
        """Raise SchemaError where a fit of the bound step would read what is not there, beside the data.

        Asked only before a fit: what is fitted already needs it no more.
        """

    def reads(self) -> frozenset[str]:
        """The columns that the step reads."""
        return frozenset()

    def writes(self) -> frozenset[str]:
        """The columns that the step changes, adds or removes by name; `Select` removes those that it does not name."""
        return frozenset()

    def made_from(self, column: str) -> frozenset[str]:
        """The columns of its input that a column of its output is computed from, row by row.

        What parameters were learnt from is not among them, nor what draws are hashed from.
        """
        return self.reads() if column in self.writes() else frozenset([column])

    def output_schema(self, schema: Schema) -> Schema:
        """The columns after the step."""
        return schema

    def learner(self) -> Learner | None:
        """The learner of the bound step's parameters; None where there is nothing to learn."""
        return None

    def draws(self) -> Sequence[Drawn]:
        """The random numbers that `transform` reads; those that only learning needs are the learner's."""
        return ()

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        """The kernels, over its input, of the hidden columns that its rejections, counts and `transform` read."""
        return ()

    def inverse_kernels(self, parameters: Parameters, columns: frozenset[str]) -> Sequence[Kernel]:
        """The kernels of the hidden columns that `inverse` reads, for a frame with these columns."""
        return ()

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        """The rules that take rows of its input out."""
        return ()

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        """The frame after the step: narwhals expressions only, nothing is computed."""
        return frame

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        """The frame before the step, as far as it can be restored; absent columns are ignored."""
        return frame

    def losses(self, parameters: Parameters) -> Sequence[str]:
        """Sentences that name what `inverse` cannot bring back."""
        return ()

    def counts(self, parameters: Parameters) -> Mapping[Any, Sequence[nw.Expr]]:
        """Predicates over its input by what they count, such as `filled`; the report adds up the true ones.

        A `Counted` stands for a rule that is counted by column and level. Rejections are not among them: engines count
        those.
        """
        return {}

    def findings(self, parameters: Parameters) -> Sequence[str]:
        """Sentences of what the fit found and whoever runs it should know."""
        return []

    def table_properties(self, parameters: Parameters) -> Mapping[str, str]:
        """Properties that the written table carries for its readers."""
        return {}

    def deferred(self) -> frozenset[str]:
        """The columns that the step leaves to the table's readers: no later step may write them."""
        return frozenset()

    def to_json(self) -> dict[str, Any]:
        """`{kind: {field: value}}` with the fields that differ from their defaults, as YAML has it."""
        return {self.kind: TypeAdapter(type(self)).dump_python(self, mode="json", exclude_defaults=True)}


def from_json(value: Mapping[str, Any]) -> Step:
    """The step that `Step.to_json` wrote. Raises ModelError for a kind this genspark does not know."""
    ((kind, fields),) = value.items()
    if kind not in Step.registry:
        raise ModelError(f"step {kind!r} is not known here: the model is from a newer genspark")
    return TypeAdapter(Step.registry[kind]).validate_python(fields)


@dataclass(config=STEP_CONFIG)
class EachColumn(Step):
    """A step that makes each of its columns anew, from that column alone."""

    columns: Columns

    def reads(self) -> frozenset[str]:
        return frozenset(self.columns)

    def writes(self) -> frozenset[str]:
        return frozenset(self.columns)

    def made_from(self, column: str) -> frozenset[str]:
        return frozenset([column])


@dataclass(config=STEP_CONFIG)
class ColumnStep(EachColumn):
    """A step that works on numeric columns, each by itself."""

    def bind(self, schema: Schema) -> Self:
        return replace(self, columns=match(self.columns, schema, is_number, "numbers"))

    def output_schema(self, schema: Schema) -> Schema:
        return {**schema, **dict.fromkeys(self.columns, nw.Float64())}


@dataclass(config=STEP_CONFIG)
class BesideText(Step):
    """A step that adds columns beside a column of text, made from it alone; its inverse takes them away."""

    column: str = Field(description="The column of text.")

    @property
    @abstractmethod
    def added(self) -> Schema:
        """The columns that are added."""

    def bind(self, schema: Schema) -> Self:
        text_column(self.column, schema)
        refuse_taken(self.added, schema)
        return self

    def reads(self) -> frozenset[str]:
        return frozenset([self.column])

    def writes(self) -> frozenset[str]:
        return frozenset(self.added)

    def output_schema(self, schema: Schema) -> Schema:
        return {**schema, **self.added}

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        return frame.drop(list(self.added), strict=False)


def check_fields(step: Step, choice: str, choices_of: Mapping[str, Sequence[str]]) -> None:
    """Raise ValueError where a field is given that does not apply to the value of the field `choice`.

    `choices_of` maps fields to the values of `choice` that they apply to; all others always apply.
    """
    chosen = getattr(step, choice)
    for name, choices in choices_of.items():
        is_given = getattr(step, name) != getattr(type(step), name)
        if is_given and chosen not in choices:
            raise ValueError(f"{name}: is for {choice} {' or '.join(choices)}; {choice} is {chosen!r}")
