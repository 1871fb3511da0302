"""What a step is: frozen fields that are its YAML keys, the statistics it needs, and expressions."""

from __future__ import annotations

import fnmatch
import re
from abc import ABC
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

import narwhals as nw
from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from genspark.columns.hashing import Draw
from genspark.columns.kernels import Kernel
from genspark.errors import ModelError, SchemaError, did_you_mean
from genspark.statistics import Derivation, State, Statistic
from genspark.steps.checked import Checked

Schema = Mapping[str, Any]
"""Column name -> narwhals dtype, in the order of the columns."""

Parameters = Mapping[str, Any]
"""What a step learnt: plain JSON, all that `transform` and `inverse` need."""

STEP_CONFIG = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_Names = Annotated[tuple[str, ...], Field(min_length=1)]

Columns = Annotated[
    _Names,
    BeforeValidator(_as_tuple, json_schema_input_type=str | _Names),
    Field(description="Names, or shell patterns such as 'pixel_*'; one name may stand alone."),
]

By = Annotated[
    tuple[str, ...],
    BeforeValidator(_as_tuple, json_schema_input_type=str | tuple[str, ...]),
    Field(description="The columns whose values make the groups; one name may stand alone."),
]

Bound = float | str | None
"""What a value should keep to: a number, or the name of the hidden column that has one for each row; None is open."""


@plain_dataclass(frozen=True)
class Rejection:
    """A rule that takes rows out: where `predicate` is true, and not null, `action` is done to the row.

    `column` is None for a rule about the whole row. `value` is what was judged, as Float64, and `bounds`
    what it should have kept to: the bound that it crossed is the threshold in the quarantine's reasons.
    """

    column: str | None
    rule: str
    predicate: nw.Expr
    value: nw.Expr
    bounds: tuple[Bound, Bound]
    action: Literal["drop", "quarantine", "error"]


@dataclass(config=STEP_CONFIG)
class Step(ABC, metaclass=Checked):
    """One step of a pipeline. Every method is pure; a step never sees data, only expressions.

    `bind` comes first and returns the step with its patterns replaced by column names. A step
    reads only columns it declares in `reads` and writes only those in `writes`; the planner
    relies on it. In the columns it reads, NaN has become null before any step runs.
    """

    name: str | None = Field(
        default=None, kw_only=True, description="What reports call this step; its kind when left out."
    )

    kind: ClassVar[str] = ""
    engines: ClassVar[tuple[str, ...]] = ("polars", "spark", "spark-polars")
    """What it runs on; another engine refuses it before any work is done."""
    registry: ClassVar[dict[str, type[Step]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.kind:
            Step.registry[cls.kind] = cls

    @property
    def label(self) -> str:
        """The name, or the kind where there is none."""
        return self.name or self.kind

    @property
    def filters(self) -> bool:
        """Whether the step takes rows out, so that what follows it sees fewer."""
        return False

    def bind(self, schema: Schema) -> Self:
        """The step with its column patterns resolved. Raises SchemaError with every mistake."""
        return self

    def reads(self) -> frozenset[str]:
        """The columns it looks at."""
        return frozenset()

    def writes(self) -> frozenset[str]:
        """The columns it changes, adds or takes away by name; `Select` takes away what it does not name."""
        return frozenset()

    def output_schema(self, schema: Schema) -> Schema:
        """The columns after the step."""
        return schema

    def statistics(self) -> Sequence[Statistic]:
        """What it must know about its input before it can transform."""
        return ()

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        """What it learnt from the states of `statistics()` and the schema of its input."""
        return {}

    def rewrite(self, wanted: Statistic) -> Derivation | None:
        """How a statistic of the output follows from statistics of the input; None: scan anew.

        Asked only for statistics that read a column this step writes.
        """
        return None

    @property
    def rounds(self) -> int:
        """The scans it needs beyond that of `statistics`, each for what the one before it taught."""
        return 0

    def refinement(self, parameters: Parameters) -> Sequence[Statistic]:
        """What it must know next of its input, to improve on these parameters. Empty: it has learnt enough."""
        return ()

    def refined(self, parameters: Parameters, states: Mapping[Statistic, State]) -> Parameters:
        """Better parameters, from the states of `refinement(parameters)`."""
        return parameters

    def draws(self) -> Sequence[Draw]:
        """The random numbers an engine must add for it."""
        return ()

    def fit_draws(self) -> Sequence[Draw]:
        """The random numbers that only its statistics need, such as to draw a sample of the rows."""
        return ()

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        """The hidden columns that it judges and transforms by, computed of its input."""
        return ()

    def inverse_kernels(self, parameters: Parameters, columns: frozenset[str]) -> Sequence[Kernel]:
        """The hidden columns that `inverse` works by, for a frame that has these columns."""
        return ()

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        """The rows it takes out, judged on its input."""
        return ()

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        """The frame after the step: narwhals expressions only, nothing is computed."""
        return frame

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        """The frame before the step, as far as it can be had; columns that are absent are passed over."""
        return frame

    def losses(self, parameters: Parameters) -> Sequence[str]:
        """What `inverse` cannot bring back, a sentence each."""
        return ()

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        """What is counted for the report, such as values filled: predicates whose true values are added up.

        Rejections are counted by the engine and are none of these.
        """
        return {}

    def table_properties(self) -> Mapping[str, str]:
        """Properties that the written table carries for its readers."""
        return {}

    def to_json(self) -> dict[str, Any]:
        """`{kind: {field: value}}` with the fields that differ from their defaults, as YAML has it."""
        return {self.kind: TypeAdapter(type(self)).dump_python(self, mode="json", exclude_defaults=True)}


def match(patterns: Iterable[str], schema: Schema, wanted: Callable[[Any], bool], what: str) -> tuple[str, ...]:
    """The columns that the patterns name, in the schema's order, each once.

    A plain name must be a column for which `wanted` holds; a pattern takes those for which it
    does. Raises SchemaError naming every pattern that fails.
    """
    problems, found = [], dict.fromkeys(schema, False)
    for pattern in patterns:
        if pattern in schema:
            if wanted(schema[pattern]):
                found[pattern] = True
            else:
                problems.append(f"columns: {pattern!r} is {schema[pattern]}, and this step needs {what}")
            continue
        if not re.search(r"[*?\[]", pattern):
            problems.append(f"columns: {pattern!r} is not a column{did_you_mean(pattern, schema)}")
            continue
        hits = [c for c in schema if fnmatch.fnmatchcase(c, pattern) and wanted(schema[c])]
        found.update(dict.fromkeys(hits, True))
        if not hits:
            problems.append(f"columns: {pattern!r} matches no column with {what}{did_you_mean(pattern, schema)}")
    if problems:
        raise SchemaError(problems)
    return tuple(column for column, hit in found.items() if hit)


def check_fields(step: Step, choice: str, choices_of: Mapping[str, Sequence[str]]) -> None:
    """Raise ValueError where a field is given that what `choice` is set to makes no use of.

    `choices_of` maps fields to the values of the field `choice` that they are for; others go with all.
    """
    chosen = getattr(step, choice)
    for name, choices in choices_of.items():
        is_given = getattr(step, name) != getattr(type(step), name)
        if is_given and chosen not in choices:
            raise ValueError(f"{name}: is for {choice} {' or '.join(choices)}; {choice} is {chosen!r}")


def refuse_taken(names: Iterable[str], schema: Schema) -> None:
    """Raise SchemaError where a column that a step adds is there already: it would be lost, also to the inverse."""
    taken = [name for name in names if name in schema]
    if taken:
        raise SchemaError([f"{name!r} is already a column; rename or drop it before" for name in taken])


def is_number(dtype: Any) -> bool:
    """Whether a dtype holds numbers that arithmetic takes."""
    return bool(dtype.is_numeric())


def is_plain(dtype: Any) -> bool:
    """Whether a dtype holds numbers, strings or booleans: values that JSON has too."""
    is_decimal = isinstance(dtype, nw.Decimal)
    return (dtype.is_numeric() and not is_decimal) or dtype in (nw.String, nw.Boolean)


@dataclass(config=STEP_CONFIG)
class ColumnStep(Step):
    """A step that works on numeric columns, each by itself."""

    columns: Columns

    def bind(self, schema: Schema) -> Self:
        return replace(self, columns=match(self.columns, schema, is_number, "numbers"))

    def reads(self) -> frozenset[str]:
        return frozenset(self.columns)

    def writes(self) -> frozenset[str]:
        return frozenset(self.columns)

    def output_schema(self, schema: Schema) -> Schema:
        return {**schema, **dict.fromkeys(self.columns, nw.Float64())}


def present(frame: Any, columns: Iterable[str]) -> list[str]:
    """Those of the columns that the frame has."""
    names = set(frame.collect_schema().names())
    return [column for column in columns if column in names]


def changed(frame: Any, expressions: Iterable[nw.Expr]) -> Any:
    """The frame with these columns, which may be none: narwhals refuses to change nothing."""
    listed = list(expressions)
    return frame.with_columns(*listed) if listed else frame


def from_json(value: Mapping[str, Any]) -> Step:
    """The step that `Step.to_json` wrote. Raises ModelError for a kind this genspark does not know."""
    ((kind, fields),) = value.items()
    if kind not in Step.registry:
        raise ModelError(f"step {kind!r} is not known here: the model is from a newer genspark")
    return TypeAdapter(Step.registry[kind]).validate_python(fields)
