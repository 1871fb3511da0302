"""OpenLineage: the events by which a catalogue follows what a run read and wrote, down to columns.

The specification: https://openlineage.io/docs/spec/object-model. The classes are those of the official client, which
are made from the specification's JSON Schema.
"""

from __future__ import annotations

import datetime as dt
import importlib
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from genspark.cards.facts import Announcement, RunFacts
from genspark.errors import ConfigError
from genspark.storage.files import is_uri, storage_path
from genspark.storage.globs import is_glob
from genspark.storage.secrets import masked
from genspark.version import VERSION

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

State = Literal["START", "COMPLETE", "FAIL", "ABORT"]

PRODUCER = f"urn:genspark:{VERSION}"
"""The URI by which events name the program that made them."""


def require_client() -> None:
    """Raise ConfigError where the client's package is not installed."""
    try:
        importlib.import_module("openlineage.client")
    except ImportError:
        raise ConfigError(
            "lineage.openlineage: events need the package openlineage-python: pip install 'genspark[openlineage]'"
        ) from None


def event(
    state: State, run: Announcement, when: dt.datetime, *, facts: RunFacts | None = None, error: str | None = None
) -> RunEvent:
    """An event of a run: that it starts, completes or ends otherwise, with what is known of it by then."""
    from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import error_message_run, job_type_job, processing_engine_run

    of_run: dict[str, Any] = {}
    if facts is not None:
        engine = processing_engine_run.ProcessingEngineRunFacet(version=VERSION, name=f"genspark {facts.engine}")
        of_run["processing_engine"] = _made_here(engine)
    if error is not None:
        message = error_message_run.ErrorMessageRunFacet(message=masked(error), programmingLanguage="PYTHON")
        of_run["errorMessage"] = _made_here(message)
    kind = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="GENSPARK", jobType="JOB")
    return RunEvent(
        eventTime=when.isoformat(),
        producer=PRODUCER,
        run=Run(runId=str(uuid.UUID(run.run_id)), facets=of_run),
        job=Job(namespace=run.namespace, name=run.job, facets={"jobType": _made_here(kind)}),
        eventType=RunState(state),
        **datasets(run, facts),
    )


def datasets(run: Announcement, facts: RunFacts | None) -> dict[str, list[Any]]:
    """The `inputs` and `outputs` of a run's events, with what is known of them by then."""
    return {"inputs": [_input(path, facts) for path in run.reads], "outputs": [_output(run, facts)]}


def dataset_name(path: str) -> tuple[str, str]:
    """The namespace and the name by which OpenLineage calls what is at a path; of a glob, the folder it begins with."""
    path = masked(storage_path(path))
    if is_glob(path):
        fixed = path[: next(at for at in range(len(path)) if is_glob(path[at]))]
        path = fixed.rpartition("/")[0]
    if not is_uri(path):
        return "file", path or "/"
    scheme, _, rest = path.partition("://")
    authority, _, inside = rest.partition("/")
    return f"{scheme}://{authority}", inside.rstrip("/") or "/"


def _input(path: str, facts: RunFacts | None) -> Any:
    from openlineage.client.event_v2 import InputDataset

    namespace, name = dataset_name(path)
    facets = {"schema": _schema(list(facts.source_columns.items()))} if facts else {}
    version = facts.source.get("version") if facts else None
    return InputDataset(namespace, name, facets={**facets, **(_version(version) if version is not None else {})})


def _output(run: Announcement, facts: RunFacts | None) -> Any:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import lifecycle_state_change_dataset, output_statistics_output_dataset

    namespace, name = dataset_name(run.writes)
    if facts is None:
        return OutputDataset(namespace, name)
    facets = {
        "schema": _schema(list(facts.columns.items())),
        "columnLineage": _column_lineage(run, facts),
        **_version(facts.version),
    }
    if facts.mode == "overwrite":
        overwrites = lifecycle_state_change_dataset.LifecycleStateChange.OVERWRITE
        change = lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet(lifecycleStateChange=overwrites)
        facets["lifecycleStateChange"] = _made_here(change)
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=facts.rows_written, size=facts.bytes_written, fileCount=facts.files_written
    )
    return OutputDataset(namespace, name, facets=facets, outputFacets={"outputStatistics": _made_here(statistics)})


def _schema(columns: Sequence[tuple[str, str]]) -> Any:
    from openlineage.client.facet_v2 import schema_dataset

    fields = [schema_dataset.SchemaDatasetFacetFields(name=name, type=kind) for name, kind in columns]
    return _made_here(schema_dataset.SchemaDatasetFacet(fields=fields))


def _version(version: Any) -> dict[str, Any]:
    from openlineage.client.facet_v2 import dataset_version_dataset

    return {"version": _made_here(dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=str(version)))}


def _column_lineage(run: Announcement, facts: RunFacts) -> Any:
    """What each column is made from. By which columns rows were taken out concerns the table as a whole."""
    from openlineage.client.facet_v2 import column_lineage_dataset as lineage

    sources = [dataset_name(path) for path in run.reads]

    def inputs(columns: Sequence[str], how: str, subtype: str, *, masking: bool = False) -> list[Any]:
        transformation = lineage.Transformation(type=how, subtype=subtype, masking=masking)
        return [lineage.InputField(*source, column, [transformation]) for column in columns for source in sources]

    fields = {}
    for column, history in facts.histories.items():
        if column in facts.columns:
            subtype = "TRANSFORMATION" if history.changes else "IDENTITY"
            made = inputs(history.made_from, "DIRECT", subtype)
            drawn = inputs(history.drawn_from, "INDIRECT", "CONDITIONAL", masking=True)
            fields[column] = lineage.Fields(inputFields=[*made, *drawn])
    whole = inputs(facts.judged, "INDIRECT", "FILTER")
    return _made_here(lineage.ColumnLineageDatasetFacet(fields=fields, dataset=whole))


def _made_here(facet: Any) -> Any:
    facet._producer = PRODUCER
    return facet
