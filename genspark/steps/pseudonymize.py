"""Put pseudonyms in the place of what names a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import narwhals as nw
import pyarrow as pa
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import HIDDEN
from genspark.columns.kernels import Kernel
from genspark.columns.keyed import as_number, digest, fingerprint, key_of
from genspark.errors import ConfigError
from genspark.statistics import Statistic
from genspark.steps.base import STEP_CONFIG, EachColumn
from genspark.steps.learner import Learner, Parameters
from genspark.steps.matching import match

Form = Literal["text", "number"]
KEY_ID = "key_id"


@plain_dataclass(frozen=True)
class Keeping(Learner):
    """Learns nothing of the data: keeps which key it was, so that rows that are added later have the same."""

    key_variable: str
    told_as: str

    def parameters(self, states: Any, schema: Schema) -> Parameters:
        return {KEY_ID: fingerprint(key_of(self.key_variable, self.told_as))}

    def statistics(self) -> Sequence[Statistic]:
        return ()


@dataclass(config=STEP_CONFIG)
class Pseudonymize(EachColumn):
    """Put a pseudonym in the place of each value of columns of text or whole numbers.

    The pseudonym is the HMAC-SHA256 of the value by the key that the environment variable `key_variable` holds: 32
    hexadecimal digits (128 bits), or a number of 63 bits (Int64), of which two of a hundred million persons share one
    once in 1,800 tables. The same value has the same pseudonym in every column and table under the same key and
    `domain`, and a number has that of its digits as text, so that tables can be joined; nobody without the key finds
    out by trying. Null stays null.

    A job with `vault` adds what it has not yet to that Delta table, before it writes its own: pseudonym and original,
    which `genspark reveal` reads. Without a vault only whoever has the key and guesses the value can tell. The model
    keeps which key it was, not the key, and refuses another; the inverse brings nothing back, and `losses` says so.
    """

    form: Form = Field(default="text", description="What pseudonyms are: text, or whole numbers.")
    domain: str = Field(
        default="", description="Another domain, other pseudonyms: what is not to be joined gets one of its own."
    )
    key_variable: str = Field(
        default="GENSPARK_PSEUDONYM_KEY",
        description="The environment variable with the key, of 16 characters or more.",
    )
    vault: str | None = Field(
        default=None, min_length=1, description="The Delta table of pseudonyms and originals; left out: none is kept."
    )

    kind: ClassVar[str] = "pseudonymize"
    hides_persons: ClassVar[bool] = True

    def bind(self, schema: Schema) -> Self:
        key_of(self.key_variable, self.told_as)
        return replace(self, columns=match(self.columns, schema, _can_be_replaced, "text or whole numbers"))

    def output_schema(self, schema: Schema) -> Schema:
        return {**schema, **dict.fromkeys(self.columns, nw.String() if self.form == "text" else nw.Int64())}

    def learner(self) -> Keeping:
        return Keeping(self.key_variable, self.told_as)

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        pseudonym, dtype = self.pseudonym(parameters), pa.string() if self.form == "text" else pa.int64()
        return [
            Kernel((column,), {self._named(at): dtype}, Replacing(pseudonym, dtype))
            for at, column in enumerate(self.columns)
        ]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        return frame.with_columns(*(nw.col(self._named(at)).alias(column) for at, column in enumerate(self.columns)))

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [
            f"{self.told_as}: what pseudonyms stand for stays with the vault ({column!r})" for column in self.columns
        ]

    def pseudonym(self, parameters: Parameters) -> Pseudonym:
        """What gives each value its pseudonym. Raises ConfigError where the key is not that of the fit."""
        key = key_of(self.key_variable, self.told_as)
        if parameters[KEY_ID] != fingerprint(key):
            raise ConfigError(
                f"{self.told_as}: key_variable: the key in {self.key_variable} is not the one that the model was "
                "fitted with, and pseudonyms would be others; set that one, or fit anew"
            )
        return Pseudonym(key, self.domain, self.form)

    def _named(self, at: int) -> str:
        return f"{HIDDEN}pseudonym_{at}"


@plain_dataclass(frozen=True, repr=False)
class Pseudonym:
    """Value, as text -> pseudonym."""

    key: bytes
    domain: str
    form: Form

    def __call__(self, value: str) -> str | int:
        hashed = digest(self.key, f"{self.domain}\0{value}")
        return hashed.hex()[:32] if self.form == "text" else as_number(hashed)


@plain_dataclass(frozen=True, repr=False)
class Replacing:
    """Replaces each distinct value of a batch once."""

    pseudonym: Callable[[str], str | int]
    dtype: pa.DataType

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        (values,) = arrays
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if pa.types.is_floating(values.type):
            # pandas makes integers floats where nulls are.
            values = values.cast(pa.int64())
        coded = values.cast(pa.string()).dictionary_encode()
        replaced = [None if text is None else self.pseudonym(text) for text in coded.dictionary.to_pylist()]
        return [pa.array(replaced, self.dtype).take(coded.indices)]


def _can_be_replaced(dtype: Any) -> bool:
    return bool(dtype.is_integer()) or dtype == nw.String
