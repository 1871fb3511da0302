"""Cut long texts into pieces that overlap."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import narwhals as nw
import pyarrow as pa
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import HIDDEN
from genspark.columns.kernels import Kernel
from genspark.steps.base import STEP_CONFIG, BesideText
from genspark.steps.learner import Parameters


@dataclass(config=STEP_CONFIG)
class Chunk(BesideText):
    """Add `<column>_chunks`, a list of the pieces of a text: each of `size` characters at most, in their order.

    A piece begins `overlap` characters before the one before it ends, so that nothing is torn apart unseen; without
    the overlaps the pieces are the text again. at: words ends a piece after whitespace where the second half of it has
    some. Null has no list; an empty text has an empty one. Rows stay rows, and are counted as such: who wants a row for
    each piece explodes the column where it is read. The inverse takes the lists away.
    """

    size: Annotated[int, Field(ge=2)] = Field(default=1000, description="The most characters of a piece.")
    overlap: Annotated[int, Field(ge=0)] = Field(default=0, description="Characters that neighbours share, to half.")
    at: Literal["words", "characters"] = Field(default="words", description="Where pieces end.")

    kind: ClassVar[str] = "chunk"

    @model_validator(mode="after")
    def _goes_on(self) -> Self:
        if 2 * self.overlap > self.size:
            raise ValueError(f"overlap: {self.overlap} of {self.size} characters; give half of size or less")
        return self

    @property
    def added(self) -> Schema:
        return {self._pieces: nw.List(nw.String())}

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        cut = functools.partial(_cut, self.size, self.overlap, self.at == "words")
        return [Kernel((self.column,), {_PIECES: pa.list_(pa.string())}, cut)]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        return frame.with_columns(nw.col(_PIECES).alias(self._pieces))

    @property
    def _pieces(self) -> str:
        return f"{self.column}_chunks"


_PIECES = f"{HIDDEN}chunks"


def _cut(size: int, overlap: int, at_words: bool, arrays: Sequence[pa.Array]) -> list[pa.Array]:  # noqa: FBT001
    texts = arrays[0].to_pylist()
    found = [None if text is None else pieces(text, size, overlap, at_words=at_words) for text in texts]
    return [pa.array(found, pa.list_(pa.string()))]


def pieces(text: str, size: int, overlap: int, *, at_words: bool) -> list[str]:
    """The pieces of a text."""
    found: list[str] = []
    start = end = 0
    while end < len(text):
        end = min(start + size, len(text))
        if at_words and end < len(text):
            end = next((at for at in range(end, start + size // 2, -1) if text[at - 1].isspace()), end)
        found.append(text[start:end])
        start = end - overlap
    return found
