"""Write texts in one way: HTML away, one Unicode form, no control characters, plain whitespace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import narwhals as nw
import pyarrow as pa
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema, is_text
from genspark.columns.expressions import HIDDEN
from genspark.columns.kernels import Kernel
from genspark.columns.texts import cleaning
from genspark.steps.base import STEP_CONFIG, EachColumn
from genspark.steps.learner import Parameters
from genspark.steps.matching import match


@dataclass(config=STEP_CONFIG)
class Normalize(EachColumn):
    """Write texts in one way, in this order: HTML, control characters, Unicode form, lines, whitespace.

    html: the text that a reader of a page sees, without tags, scripts, styles and comments, entities as characters,
    blocks on lines of their own. controls: every end of a line becomes a newline, and control characters, soft hyphens
    and marks of no width go; tabs and the joiners that spell words stay. form: NFC joins letters and accents, NFKC also
    makes ligatures and wide letters plain, which loses what they meant. lines: c4 keeps the lines that C4 keeps: those
    that end as a sentence does, of 3 words or more, without JavaScript, cookies and terms of use. whitespace: lines has
    one blank for a run of them, none at the ends of lines, and one empty line at most; one_line makes all of it blanks.

    Null stays null. The report counts the texts that changed. Nothing is learnt; the inverse brings nothing back.
    """

    html: bool = Field(default=False, description="true: take HTML away.")
    controls: Literal["remove", "keep"] = Field(default="remove", description="Control characters.")
    form: Literal["NFC", "NFD", "NFKC", "NFKD", "keep"] = Field(default="NFC", description="The Unicode normal form.")
    lines: Literal["all", "c4"] = Field(default="all", description="Which lines are kept.")
    whitespace: Literal["lines", "one_line", "keep"] = Field(default="lines", description="How blanks are written.")

    kind: ClassVar[str] = "normalize"

    def bind(self, schema: Schema) -> Self:
        return replace(self, columns=match(self.columns, schema, is_text, "text"))

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        def clean(arrays: Sequence[pa.Array]) -> list[pa.Array]:
            return [self._cleaned(arrays[0].cast(pa.string()))]

        return [Kernel((column,), {_named(at): pa.string()}, clean) for at, column in enumerate(self.columns)]

    def _cleaned(self, texts: pa.Array) -> pa.Array:
        if self.html:
            texts = cleaning.without_html(texts)
        if self.controls == "remove":
            texts = cleaning.without_controls(texts)
        if self.form != "keep":
            texts = cleaning.in_form(texts, self.form)
        if self.lines == "c4":
            texts = cleaning.with_lines_of_c4(texts)
        if self.whitespace != "keep":
            texts = cleaning.with_plain_blanks(texts, on_one_line=self.whitespace == "one_line")
        return texts

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        return frame.with_columns(*(nw.col(_named(at)).alias(column) for at, column in enumerate(self.columns)))

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        return {"changed": [nw.col(column) != nw.col(_named(at)) for at, column in enumerate(self.columns)]}

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.told_as}: texts stay as they were written anew ({column!r})" for column in self.columns]


def _named(at: int) -> str:
    return f"{HIDDEN}normalize_{at}"
