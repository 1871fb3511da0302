"""databricks.yml: jobs that Databricks' SDK knows, keys that bundles have, and paths and names that are there."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from environments import REPOSITORY
from test_docs import blocks

TEXT = (REPOSITORY / "databricks.yml").read_text(encoding="utf-8")
BUNDLE = yaml.safe_load(TEXT)
KEYS = {
    "": {
        *("artifacts", "bundle", "experimental", "include", "permissions", "presets", "python", "resources", "run_as"),
        *("scripts", "sync", "targets", "variables", "workspace"),
    },
    "bundle": {"cluster_id", "compute_id", "databricks_cli_version", "deployment", "git", "name", "uuid"},
    "variables.*": {"default", "description", "lookup", "type"},
    "artifacts.*": {"build", "dynamic_version", "executable", "files", "path", "type"},
    "sync": {"exclude", "include", "paths"},
    "resources": {"jobs"},
    "targets.*": {
        *("artifacts", "bundle", "cluster_id", "compute_id", "default", "git", "mode", "permissions", "presets"),
        *("resources", "run_as", "sync", "variables", "workspace"),
    },
    "targets.*.workspace": {
        *("artifact_path", "auth_type", "file_path", "host", "profile", "resource_path", "root_path", "state_path"),
    },
}
"""The keys that the reference of bundles has; of jobs the SDK knows them."""
VALUES = {"artifacts.*.type": {"whl", "jar"}, "targets.*.mode": {"development", "production"}}


def mistakes(bundle: Any) -> list[str]:
    """What is wrong with a bundle, as places."""
    # Here, for it takes seconds in every run that collects this file.
    from databricks.sdk.service.jobs import JobSettings

    found = [
        f"{place}.{key}" for place, keys in KEYS.items() for part in at(bundle, place) for key in part.keys() - keys
    ]
    found += [place for place, known in VALUES.items() for value in at(bundle, place) if value not in known]
    # What the SDK does not know is not in what it gives back.
    jobs = bundle["resources"]["jobs"]
    found += [f"resources.jobs.{name}" for name, job in jobs.items() if JobSettings.from_dict(job).as_dict() != job]
    known = {f"var.{name}" for name in bundle["variables"]}
    known |= {"bundle.name", "bundle.target", "workspace.current_user.userName"}
    return found + sorted(set(re.findall(r"\$\{([^}]+)\}", yaml.safe_dump(bundle, width=1000))) - known)


def at(bundle: Any, place: str) -> Iterator[Any]:
    """What is at a place, where * stands for any name."""
    key, _, rest = place.partition(".")
    if not key:
        yield bundle
    else:
        for one in bundle.values() if key == "*" else [bundle[key]] if key in bundle else []:
            yield from at(one, rest)


def test_the_bundle_is_one_that_databricks_knows() -> None:
    assert mistakes(BUNDLE) == []


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("", "resource"),
        ("bundle", "names"),
        ("targets.prod", "modus"),
        ("targets.prod.workspace", "root"),
        ("artifacts.wheel", "types"),
        ("resources.jobs.classic", "cluster"),
        ("resources.jobs.serverless.environments.0.spec", "dependency"),
    ],
)
def test_a_key_that_there_is_not_is_found_out(place: str, wrong: str) -> None:
    bundle = copy.deepcopy(BUNDLE)
    part: Any = bundle
    for key in place.split(".") if place else ():
        part = part[int(key) if isinstance(part, list) else key]
    part[wrong] = "${var.nothing}"
    (found, unknown) = mistakes(bundle)
    assert found.startswith("resources.jobs." if "jobs" in place else re.sub("prod|wheel", "*", place))
    assert unknown == "var.nothing"


def test_tasks_name_what_is_there() -> None:
    # The CLI takes for local, and uploads, what begins with a dot.
    local = re.findall(r"(?<=[\s\[])\./([^\s\]]+)", TEXT)
    assert set(local) == {"dist/*.whl", "jobs/preprocess.py"}
    (wheel,), (script,) = (BUNDLE["resources"]["jobs"][name]["tasks"] for name in ("serverless", "classic"))
    assert (REPOSITORY / script["spark_python_task"]["python_file"]).exists()
    assert script["spark_python_task"]["python_file"].split("/")[1] in BUNDLE["sync"]["paths"]
    assert wheel["python_wheel_task"]["package_name"] == "genspark"
    entry = wheel["python_wheel_task"]["entry_point"]
    assert f'"{entry}=genspark.cli:task"' in (REPOSITORY / "setup.py").read_text(encoding="utf-8")
    assert wheel["python_wheel_task"]["parameters"] == ["run", *script["spark_python_task"]["parameters"]]


def test_tasks_run_on_compute_of_their_jobs() -> None:
    for job in BUNDLE["resources"]["jobs"].values():
        named = {task.get("environment_key") or task["job_cluster_key"] for task in job["tasks"]}
        there = {one["environment_key"] for one in job.get("environments", ())}
        assert named == there | {one["job_cluster_key"] for one in job.get("job_clusters", ())}


def test_the_page_shows_a_part_of_it() -> None:
    page = REPOSITORY / "docs" / "clusters.md"
    (shown,) = [text for text in blocks(page, "yaml") if "python_wheel_task" in text]
    assert shown in TEXT
    (commands,) = [text for text in blocks(page, "sh") if "databricks bundle" in text]
    for told in (commands, TEXT):
        assert set(re.findall(r"--var (\w+)=", told)) == {"jobs"} <= BUNDLE["variables"].keys()
        assert set(re.findall(r"-t (\w+)", told)) == {"dev"} <= BUNDLE["targets"].keys()
        assert re.findall(r"bundle run -t dev (\w+)", told) == ["serverless"]
