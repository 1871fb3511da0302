"""Change the type of columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import narwhals as nw
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.errors import SchemaError, did_you_mean
from genspark.steps.base import STEP_CONFIG, Parameters, Schema, Step

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
}

TypeName = Literal["int8", "int16", "int32", "int64", "float32", "float64", "string", "boolean", "date"]


@dataclass(config=STEP_CONFIG)
class Cast(Step):
    """Cast columns to other types. Null stays null and NaN becomes null; a value that cannot be cast fails the job.

    The inverse leaves the cast as it is, and `losses` says so.
    """

    columns: dict[str, TypeName] = Field(min_length=1, description="Column -> type.")

    kind: ClassVar[str] = "cast"

    def bind(self, schema: Schema) -> Self:
        absent = [column for column in self.columns if column not in schema]
        if absent:
            raise SchemaError([f"columns: {c!r} is not a column{did_you_mean(c, schema)}" for c in absent])
        return self

    def reads(self) -> frozenset[str]:
        return frozenset(self.columns)

    def writes(self) -> frozenset[str]:
        return frozenset(self.columns)

    def output_schema(self, schema: Schema) -> Schema:
        return {**schema, **{column: TYPES[name] for column, name in self.columns.items()}}

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        schema = frame.collect_schema()
        return frame.with_columns(*(_cast(c, schema[c], name) for c, name in self.columns.items()))

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.label}: {c!r} stays {name}" for c, name in self.columns.items()]


def _cast(column: str, dtype: Any, name: TypeName) -> nw.Expr:
    value = nw.col(column)
    if isinstance(dtype, nw.Boolean) and name == "string":
        # pandas would write True, and the others true.
        return nw.when(value).then(nw.lit("true")).when(~value).then(nw.lit("false")).alias(column)
    cast = value.cast(TYPES[name])
    # The text NaN is a number to every engine, and to the steps after this one a missing value.
    return cast.fill_nan(None) if name in ("float32", "float64") else cast
