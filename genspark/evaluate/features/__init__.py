"""Features of images, texts and rows: extractors, each named and hashed, and what runs them on any frame."""

from genspark.evaluate.features.columns import Columns, Given, Pixels
from genspark.evaluate.features.extracting import extract
from genspark.evaluate.features.extractor import Extractor, named
from genspark.evaluate.features.hugging_face import HuggingFace
from genspark.evaluate.features.inception import Inception
from genspark.evaluate.features.onnx import Onnx
from genspark.evaluate.features.torch_module import Torch

__all__ = [
    "Columns",
    "Extractor",
    "Given",
    "HuggingFace",
    "Inception",
    "Onnx",
    "Pixels",
    "Torch",
    "extract",
    "named",
]
