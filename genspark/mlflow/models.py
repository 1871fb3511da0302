"""A fitted model as a model of MLflow, which holds its JSON and no pickle."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

from genspark.mlflow.package import part
from genspark.mlflow.served import INVERSE
from genspark.pipeline.model import PipelineModel
from genspark.version import VERSION

LOADER = "genspark.mlflow.served"


def log_model(model: PipelineModel | str, name: str = "preparation", **more: Any) -> Any:
    """Log a fitted model, or the one at a path, in MLflow's active run, and return what MLflow tells of it.

    `mlflow.pyfunc.load_model(...).predict(frame)` transforms a pandas, Polars or PyArrow frame; with
    `params={"inverse": True}` it inverts. `more` goes to `mlflow.pyfunc.log_model`, such as `registered_model_name`.
    Raises ConfigError where MLflow is not installed, ModelError where the model cannot be read.
    """
    fitted = PipelineModel.load(model) if isinstance(model, str) else model
    models, types = part("models"), part("types.schema")
    # Of the parameter alone: MLflow would hold frames that are to be inverted to the columns of the input.
    params = types.ParamSchema([types.ParamSpec(INVERSE, types.DataType.boolean, False)])
    about = {
        "model_sha256": fitted.sha256,
        "columns": {column: str(kind) for column, kind in fitted.input_schema.items()},
        "losses": list(fitted.losses()),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        fitted.save(str(path))
        given = {
            "name": name,
            "loader_module": LOADER,
            "data_path": str(path),
            "pip_requirements": [f"genspark=={VERSION}"],
            "signature": models.ModelSignature(params=params),
            "metadata": {"genspark": about},
        }
        with warnings.catch_warnings():
            # It would check the signature, which is of the parameter alone.
            warnings.filterwarnings("ignore", message=".*input example was not provided", category=UserWarning)
            return part("pyfunc").log_model(**{**given, **more})
