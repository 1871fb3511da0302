"""The steps of a pipeline, one a file. Their fields are their YAML keys."""

from genspark.steps.anonymize import Anonymize
from genspark.steps.augment import Augment, ColorJitter, GaussianNoise, Mixup, RandomCrop, TimeCrop, TokenMasking
from genspark.steps.base import Step
from genspark.steps.bucketize import Bucketize
from genspark.steps.cast import Cast
from genspark.steps.chunk import Chunk
from genspark.steps.deduplicate import Deduplicate
from genspark.steps.drop import Drop
from genspark.steps.encode import Encode
from genspark.steps.expect import Expect
from genspark.steps.filter import Filter
from genspark.steps.impute import Impute
from genspark.steps.language import Language
from genspark.steps.learner import Learner
from genspark.steps.normalize import Normalize
from genspark.steps.outliers import Outliers
from genspark.steps.persons import hiding_kinds
from genspark.steps.pii import Pii
from genspark.steps.pseudonymize import Pseudonymize
from genspark.steps.quality import Quality
from genspark.steps.rejection import Rejection
from genspark.steps.rename import Rename
from genspark.steps.reweigh import Reweigh
from genspark.steps.scale import Scale
from genspark.steps.select import Select
from genspark.steps.split import Split
from genspark.steps.tokenize import Tokenize
from genspark.steps.transform import Transform
from genspark.steps.validate import Validate

__all__ = [
    "Anonymize",
    "Augment",
    "Bucketize",
    "Cast",
    "Chunk",
    "ColorJitter",
    "Deduplicate",
    "Drop",
    "Encode",
    "Expect",
    "Filter",
    "GaussianNoise",
    "Impute",
    "Language",
    "Learner",
    "Mixup",
    "Normalize",
    "Outliers",
    "Pii",
    "Pseudonymize",
    "Quality",
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
    "Tokenize",
    "Transform",
    "Validate",
    "hiding_kinds",
]
