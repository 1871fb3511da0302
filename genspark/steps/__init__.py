"""The steps of a pipeline, one a file. Their fields are their YAML keys."""

from genspark.steps.augment import Augment, ColorJitter, GaussianNoise, Mixup, RandomCrop, TimeCrop, TokenMasking
from genspark.steps.base import Step
from genspark.steps.bucketize import Bucketize
from genspark.steps.cast import Cast
from genspark.steps.deduplicate import Deduplicate
from genspark.steps.drop import Drop
from genspark.steps.encode import Encode
from genspark.steps.expect import Expect
from genspark.steps.filter import Filter
from genspark.steps.impute import Impute
from genspark.steps.learner import Learner
from genspark.steps.outliers import Outliers
from genspark.steps.pii import Pii
from genspark.steps.rejection import Rejection
from genspark.steps.rename import Rename
from genspark.steps.reweigh import Reweigh
from genspark.steps.scale import Scale
from genspark.steps.select import Select
from genspark.steps.split import Split
from genspark.steps.transform import Transform
from genspark.steps.validate import Validate

__all__ = [
    "Augment",
    "Bucketize",
    "Cast",
    "ColorJitter",
    "Deduplicate",
    "Drop",
    "Encode",
    "Expect",
    "Filter",
    "GaussianNoise",
    "Impute",
    "Learner",
    "Mixup",
    "Outliers",
    "Pii",
    "RandomCrop",
    "Rejection",
    "Rename",
    "Reweigh",
    "Scale",
    "Select",
    "Split",
    "Step",
    "TimeCrop",
    "TokenMasking",
    "Transform",
    "Validate",
]
