"""What MLflow is told: of tables as datasets, of fitted models as models that transform and invert, and of runs."""

from genspark.mlflow.models import log_model
from genspark.mlflow.tables import dataset, log_table

__all__ = ["dataset", "log_model", "log_table"]
