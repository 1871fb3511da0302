"""Reviews by experts: a blinded sample of real and generated items, and what the reviewers made of it."""

from genspark.evaluate.review.making import make
from genspark.evaluate.review.reading import Review, read

__all__ = ["Review", "make", "read"]
