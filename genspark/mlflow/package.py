"""MLflow itself, where it is installed (mlflow-skinny is enough), and a run of it begun."""

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


def started(mlflow: Any, experiment: str, name: str, **more: Any) -> Any:
    """A new run of an experiment, for a block: inside the run that is active there, if any.

    The experiment is made where it is absent. `more` goes to MLflow's `start_run`, such as `tags`. Raises what MLflow
    does.
    """
    # By its id: what a caller has set for other runs stays.
    there = mlflow.get_experiment_by_name(experiment)
    which = there.experiment_id if there else mlflow.create_experiment(experiment)
    is_nested = mlflow.active_run() is not None
    return mlflow.start_run(run_name=name, experiment_id=which, nested=is_nested, **more)


def part(name: str) -> Any:
    """A module of MLflow's, such as `types`. Raises ConfigError where MLflow is not installed."""
    package()
    return importlib.import_module(f"mlflow.{name}")
