"""Change the type of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import Any, ClassVar, Literal, Self

import narwhals as nw
import pyarrow as pa
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import HIDDEN
from genspark.columns.kernels import Kernel
from genspark.errors import SchemaError, did_you_mean
from genspark.statistics import State, Statistic
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.learner import Learner, Parameters
from genspark.steps.times import ARROW, TextTimes

TYPES: dict[str, Any] = {
    "int8": nw.Int8(),
    "int16": nw.Int16(),
    "int32": nw.Int32(),
    "int64": nw.Int64(),
    "float32": nw.Float32(),
    "float64": nw.Float64(),
    "string": nw.String(),
    "boolean": nw.Boolean(),
    "date": nw.Date(),
    "timestamp": nw.Datetime("us", "UTC"),
}

TypeName = Literal["int8", "int16", "int32", "int64", "float32", "float64", "string", "boolean", "date", "timestamp"]


@dataclass(config=STEP_CONFIG)
class Cast(Step):
    """Cast columns to other types. Null stays null and NaN becomes null; a value that cannot be cast fails the job.

    Floats become the shortest text that reads back to them, such as 1.5, 1.0, 1e-07 or inf. Texts become days (date)
    and times of UTC (timestamp) where they are written as ISO 8601 has them: a time without a zone is one of UTC, and
    the day of a time is the one that is written there. The inverse leaves the cast as it is, and `losses` says so.
    """

    columns: dict[str, TypeName] = Field(min_length=1, description="Column -> type.")

    kind: ClassVar[str] = "cast"

    def bind(self, schema: Schema) -> Self:
        absent = [column for column in self.columns if column not in schema]
        if absent:
            raise SchemaError([f"columns: {c!r} is not a column{did_you_mean(c, schema)}" for c in absent])
        undated = [c for c, name in self.columns.items() if name in ARROW and not _tells_dates(schema[c])]
        if undated:
            raise SchemaError(
                [f"columns: {c!r} is {schema[c]}, and only text, dates and times become dates" for c in undated]
            )
        return self

    def reads(self) -> frozenset[str]:
        return frozenset(self.columns)

    def writes(self) -> frozenset[str]:
        return frozenset(self.columns)

    def made_from(self, column: str) -> frozenset[str]:
        return frozenset([column])

    def output_schema(self, schema: Schema) -> Schema:
        return {**schema, **{column: TYPES[name] for column, name in self.columns.items()}}

    def learner(self) -> Learner:
        return Written(self.columns)

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        # Each engine writes floats, and reads days and times, in its own way.
        written = [Kernel((c,), {_hidden(c): pa.string()}, FloatText()) for c in parameters["float_to_text"]]
        times = parameters.get("text_to_time", {}).items()
        return [*written, *(Kernel((c,), {_hidden(c): ARROW[kind]}, TextTimes(c, kind)) for c, kind in times)]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        schema = frame.collect_schema()
        made = [*parameters["float_to_text"], *parameters.get("text_to_time", {})]
        return frame.with_columns(
            *(nw.col(_hidden(c)).alias(c) for c in made),
            *(_cast(c, schema[c], name) for c, name in self.columns.items() if c not in made),
        )

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.told_as}: {c!r} stays {name}" for c, name in self.columns.items()]


@plain_dataclass(frozen=True)
class Written(Learner):
    """Learns from the schema which columns cast to text hold floats, and which that become times are text."""

    columns: Mapping[str, TypeName]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        floats = [c for c, name in self.columns.items() if name == "string" and schema[c].is_float()]
        times = {c: name for c, name in self.columns.items() if name in ARROW and isinstance(schema[c], nw.String)}
        return {"float_to_text": floats, "text_to_time": times}


@plain_dataclass(frozen=True)
class FloatText:
    """Floats as text, the same on every engine."""

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        """The shortest text of each number; a whole one ends in .0, and null stays null."""
        import pyarrow.compute as pc

        texts = arrays[0].cast(pa.string())
        is_whole = pc.match_substring_regex(texts, r"^-?\d+$")
        return [pc.if_else(is_whole, pc.binary_join_element_wise(texts, ".0", ""), texts)]


def _hidden(column: str) -> str:
    return f"{HIDDEN}cast_{column}"


def _tells_dates(dtype: Any) -> bool:
    return isinstance(dtype, nw.String | nw.Date | nw.Datetime)


def _cast(column: str, dtype: Any, name: TypeName) -> nw.Expr:
    value = nw.col(column)
    if isinstance(dtype, nw.Boolean) and name == "string":
        # pandas would write True, and the others true.
        return nw.when(value).then(nw.lit("true")).when(~value).then(nw.lit("false")).alias(column)
    cast = value.cast(TYPES[name])
    if name == "boolean":
        # pandas takes a missing number for true.
        return nw.when(~value.is_null()).then(cast).alias(column)
    # The text NaN is a number to every engine, and to the steps after this one a missing value.
    return cast.fill_nan(None) if name in ("float32", "float64") else cast
