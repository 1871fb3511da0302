"""The operator that runs a job, in the worker's process or on a cluster."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from genspark import errors, job
from genspark.airflow.assets import tell_assets
from genspark.airflow.submission import Outcome, Submission
from genspark.airflow.triggers import GensparkRunTrigger
from genspark.cards.facts import Announcement
from genspark.cards.openlineage import datasets
from genspark.errors import ConfigError, GensparkError, PlanError, TargetError, first_line
from genspark.job.publishing import facts_again
from genspark.job.report import RunReport
from genspark.sources.source import paths_of

HOPELESS = (ConfigError, PlanError, TargetError)
"""Mistakes that a second try meets again."""


class GensparkRunOperator(BaseOperator):  # type: ignore[misc]
    """`genspark run` as a task; its XCom is the run's report as plain JSON.

    A run happens once, so that a task may be retried, cleared and run twice at the same time: a try that finds the work
    done has `already_done` in its report. `config` is the job's YAML file, `sets` are overrides such as
    `sink.path=out/trips`, and `variables` values of `${VAR}` in it beside the environment's.

    It runs in the worker's process, unless one of two is given. `submit` is spark-submit with its options, up to the
    application; `config_there` is what the cluster calls the job's file, if another name. `remote` is the address of a
    Connect server (`sc://...`). With `deferrable` the process of either is the triggerer's, and no worker waits.
    `poll_every` are the seconds between two looks where the process does not wait for the job.

    An outlet that is the table's `table_asset` gets an event for each new version, with version, run and rows.
    """

    template_fields = ("config", "sets", "variables", "submit", "remote", "config_there")

    def __init__(
        self,
        *,
        config: str,
        sets: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        submit: Sequence[str] = (),
        remote: str | None = None,
        config_there: str | None = None,
        deferrable: bool = False,
        poll_every: float = 15.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.config = config
        self.sets = list(sets)
        self.variables = dict(variables or {})
        self.submit = list(submit)
        self.remote = remote
        self.config_there = config_there
        self.deferrable = deferrable
        self.poll_every = poll_every
        self._submission: Submission | None = None
        self._lineage: dict[str, list[Any]] = {}

    def execute(self, context: Any) -> dict[str, Any]:
        """Run the job, or defer until it is done. A mistake in the job fails without another try."""
        given = self._given()
        self._submission = submission = Submission(**given)
        is_elsewhere = bool(self.submit or self.remote)
        try:
            config = submission.job()
            if not is_elsewhere:
                return self._told(context, job.run(config).to_json())
        except HOPELESS as error:
            raise AirflowFailException(str(error)) from None
        except GensparkError as error:
            raise AirflowException(str(error)) from None
        if self.deferrable:
            self.defer(
                trigger=GensparkRunTrigger(**given), method_name="execute_complete", timeout=self.execution_timeout
            )
        return self.execute_complete(context, asyncio.run(submission.outcome()))

    def execute_complete(self, context: Any, event: Outcome) -> dict[str, Any]:
        """The report of a run elsewhere. Raises AirflowException with what went wrong there, as `execute` does."""
        if "report" not in event:
            code = f" (exit code {event['exit_code']})" if event.get("exit_code") else ""
            kind = AirflowFailException if _is_hopeless(event) else AirflowException
            raise kind(f"{event.get('error', 'the trigger told nothing')}{code}")
        return self._told(context, event["report"])

    def on_kill(self) -> None:
        """End the process of a run elsewhere that the worker waits for. A driver in cluster mode goes on."""
        if self._submission:
            self._submission.stop()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """The run's datasets for Airflow's OpenLineage provider, as genspark's own events have them."""
        from airflow.providers.openlineage.extractors import OperatorLineage

        return OperatorLineage(**self._lineage)

    def _told(self, context: Any, report: dict[str, Any]) -> dict[str, Any]:
        # The provider asks in a fork of this process, where Polars lacks its threads and may wait for ever.
        if importlib.util.find_spec("airflow.providers.openlineage"):
            try:
                self._lineage = self._datasets(report)
            except Exception as error:  # whatever goes wrong here, the table stands
                self.log.warning("OpenLineage is not told of the datasets: %s", first_line(error))
        tell_assets(self, context, report)
        return report

    def _datasets(self, report: Mapping[str, Any]) -> dict[str, list[Any]]:
        config, told = Submission(**self._given()).job(), RunReport.from_json(report)
        run = Announcement(config.name, told.run_id, "", tuple(paths_of(config.source)), config.sink.path)
        return datasets(run, facts_again(config, told))

    def _given(self) -> dict[str, Any]:
        names = ("config", "sets", "variables", "submit", "remote", "config_there", "poll_every")
        return {name: getattr(self, name) for name in names}


def _is_hopeless(event: Outcome) -> bool:
    """Whether a second try would meet the same mistake; where only the exit code tells, any mistake of the user's."""
    kind = getattr(errors, event.get("kind", ""), None)
    if kind is None:
        return event.get("exit_code") == ConfigError.exit_code
    return issubclass(kind, HOPELESS)
