"""Features by a model in a local folder, as `save_pretrained` of transformers writes it; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.errors import ConfigError, first_line
from genspark.evaluate.features.extractor import EXTRACTOR, Batch, Extractor, Opened, Vectors, present
from genspark.evaluate.features.network import as_vectors
from genspark.evaluate.features.pictures import by_batches, decoded, require_pillow
from genspark.evaluate.features.torch_module import REMEDY
from genspark.evaluate.features.weights import package, sha256_of

_REMEDY = "pip install transformers"


@dataclass(frozen=True, config=EXTRACTOR, kw_only=True)
class HuggingFace(Extractor):
    """A model of transformers on images or on texts, whose preprocessing its folder tells.

    The vector is the model's `image_embeds` or `text_embeds` where it has them, as CLIP does, else its pooled output,
    else the mean over the tokens.
    """

    path: str = Field(min_length=1, description="The folder that `save_pretrained` wrote.")
    image: str | None = Field(default=None, description="The column of encoded images.")
    text: str | None = Field(default=None, description="The column of texts, in place of images.")

    unit: bool = Field(default=False, description="Divide each vector by its length, as CMMD asks of CLIP's.")

    kind: ClassVar[str] = "huggingface"
    beside: ClassVar[frozenset[str]] = frozenset({"path"})
    batch: ClassVar[int] = 32

    @model_validator(mode="after")
    def _reads_one(self) -> Self:
        if bool(self.image) == bool(self.text):
            raise ValueError("needs one of image and text, the column that it reads")
        return self

    def reads(self, columns: Sequence[str]) -> tuple[str, ...]:
        return (present(columns, self.image or self.text or "", self.kind),)

    def check(self) -> None:
        if self.image:
            require_pillow(self.kind)
        package("torch", self.kind, REMEDY)
        package("transformers", self.kind, _REMEDY)
        if not (Path(self.path).expanduser() / "config.json").is_file():
            raise ConfigError(
                f"huggingface.path: {self.path} is no folder with a config.json; weights are never downloaded: "
                "write one by model.save_pretrained and processor.save_pretrained"
            )

    @property
    def sha256(self) -> str | None:
        return sha256_of(self.path)

    def open(self) -> Opened:
        transformers = package("transformers", self.kind, _REMEDY)
        folder = str(Path(self.path).expanduser())
        reader = transformers.AutoImageProcessor if self.image else transformers.AutoTokenizer
        try:
            prepare = reader.from_pretrained(folder, local_files_only=True)
            model = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()
        except Exception as error:
            raise ConfigError(f"huggingface.path: {self.path} cannot be loaded ({first_line(error)})") from None
        run = self._run(prepare, model)
        if self.image:
            return lambda arrays: by_batches(arrays[0], self.batch, lambda one: np.asarray(decoded(one)), run)
        return lambda arrays: self._of_texts(arrays[0], run)

    def _run(self, prepare: Any, model: Any) -> Callable[[Sequence[Any]], Vectors]:
        torch = package("torch", self.kind, REMEDY)
        embed = getattr(model, "get_image_features" if self.image else "get_text_features", None)

        def run(some: Sequence[Any]) -> Vectors:
            given = {"images": list(some)} if self.image else {"text": list(some), "padding": True, "truncation": True}
            with torch.inference_mode():
                batch = prepare(**given, return_tensors="pt")
                made = embed(**batch) if embed else model(**batch)
                found = as_vectors(_vector(made, batch.get("attention_mask")).numpy(), len(some), self.kind)
                return found / np.linalg.norm(found, axis=1, keepdims=True) if self.unit else found

        return run

    def _of_texts(self, texts: pa.Array, run: Callable[[Sequence[Any]], Vectors]) -> Batch:
        rows = texts.to_pylist()
        faults = ["null" if text is None else None for text in rows]
        # Of about one length in a batch, so that little is padded.
        order = sorted((row for row, text in enumerate(rows) if text is not None), key=lambda row: len(rows[row]))
        places = [order[start : start + self.batch] for start in range(0, len(order), self.batch)]
        made = [run([rows[row] for row in some]) for some in places]
        vectors = np.zeros((len(rows), made[0].shape[1] if made else 0), np.float32)
        for some, found in zip(places, made, strict=True):
            vectors[some] = found
        return Batch(vectors, faults)


def _vector(made: Any, mask: Any) -> Any:
    if hasattr(made, "shape"):
        return made
    pooled = getattr(made, "pooler_output", None)
    if pooled is not None:
        return pooled
    tokens = made.last_hidden_state
    if mask is None:
        return tokens.mean(dim=1)
    weight = mask[..., None].to(tokens.dtype)
    return (tokens * weight).sum(dim=1) / weight.sum(dim=1)
