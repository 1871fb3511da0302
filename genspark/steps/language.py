"""Tell the language of texts."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import narwhals as nw
import pyarrow as pa
from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import HIDDEN
from genspark.columns.kernels import Kernel
from genspark.errors import PlanError, SchemaError, did_you_mean
from genspark.steps.base import STEP_CONFIG, BesideText
from genspark.steps.learner import Parameters
from genspark.steps.matching import as_tuple
from genspark.steps.rejection import Rejection

Code = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]


@dataclass(config=STEP_CONFIG)
class Language(BesideText):
    """Tell the language of each text, by py3langid, whose model comes with it (pip install 'genspark[language]').

    Adds `<column>_language`, the code of ISO 639-1 (of ISO 639-3 where there is none), and `<column>_language_score`,
    the probability that the model gives it among the languages that it knows. With keep, other texts, and those whose
    score is below `least`, are taken out. For a text of few words it is a guess, of which the score may say nothing:
    judge long texts, or filter by length before. Null has no language and is not taken out. Nothing is learnt.

    Source: M. Lui, T. Baldwin, "langid.py: An Off-the-shelf Language Identification Tool", ACL 2012.
    """

    keep: Annotated[tuple[Code, ...], BeforeValidator(as_tuple), Field(min_length=1)] | None = Field(
        default=None, description="The languages that stay, such as [en, es]; left out: all stay.", examples=[["en"]]
    )
    least: Annotated[float, Field(ge=0, le=1)] = Field(default=0.0, description="keep: the least score that is enough.")
    action: Literal["quarantine", "drop"] = Field(default="quarantine", description="keep: where other texts go.")

    kind: ClassVar[str] = "language"

    @model_validator(mode="after")
    def _fields_go_with_keep(self) -> Self:
        if self.keep is None and (self.least > 0 or self.action != "quarantine"):
            raise ValueError("least and action: go with keep, which names the languages that stay")
        return self

    @property
    def filters(self) -> bool:
        return self.keep is not None

    def bind(self, schema: Schema) -> Self:
        bound = super().bind(schema)
        known = identifier().labels
        problems = [
            f"keep: {code!r} is no language of the model{did_you_mean(code, known)}"
            for code in self.keep or ()
            if code not in known
        ]
        if problems:
            raise SchemaError(problems)
        return bound

    @property
    def added(self) -> Schema:
        return {f"{self.column}_language": nw.String(), f"{self.column}_language_score": nw.Float64()}

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        return [Kernel((self.column,), {_LANGUAGE: pa.string(), _SCORE: pa.float64()}, _told)]

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        if self.keep is None:
            return []
        language, score = nw.col(_LANGUAGE), nw.col(_SCORE)
        nothing, is_other = nw.lit(None).cast(nw.Float64), ~language.is_in(list(self.keep))
        others = Rejection(self.column, "language", is_other, nothing, (None, None), self.action)
        unsure = Rejection(self.column, "score", score < self.least, score, (self.least, None), self.action)
        return [others, unsure] if self.least > 0 else [others]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        language, score = self.added
        return frame.with_columns(nw.col(_LANGUAGE).alias(language), nw.col(_SCORE).alias(score))

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.told_as}: rows that are taken out stay out ({self.column!r})"] if self.filters else []


_LANGUAGE, _SCORE = f"{HIDDEN}language", f"{HIDDEN}language_score"


@functools.cache
def identifier() -> Any:
    """Py3langid's identifier, whose scores are probabilities. Raises PlanError where it is not installed."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise PlanError("language: needs py3langid; pip install 'genspark[language]'") from None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _told(arrays: Sequence[pa.Array]) -> list[pa.Array]:
    """Languages and scores of texts, null for null."""
    (texts,) = arrays
    classify = identifier().classify
    found = [(None, None) if text is None else classify(text) for text in texts.to_pylist()]
    return [
        pa.array([language for language, _ in found], pa.string()),
        pa.array([score for _, score in found], pa.float64()),
    ]
