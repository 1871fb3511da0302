"""What MLflow loads a logged model by: it transforms frames, and inverts them where the parameter says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genspark.pipeline.model import PipelineModel

INVERSE = "inverse"


class Served:
    """A fitted model with the one method that MLflow calls."""

    def __init__(self, model: PipelineModel) -> None:
        self.model = model

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """The frame transformed, or with `inverse` brought back."""
        is_inverse = bool((params or {}).get(INVERSE))
        return self.model.inverse_transform(model_input) if is_inverse else self.model.transform(model_input)


def _load_pyfunc(path: str) -> Served:
    """The model of the file that was logged; MLflow calls this by its name."""
    return Served(PipelineModel.load(path))
