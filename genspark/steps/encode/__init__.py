"""Replace categories by numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import narwhals as nw
import pyarrow as pa
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema, is_category
from genspark.columns.expressions import HIDDEN, changed, present
from genspark.columns.hashing import Draw
from genspark.columns.kernels import Kernel
from genspark.statistics.frequencies import DEFAULT_CAPACITY
from genspark.steps.base import STEP_CONFIG, EachColumn
from genspark.steps.encode.counting import Vocabularies
from genspark.steps.encode.vocabulary import TYPES, Lookup, Values, Vocabulary
from genspark.steps.learner import Learner, Parameters
from genspark.steps.matching import match


@dataclass(config=STEP_CONFIG)
class Encode(EachColumn):
    """Replace strings, integers or booleans by numbers.

    index: the position of the value in the column's vocabulary, as Int64. The vocabulary holds the values by
    falling frequency, then by value, but for those that occur less than `min_count` times. A value that is
    not in it becomes `unknown_id`; the known count from 0 and leave that number out, so that with the default
    0 they begin at 1. More such values than `max_size` stop the fit, unless `overflow` is unknown, which
    keeps the most frequent.

    onehot: a list of Float32 as long as the vocabulary and one more: 1 at the value's place, 0 elsewhere; the
    first place is that of unknown values. The lists are dense: for small vocabularies.

    hash: one of `buckets` numbers from 0, by the hash of the value as it was read, as Int64. Nothing is
    learnt; values that share a bucket are one.

    Null stays null, and an all-null column learns an empty vocabulary. Inverse of index and onehot (there by
    the largest element): the value; what is unknown becomes null. Raises DataError for too many distinct
    values, and where a column holds another kind of values than at fitting.
    """

    method: Literal["index", "onehot", "hash"] = Field(default="index", description="What to replace a value by.")
    max_size: int = Field(default=DEFAULT_CAPACITY, ge=1, description="The largest vocabulary.")
    min_count: int = Field(default=1, ge=1, description="How often a value must occur to be in the vocabulary.")
    overflow: Literal["error", "unknown"] = Field(
        default="error", description="What becomes of values beyond the largest vocabulary."
    )
    unknown_id: int = Field(default=0, description="The number of values that the vocabulary lacks, for index.")
    buckets: int | None = Field(default=None, ge=1, examples=[16], description="How many numbers there are, for hash.")
    seed: int = Field(default=0, description="Another seed, other buckets.")

    kind: ClassVar[str] = "encode"

    @model_validator(mode="after")
    def _buckets_go_with_hash(self) -> Self:
        if (self.method == "hash") != (self.buckets is not None):
            problem = "is needed for method 'hash'" if self.buckets is None else "goes with method 'hash' alone"
            raise ValueError(f"buckets: {problem}; method is {self.method!r}")
        return self

    def bind(self, schema: Schema) -> Self:
        return replace(self, columns=match(self.columns, schema, is_category, "strings, integers or booleans"))

    def output_schema(self, schema: Schema) -> Schema:
        dtype = nw.List(nw.Float32()) if self.method == "onehot" else nw.Int64()
        return {**schema, **dict.fromkeys(self.columns, dtype)}

    def learner(self) -> Learner | None:
        if self.method == "hash":
            return None
        return Vocabularies(self.columns, self.told_as, self.max_size, self.min_count, self.overflow)

    def draws(self) -> Sequence[Draw]:
        return [self._draw(column) for column in self.columns] if self.method == "hash" else []

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        if self.method == "hash":
            return []
        outputs = {"id": pa.int64(), "vector": pa.list_(pa.float32())} if self._is_vector else {"id": pa.int64()}
        return [
            Kernel(
                (column,),
                {self._hidden(column, what): kind for what, kind in outputs.items()},
                Lookup(self._entries(column, parameters), as_vector=self._is_vector),
            )
            for column in self.columns
        ]

    def inverse_kernels(self, parameters: Parameters, columns: frozenset[str]) -> Sequence[Kernel]:
        if self.method == "hash":
            return []
        return [
            Kernel(
                (column,),
                {self._hidden(column, "value"): TYPES[parameters["kinds"][column]]},
                Values(self._entries(column, parameters), of_vector=self._is_vector),
            )
            for column in self.columns
            if column in columns
        ]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        if self.method == "hash":
            return frame.with_columns(*(self._hashed(column) for column in self.columns))
        what = "vector" if self._is_vector else "id"
        return frame.with_columns(*(nw.col(self._hidden(column, what)).alias(column) for column in self.columns))

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        if self.method == "hash":
            return frame
        here = present(frame, self.columns)
        return changed(frame, (nw.col(self._hidden(column, "value")).alias(column) for column in here))

    def losses(self, parameters: Parameters) -> Sequence[str]:
        if self.method == "hash":
            return [
                f"{self.told_as}: of values of {column!r} the hash bucket alone is known" for column in self.columns
            ]
        errors = parameters["errors"]
        return [f"{self.told_as}: {_lost(column, errors.get(column, 0))}" for column in self.columns]

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        if self.method == "hash":
            return {}
        return {"unknown": [nw.col(self._hidden(column, "id")) == self._unknown for column in self.columns]}

    @property
    def _is_vector(self) -> bool:
        return self.method == "onehot"

    @property
    def _unknown(self) -> int:
        return 0 if self._is_vector else self.unknown_id

    def _hidden(self, column: str, what: str) -> str:
        return f"{HIDDEN}{self.told_as}_{column}_{what}"

    def _entries(self, column: str, parameters: Parameters) -> Vocabulary:
        values, kind = parameters["vocabularies"][column], parameters["kinds"][column]
        return Vocabulary(column, tuple(values), kind, self._unknown)

    def _draw(self, column: str) -> Draw:
        return Draw(self.seed, "encode", over=(column,))

    def _hashed(self, column: str) -> nw.Expr:
        bucket = (nw.col(self._draw(column).column) * float(self.buckets or 1)).floor().cast(nw.Int64)
        return nw.when(~nw.col(column).is_null()).then(bucket).alias(column)


def _lost(column: str, error: int) -> str:
    loss = f"values of {column!r} that its vocabulary lacks come back null"
    if error:
        loss += f"; it had more distinct values than fit, and a count may be off by {error:,}, so that some of them"
        loss += " may be as frequent as values that it holds"
    return loss
