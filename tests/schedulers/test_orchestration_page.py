"""The blocks of docs/orchestration.md: manifests that Kubernetes and GitHub take, commands that there are."""

from __future__ import annotations

import copy
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import polars as pl
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from scheduling import REPOSITORY, done, variables
from test_docs import blocks

from genspark.cli import main
from genspark.errors import ConfigError

PAGE = REPOSITORY / "docs" / "orchestration.md"
MANIFESTS = [yaml.safe_load(text) for text in blocks(PAGE, "yaml")]
(CRON_JOB,) = [one for one in MANIFESTS if one.get("kind") == "CronJob"]
# To YAML 1.1, in which PyYAML reads, `on` is true; to GitHub it is a word.
(WORKFLOW,) = [{"on" if key is True else key: value for key, value in one.items()} for one in MANIFESTS if True in one]
(CRONTAB,) = blocks(PAGE, "crontab")


def check_pod(manifest: Any) -> None:
    kubernetes_validate.validate(manifest, "1.34.0", strict=True)


def check_workflow(manifest: Any) -> None:
    jsonschema.validate(manifest, get_builtin_schema("vendor.github-workflows"))


def test_kubernetes_takes_the_cron_job() -> None:
    check_pod(CRON_JOB)
    job = CRON_JOB["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    (rule,) = job["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["containerName"] == container["name"]
    assert rule["onExitCodes"]["values"] == [ConfigError.exit_code]
    # The policy is for pods that are not started again in their place.
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    (mount,), (volume,) = container["volumeMounts"], job["template"]["spec"]["volumes"]
    assert mount["name"] == volume["name"]
    assert container["args"][1].startswith(f"{mount['mountPath']}/")


def test_github_takes_the_workflow() -> None:
    check_workflow(WORKFLOW)
    (job,) = WORKFLOW["jobs"].values()
    # Without it a step ends with the code of the last command of a pipe.
    assert all(step.get("shell") == "bash" for step in job["steps"] if "|" in step.get("run", ""))


def test_a_mistake_in_a_manifest_is_found_out() -> None:
    pod, workflow = copy.deepcopy(CRON_JOB), copy.deepcopy(WORKFLOW)
    pod["spec"]["jobTemplate"]["spec"]["backOffLimit"] = 3
    with pytest.raises(kubernetes_validate.ValidationError, match="backOffLimit"):
        check_pod(pod)
    workflow["jobs"]["run"]["timeout_minutes"] = 120
    with pytest.raises(jsonschema.ValidationError, match="timeout_minutes"):
        check_workflow(workflow)


def test_every_schedule_is_of_five_fields_and_at_three() -> None:
    schedules = [
        CRON_JOB["spec"]["schedule"],
        WORKFLOW["on"]["schedule"][0]["cron"],
        " ".join(CRONTAB.split()[:5]),
    ]
    assert set(schedules) == {"0 3 * * *"}
    command = CRONTAB.split(maxsplit=5)[5]
    # In a crontab a % is the end of the line.
    assert "%" not in command
    assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0


def test_every_command_is_one_of_gensparks(capsys: pytest.CaptureFixture[str]) -> None:
    (container,) = CRON_JOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    runs = [step["run"] for step in WORKFLOW["jobs"]["run"]["steps"] if "run" in step]
    lines = [" ".join(["genspark", *container["args"]]), *runs, CRONTAB]
    commands = [found for line in lines for found in re.findall(r"genspark run [^|>&]*", line)]
    assert len(commands) == 3
    assert main(["run", "--help"]) == 0
    known = capsys.readouterr().out
    assert {option for one in commands for option in re.findall(r"--[a-z]+", one) if option not in known} == set()


@pytest.mark.slow
@pytest.mark.exhaustive
def test_the_code_for_airflow_and_luigi_runs(schedulers: Path, tmp_path: Path) -> None:
    code = [text for text in blocks(PAGE, "python") if "genspark.airflow" in text or "genspark.luigi" in text]
    assert len(code) == 3
    shown = tmp_path / "shown.py"
    shown.write_text("\n".join(code))
    done([str(schedulers / "bin" / "python"), str(shown)], variables(tmp_path / "airflow"))


@pytest.mark.slow
@pytest.mark.exhaustive
def test_the_code_for_dagster_runs(schedulers: Path, tmp_path: Path) -> None:
    run_twice("dagster", "assert dg.materialize([taxis]).success", schedulers, tmp_path)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_the_code_for_prefect_runs(prefect: Path, tmp_path: Path) -> None:
    run_twice("prefect", "nightly()", prefect, tmp_path)


def run_twice(scheduler: str, call: str, environment: Path, folder: Path) -> None:
    """Run the page's code for a scheduler, and what starts it, twice: the job has run once."""
    job = folder / "job.yaml"
    pl.DataFrame({"v": [1.0, 2.0, 3.0]}).write_parquet(folder / "in.parquet")
    source = f"source: {{path: '{folder}/in.parquet', format: parquet}}"
    sink = f"sink: {{path: '{folder}/table', mode: append}}"
    job.write_text(f"name: taxis\n{source}\nsteps: [scale: {{columns: v}}]\n{sink}\n")
    (code,) = [text for text in blocks(PAGE, "python") if f"{scheduler} " in text.splitlines()[0]]
    assert "/jobs/taxis.yaml" in code
    shown = folder / "shown.py"
    shown.write_text(f"{code.replace('/jobs/taxis.yaml', str(job))}\n{call}\n{call}\n")
    quiet = {"PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    # Its server takes more than its 20 seconds where other tests run beside it.
    quiet["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "100"
    done([str(environment / "bin" / "python"), str(shown)], variables(folder, **quiet))
    assert pl.read_delta(str(folder / "table")).height == 3
