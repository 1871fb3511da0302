"""MLflow itself, where it is installed; mlflow-skinny is enough."""

from __future__ import annotations

import importlib
from typing import Any

from genspark.errors import ConfigError


def package(place: str = "genspark.mlflow") -> Any:
    """MLflow. Raises ConfigError that names `place` where it is not installed."""
    try:
        return importlib.import_module("mlflow")
    except ImportError as error:
        raise ConfigError(f"{place}: MLflow cannot be imported ({error}): pip install mlflow-skinny") from None


def part(name: str) -> Any:
    """A module of MLflow's, such as `types`. Raises ConfigError where MLflow is not installed."""
    package()
    return importlib.import_module(f"mlflow.{name}")
