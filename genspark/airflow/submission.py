"""A job that a process of its own runs, on a cluster or by a Connect server, and what becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from genspark.config import JobConfig
from genspark.errors import GensparkError, first_line
from genspark.job import standing
from genspark.job.asked import failure
from genspark.storage.secrets import masked

Outcome = dict[str, Any]
"""`report` of a run that is in the table; else `error`, with the `exit_code` of the process where that told of it.

`kind` is the class of the error where genspark said it.
"""


@dataclass
class Submission:
    """A command that runs a job, or hands it to a cluster: spark-submit up to its application, or genspark itself.

    `submit` is the former; `remote` the address of a Connect server, for the latter. `config_there` is what the command
    calls the job's file, where it is not as here.
    """

    config: str
    sets: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    submit: Sequence[str] = ()
    remote: str | None = None
    config_there: str | None = None
    poll_every: float = 15.0
    _process: asyncio.subprocess.Process | None = field(default=None, init=False, repr=False)

    def job(self) -> JobConfig:
        """The job. Raises ConfigError with every mistake."""
        return JobConfig.from_yaml(self.config, sets=self.sets, env={**os.environ, **self.variables})

    @property
    def command(self) -> list[str]:
        """The command as it is run."""
        program = list(self.submit) or [sys.executable, "-m", "genspark.cli", "run"]
        sets = [part for one in self.sets for part in ("--set", one)]
        return [*program, self.config_there or self.config, *sets, "--json"]

    async def outcome(self) -> Outcome:
        """Run the command, unless the job is done already, and wait until the job is done or has failed.

        Where the command ends well without a report, as one does that only hands the job to a cluster, the table's log
        and the ledger are asked again and again.
        """
        began, config = dt.datetime.now(dt.UTC), self.job()
        try:
            stands = await asyncio.to_thread(standing, config)
        except GensparkError as error:
            return {"error": masked(str(error)), "exit_code": error.exit_code, "kind": type(error).__name__}
        if stands.done:
            return {"report": stands.done.to_json()}
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
            code = await self._ended(out, errors)
            if code:
                return {"error": f"{self.command[0]} said nothing", "exit_code": code, **_said(errors)}
            report = _report(out)
        return {"report": report} if report else await self._watched(config, stands.key, began)

    async def _ended(self, out: IO[str], errors: IO[str]) -> int:
        own = {"GENSPARK_LOG": "json", **({"SPARK_REMOTE": self.remote} if self.remote else {})}
        env = {**os.environ, **self.variables, **own}
        try:
            self._process = await asyncio.create_subprocess_exec(*self.command, stdout=out, stderr=errors, env=env)
        except OSError as error:
            errors.write(f"{self.command[0]} cannot be started ({error.strerror})")
            return 127
        try:
            return await self._process.wait()
        finally:
            # Whoever stops waiting does not want it any more.
            self.stop()

    async def _watched(self, config: JobConfig, key: str, began: dt.datetime) -> Outcome:
        while True:
            with contextlib.suppress(GensparkError):
                done = (await asyncio.to_thread(standing, config)).done
                if done:
                    return {"report": done.to_json()}
            why = await asyncio.to_thread(failure, config, key, began)
            if why is not None:
                return {"error": why, "exit_code": None}
            await asyncio.sleep(self.poll_every)

    def stop(self) -> None:
        """End the process, if it is there: its run leaves the table as it was, or whole."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()


def _report(out: IO[str]) -> dict[str, Any] | None:
    """The report that a job printed last; None where it printed none."""
    out.seek(0)
    return _last(out.read().splitlines(), lambda told: "table_version" in told)


def _said(errors: IO[str]) -> Outcome:
    """The error that genspark said last, as a line of JSON or as text; else the last line of whoever did."""
    errors.seek(0)
    lines = [line for line in errors.read().splitlines() if line.strip()]
    told = _last(lines, lambda told: told.get("event") == "error")
    if told is not None:
        return {"error": masked(first_line(told["message"])), "kind": told.get("kind", "")}
    own = [line.removeprefix("genspark: ") for line in lines if line.startswith("genspark: ")]
    return {"error": masked(first_line((own or lines)[-1]))} if lines else {}


def _last(lines: Sequence[str], fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
    """The last of the lines that is an object of JSON which fits; None where none is."""
    for line in reversed(lines):
        with contextlib.suppress(ValueError):
            told = json.loads(line)
            if isinstance(told, dict) and fits(told):
                return told
    return None
