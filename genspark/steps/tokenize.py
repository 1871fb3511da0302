"""Cut texts into the tokens of a model's vocabulary."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, Any, ClassVar, Self, cast

import narwhals as nw
import pyarrow as pa
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import HIDDEN
from genspark.columns.kernels import Kernel
from genspark.errors import ModelError, PlanError, SchemaError
from genspark.steps.base import STEP_CONFIG, BesideText
from genspark.steps.learner import Learner, Parameters
from genspark.storage.files import read_text


@plain_dataclass(frozen=True)
class Vocabulary(Learner):
    """Notes which tokenizer it is, so that no other one is taken for it later."""

    tokenizer: str

    def parameters(self, states: Any, schema: Schema) -> Parameters:
        return {"sha256": digest(read_text(self.tokenizer))}


@dataclass(config=STEP_CONFIG)
class Tokenize(BesideText):
    """Add `<column>_tokens`, the ids of a text's tokens, by a tokenizer.json of Hugging Face's tokenizers.

    The file is a local one or at a URI, and nothing is downloaded for it (pip install 'genspark[tokenize]'). The model
    keeps the sha256 of the file and refuses another. `special` adds what the tokenizer puts about a text, such as its
    end. `most` cuts longer texts, which the report counts as cut; without it each token is there once. Padding
    and truncation that the file asks for are left to readers. Null has no tokens, which is null; an empty text has an
    empty list. The inverse takes the tokens away.
    """

    tokenizer: str = Field(description="The tokenizer.json.")
    special: bool = Field(default=True, description="true: with the special tokens of the tokenizer.")
    most: Annotated[int, Field(ge=1)] | None = Field(default=None, description="The most tokens; left out: all.")

    kind: ClassVar[str] = "tokenize"

    def bind(self, schema: Schema) -> Self:
        bound = super().bind(schema)
        _content(self.tokenizer)
        return bound

    @property
    def added(self) -> Schema:
        return {self._tokens: nw.List(nw.Int32())}

    def learner(self) -> Vocabulary:
        return Vocabulary(self.tokenizer)

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        cut = functools.partial(_cut, self._content_of(parameters["sha256"]), self.special, self.most)
        return [Kernel((self.column,), {_TOKENS: pa.list_(pa.int32()), _IS_CUT: pa.bool_()}, cut)]

    def _content_of(self, sha256: str) -> str:
        content = _content(self.tokenizer)
        if digest(content) != sha256:
            raise ModelError(
                f"{self.told_as}: tokenizer: {self.tokenizer} is another file than the model was fitted with; fit again"
            )
        return content

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        return frame.with_columns(nw.col(_TOKENS).alias(self._tokens))

    def counts(self, parameters: Parameters) -> dict[str, Sequence[nw.Expr]]:
        return {} if self.most is None else {"cut": [nw.col(_IS_CUT)]}

    @property
    def _tokens(self) -> str:
        return f"{self.column}_tokens"


_TOKENS, _IS_CUT = f"{HIDDEN}tokens", f"{HIDDEN}tokens_cut"


def digest(content: str) -> str:
    """The sha256 of a tokenizer's file."""
    return hashlib.sha256(content.encode()).hexdigest()


def _content(path: str) -> str:
    """The text of a tokenizer.json, which is one. Raises SchemaError, or PlanError where tokenizers is missing."""
    try:
        content = read_text(path)
    except OSError as error:
        raise SchemaError([f"tokenizer: {path} cannot be read: {error}"]) from None
    try:
        tokenizer_of(content)
    except ImportError:
        raise PlanError("tokenize: needs tokenizers; pip install 'genspark[tokenize]'") from None
    except Exception as error:
        raise SchemaError([f"tokenizer: {path} is no tokenizer.json: {error}"]) from None
    return content


@functools.lru_cache(maxsize=4)
def tokenizer_of(content: str) -> Any:
    """The tokenizer of a tokenizer.json's text, which neither pads nor cuts."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(content)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _cut(content: str, special: bool, most: int | None, arrays: Sequence[pa.Array]) -> list[pa.Array]:  # noqa: FBT001
    """Tokens of texts, and whether more were there."""
    texts = arrays[0].to_pylist()
    there = [at for at, text in enumerate(texts) if text is not None]
    encoded = tokenizer_of(content).encode_batch_fast([texts[at] for at in there], add_special_tokens=special)
    tokens: list[list[int] | None] = [None] * len(texts)
    for at, one in zip(there, encoded, strict=True):
        tokens[at] = cast("list[int]", one.ids)
    is_cut = [most is not None and one is not None and len(one) > most for one in tokens]
    kept = [one if one is None else one[:most] for one in tokens]
    return [pa.array(kept, pa.list_(pa.int32())), pa.array(is_cut, pa.bool_())]
