"""Names of persons and places in text, by Presidio and a spaCy model on this machine."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genspark.errors import ConfigError

KINDS_OF_NAMES = {"person": "PERSON", "place": "LOCATION"}
"""The kinds that Presidio finds here, with its names for them."""


@dataclass(frozen=True)
class Names:
    """Text -> (start, end, kind) of the names in it. The model is loaded once in each process."""

    model: str
    language: str
    kinds: tuple[str, ...] = tuple(KINDS_OF_NAMES)

    def __call__(self, text: str) -> list[tuple[int, int, str]]:
        """Where names are; the surest first."""
        wanted = {KINDS_OF_NAMES[kind]: kind for kind in self.kinds}
        found = _analyzer(self.model, self.language).analyze(text, language=self.language, entities=list(wanted))
        ranked = sorted(found, key=lambda one: (-one.score, one.start))
        return [(one.start, one.end, wanted[one.entity_type]) for one in ranked]

    def check(self, told_as: str) -> None:
        """Raise ConfigError where Presidio or the model is not here: nothing is fetched from elsewhere."""
        if importlib.util.find_spec("presidio_analyzer") is None:
            raise ConfigError(f"{told_as}: model: names need Presidio; pip install 'genspark[presidio]'")
        is_package = self.model.isidentifier() and importlib.util.find_spec(self.model) is not None
        if not (is_package or Path(self.model).is_dir()):
            raise ConfigError(
                f"{told_as}: model: {self.model} is no folder with a spaCy model, nor a package that is installed; "
                "install one, such as en_core_web_lg, or save one by nlp.to_disk"
            )


@functools.lru_cache(maxsize=4)
def _analyzer(model: str, language: str) -> Any:
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    told = {"nlp_engine_name": "spacy", "models": [{"lang_code": language, "model_name": model}]}
    engine = NlpEngineProvider(nlp_configuration=told).create_engine()
    # Numbers and addresses are found by the patterns of the step.
    registry = RecognizerRegistry(
        recognizers=[SpacyRecognizer(supported_language=language)], supported_languages=[language]
    )
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])
