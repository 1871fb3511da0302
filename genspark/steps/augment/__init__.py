"""How each row is augmented, drawn and written down."""

from genspark.steps.augment.images import ColorJitter, RandomCrop
from genspark.steps.augment.step import Augment
from genspark.steps.augment.values import GaussianNoise, Mixup, TimeCrop, TokenMasking

__all__ = ["Augment", "ColorJitter", "GaussianNoise", "Mixup", "RandomCrop", "TimeCrop", "TokenMasking"]
