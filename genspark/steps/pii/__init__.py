"""Find personal data in text, and act on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self, cast, get_args

import narwhals as nw
from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema, is_text
from genspark.columns.expressions import HIDDEN, any_of
from genspark.columns.kernels import Kernel
from genspark.columns.keyed import key_of
from genspark.steps.base import STEP_CONFIG, Step, check_fields
from genspark.steps.learner import Parameters
from genspark.steps.matching import Columns, as_tuple, match, refuse_taken
from genspark.steps.pii.finding import Replace, finding, hashed, masked
from genspark.steps.pii.kinds import KindName
from genspark.steps.pii.names import Names
from genspark.steps.rejection import Rejection


@dataclass(config=STEP_CONFIG)
class Pii(Step):
    """Find e-mail addresses, telephone, card and account numbers, IP addresses and identity numbers in text.

    email; iban (by its check digits, MOD 97-10); card (13 to 19 digits, by Luhn); ip (versions 4 and 6); us_ssn, es_dni
    (DNI and NIE, by the letter), fr_nir (by its key); phone (numbers with +, and those of North America in groups).
    Columns of numbers are not looked into: cast them to string before, which a pattern of columns does not tell.
    With a spaCy `model` on this machine Presidio finds names too, as person and place. A pattern may take another
    number for one of these, and people write in ways that no pattern and no model knows: what is left is less, not
    nothing.

    mask puts [EMAIL] and so on in its place; hash [EMAIL:...], the first 64 bits of the HMAC-SHA256 by the key that
    the environment variable `key_variable` holds, so that equal stays equal and nobody without the key finds out by
    trying. drop and quarantine take the row out; flag adds a Boolean `<column>_has_pii`. Null stays null. Nothing is
    learnt; the inverse brings nothing back, and `losses` says so.
    """

    columns: Columns
    kinds: Annotated[tuple[KindName, ...], BeforeValidator(as_tuple)] = Field(
        default=get_args(KindName), description="What is looked for."
    )
    action: Literal["mask", "hash", "drop", "quarantine", "flag"] = Field(
        default="mask", description="What is done with it."
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        description="The folder or the package of a spaCy model, by which names are looked for.",
    )
    language: str = Field(default="en", min_length=2, description="The language of the model.")
    key_variable: str = Field(
        default="GENSPARK_PII_KEY", description="hash: the environment variable with the key, of 16 characters or more."
    )

    kind: ClassVar[str] = "pii"
    hides_persons: ClassVar[bool] = True
    leaves_persons: ClassVar[bool] = True

    @model_validator(mode="after")
    def _fields_go_with_the_action(self) -> Self:
        check_fields(self, "action", {"key_variable": ("hash",)})
        if not self.kinds and not self.model:
            raise ValueError("kinds: name one, or give a model that finds names")
        return self

    @property
    def filters(self) -> bool:
        return self.action in ("drop", "quarantine")

    def bind(self, schema: Schema) -> Self:
        bound = replace(self, columns=match(self.columns, schema, is_text, "text; cast numbers to string before"))
        refuse_taken(bound._flags if self.action == "flag" else (), schema)
        if self.action == "hash":
            self._key()
        if self._names:
            self._names.check(self.told_as)
        return bound

    def reads(self) -> frozenset[str]:
        return frozenset(self.columns)

    def writes(self) -> frozenset[str]:
        if self.action == "flag":
            return frozenset(self._flags)
        return frozenset() if self.filters else frozenset(self.columns)

    def made_from(self, column: str) -> frozenset[str]:
        flagged = dict(zip(self._flags, self.columns, strict=True)) if self.action == "flag" else {}
        return frozenset([flagged.get(column, column)])

    def output_schema(self, schema: Schema) -> Schema:
        return {**schema, **dict.fromkeys(self._flags, nw.Boolean())} if self.action == "flag" else schema

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        return [
            finding(column, self.kinds, self._named(at), self._replace, self._names)
            for at, column in enumerate(self.columns)
        ]

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        if not self.filters:
            return []
        action = cast("Literal['drop', 'quarantine']", self.action)
        nothing = nw.lit(None).cast(nw.Float64)
        return [
            Rejection(column, kind, self._found(at, kind), nothing, (None, None), action)
            for at, column in enumerate(self.columns)
            for kind in self._all_kinds
        ]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        if self.filters:
            return frame
        if self.action == "flag":
            flags = [any_of(self._found(at, kind) for kind in self._all_kinds) for at in range(len(self.columns))]
            return frame.with_columns(**dict(zip(self._flags, flags, strict=True)))
        return frame.with_columns(*(nw.col(self._named(at)("")).alias(c) for at, c in enumerate(self.columns)))

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        return frame.drop(self._flags, strict=False) if self.action == "flag" else frame

    def losses(self, parameters: Parameters) -> Sequence[str]:
        lost = "rows that are taken out stay out" if self.filters else "personal data stays replaced"
        return [] if self.action == "flag" else [f"{self.told_as}: {lost} ({column!r})" for column in self.columns]

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        if self.filters:
            return {}
        return {kind: [self._found(at, kind) for at in range(len(self.columns))] for kind in self._all_kinds}

    @property
    def _all_kinds(self) -> tuple[str, ...]:
        return (*self.kinds, *(self._names.kinds if self._names else ()))

    @property
    def _names(self) -> Names | None:
        return Names(self.model, self.language) if self.model else None

    @property
    def _flags(self) -> list[str]:
        return [f"{column}_has_pii" for column in self.columns]

    @property
    def _replace(self) -> Replace | None:
        if self.action == "hash":
            return hashed(self._key())
        return masked if self.action == "mask" else None

    def _key(self) -> bytes:
        return key_of(self.key_variable, self.told_as)

    def _named(self, at: int) -> Any:
        return lambda kind: f"{HIDDEN}pii_{at}_{kind or 'text'}"

    def _found(self, at: int, kind: str) -> nw.Expr:
        return nw.col(self._named(at)(kind))
