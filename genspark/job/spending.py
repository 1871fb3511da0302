"""What a private fit spends of the budget of its table, written down before anything is read."""

from __future__ import annotations

from collections.abc import Callable

from genspark.config import JobConfig
from genspark.job.runners.base import Runner
from genspark.pipeline.plan import Plan
from genspark.pipeline.private import MECHANISM, releases
from genspark.sinks.epsilon import spend


def spend_on_fit(config: JobConfig, runner: Runner, plan: Plan, note: Callable[[str], None], *, finds: bool) -> None:
    """Write the fit down in the ledger of the job's table, where the job has a section `privacy`.

    `finds`: the table was not looked for. Raises ConfigError where less is left than the fit takes.
    """
    section = config.privacy
    if section is None:
        return
    if finds:
        runner.look_at_target()
    table, query = runner.target, f"fit of {config.name}: {len(releases(plan))} statistics"
    version = -1 if table.version is None else table.version
    left = spend(table.path, version, query, section.epsilon, section.budget, MECHANISM, "privacy.")
    note(f"privacy: epsilon {section.epsilon:g} spent on the fit; {left:g} left of {section.budget:g}")
