"""Tables as Assets of Airflow: a DAG that is scheduled on one starts with each new version."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.execution_time.context import InletEventsAccessor

from genspark.cards.openlineage import dataset_name
from genspark.errors import ConfigError
from genspark.storage.files import is_uri, local

RECENT = 100
"""The events of an Asset among which a version is looked for."""
PATIENCE = 20.0
"""Seconds in which a task that is at its end may still tell of the version that it wrote."""


def table_asset(path: str) -> Asset:
    """The Asset of the table at a path, named as OpenLineage names the table.

    Raises ConfigError for a relative path: whoever reads the DAG and whoever runs the task are in folders of their own,
    and would know two Assets.
    """
    if not is_uri(path) and not local(path).is_absolute():
        raise ConfigError(
            f"table_asset: {path!r} is no path from the root: each process takes it for another; give one or a URI"
        )
    return Asset(uri=_uri(path))


def tell_assets(task: Any, context: Mapping[str, Any], report: Mapping[str, Any]) -> None:
    """Let the event of the table's Asset, if that is an outlet of the task, tell version and run.

    A version that an event has told of already gets none. One that no event told of gets its own, whoever wrote it: so
    it is where a task was killed after its commit, and the next try finds the work done. A task that wrote it just now
    tells at its end, which is waited for.
    """
    version, uri = report["table_version"], _uri(report["table"])
    for asset in [each for each in task.outlets if isinstance(each, Asset) and each.uri == uri]:
        if report["already_done"] and _is_told(asset, version):
            task.outlets = [each for each in task.outlets if each is not asset]
        else:
            told = ("table", "name", "run_id", "rows_written", "already_done")
            context["outlet_events"][asset].extra = {"version": version, **{name: report[name] for name in told}}


def _is_told(asset: Asset, version: int) -> bool:
    until = time.monotonic() + PATIENCE
    while True:
        events = InletEventsAccessor(asset_name=asset.name, asset_uri=asset.uri).ascending(False).limit(RECENT)
        if any(event.extra.get("version") == version for event in events):
            return True
        if time.monotonic() > until:
            return False
        time.sleep(1)


def _uri(path: str) -> str:
    namespace, name = dataset_name(path)
    return f"file://{name}" if namespace == "file" else f"{namespace}/{name}"
