"""OpenLineage's events: of their classes, of a run's states, in a file and at a server."""

from __future__ import annotations

import importlib
import json
import pkgutil
import socket
import threading
import typing
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_type_hints

import attr
import pytest
from openlineage.client import generated
from openlineage.client.event_v2 import RunEvent
from pydantic import TypeAdapter
from small_job import config, run

from genspark.cards.openlineage import dataset_name
from genspark.errors import ConfigError, GensparkError

MODULES = [importlib.import_module(f"{generated.__name__}.{m.name}") for m in pkgutil.iter_modules(generated.__path__)]
CLASSES = {name: kind for module in MODULES for name, kind in vars(module).items() if isinstance(kind, type)}


def check(value: Any, kind: type) -> None:
    """Hold a JSON object to a class that OpenLineage's makers generated from the schema: no key more, none less."""
    names = {field.name.lstrip("_") if field.name == "_deleted" else field.name for field in attr.fields(kind)}
    assert set(value) <= names, f"{kind.__name__} has no {set(value) - names}"
    needed = {f.name for f in attr.fields(kind) if f.default is attr.NOTHING and not f.name.startswith("_")}
    assert needed <= set(value), f"{kind.__name__} needs {needed - set(value)}"
    hints = get_type_hints(kind, {**vars(typing), **CLASSES})
    for name, item in value.items():
        check_as(item, hints[name])


def check_as(value: Any, hint: Any) -> None:
    arguments = [one for one in getattr(hint, "__args__", ()) if one is not type(None)]
    origin = getattr(hint, "__origin__", None)
    if isinstance(value, dict) and "_schemaURL" in value:
        name = value["_schemaURL"].rpartition("/")[2]
        assert value["_schemaURL"] == CLASSES[name]._get_schema()
        assert value["_producer"].startswith("urn:genspark:")
        check(value, CLASSES[name])
    elif isinstance(hint, type) and attr.has(hint):
        check(value, hint)
    elif origin is dict:
        for item in value.values():
            check_as(item, arguments[1])
    elif origin is list:
        for item in value:
            check_as(item, arguments[0])
    elif origin is None and arguments:
        check_as(value, arguments[0])
    else:
        TypeAdapter(hint).validate_json(json.dumps(value))


def events(file: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in file.read_text().splitlines()]
    for one in found:
        check(one, RunEvent)
    return found


def lineage(target: Any) -> str:
    return f"lineage: {{openlineage: '{target}'}}"


def test_a_run_that_succeeds_starts_and_completes(tmp_path: Path) -> None:
    report, notes = run(config(tmp_path, more=lineage(tmp_path / "logs/events.jsonl")))
    start, complete = events(tmp_path / "logs/events.jsonl")
    assert [start["eventType"], complete["eventType"]] == ["START", "COMPLETE"]
    assert start["run"]["runId"].replace("-", "") == complete["run"]["runId"].replace("-", "") == report.run_id
    assert not any("lineage" in note for note in notes)
    (output,) = complete["outputs"]
    statistics = output["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["fileCount"]) == (report.rows_written, report.files_written)
    assert output["facets"]["version"]["datasetVersion"] == "0"
    types = {field["name"]: field["type"] for field in output["facets"]["schema"]["fields"]}
    own = {"_row_id": "Int64", "_source_file": "String"}
    steps = {"id": "Int32", "g": "String", "amount": "Float64", "split": "String", "v_is_missing": "Boolean"}
    assert types == {**steps, **own}


def test_columns_are_followed_to_the_source(tmp_path: Path) -> None:
    run(config(tmp_path, more=lineage(tmp_path / "events.jsonl")))
    facet = events(tmp_path / "events.jsonl")[1]["outputs"][0]["facets"]["columnLineage"]

    def followed(fields: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
        return [(one["field"], how["type"], how["subtype"]) for one in fields for how in one["transformations"]]

    assert {column: followed(of["inputFields"]) for column, of in facet["fields"].items()} == {
        "id": [("id", "DIRECT", "IDENTITY")],
        "g": [("g", "DIRECT", "IDENTITY")],
        "amount": [("v", "DIRECT", "TRANSFORMATION")],
        "v_is_missing": [("v", "DIRECT", "TRANSFORMATION")],
        "split": [("id", "INDIRECT", "CONDITIONAL")],
    }
    assert followed(facet["dataset"]) == [("v", "INDIRECT", "FILTER")]


def test_a_run_that_fails_says_why(tmp_path: Path) -> None:
    broken = config(tmp_path, more=lineage(tmp_path / "events.jsonl"))
    (tmp_path / "a.csv").write_text("id,g\n1,x\n")
    with pytest.raises(GensparkError):
        run(broken)
    start, fail = events(tmp_path / "events.jsonl")
    assert [start["eventType"], fail["eventType"]] == ["START", "FAIL"]
    assert "'v' is not a column" in fail["run"]["facets"]["errorMessage"]["message"]


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str, str | None, dict[str, Any]]]]]:
    """A catalogue's address, and what it was sent: path, key and event."""
    got: list[tuple[str, str | None, dict[str, Any]]] = []

    class Catalogue(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, self.headers["Authorization"], json.loads(body)))
            self.send_response(201 if self.path.startswith("/api/v1/lineage") else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Catalogue) as catalogue:
        threading.Thread(target=catalogue.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{catalogue.server_port}", got
        catalogue.shutdown()


def test_a_server_receives_the_events_with_its_key(
    tmp_path: Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "opens-the-catalogue")
    url, got = server
    _, notes = run(config(tmp_path, more=lineage(url)))
    assert [(path, key, event["eventType"]) for path, key, event in got] == [
        ("/api/v1/lineage", "Bearer opens-the-catalogue", "START"),
        ("/api/v1/lineage", "Bearer opens-the-catalogue", "COMPLETE"),
    ]
    assert not any("lineage" in note for note in notes)


def test_a_server_that_refuses_or_is_not_there_is_a_note(tmp_path: Path, server: Any) -> None:
    url, got = server
    report, notes = run(config(tmp_path, more=lineage(f"{url}/elsewhere")))
    assert [path for path, *_ in got] == ["/elsewhere", "/elsewhere"]
    assert sum("no START event" in note or "no COMPLETE event" in note for note in notes) == 2
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    # Where events go makes no other run; another job does.
    again, notes = run(config(tmp_path, more=lineage(gone)).model_copy(update={"name": "other"}))
    assert again.rows_written == report.rows_written
    assert sum("lineage.openlineage: no" in note for note in notes) == 2


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/a/*.csv", ("file", "/data/a")),
        ("s3a://bucket/a/b/", ("s3://bucket", "a/b")),
        ("s3://bucket", ("s3://bucket", "/")),
        ("abfss://box@acc.dfs.core.windows.net/t", ("abfss://box@acc.dfs.core.windows.net", "t")),
        ("hdfs://name:9000/t/{a,b}.csv", ("hdfs://name:9000", "t")),
    ],
)
def test_datasets_are_named_as_openlineage_asks(path: str, name: tuple[str, str]) -> None:
    assert dataset_name(path) == name


def test_events_for_a_place_that_takes_none_are_refused_before_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lineage\.openlineage: s3:// takes no events; name a local file"):
        config(tmp_path, more=lineage("s3://bucket/events"))


def test_without_the_client_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openlineage.client", None)
    with pytest.raises(ConfigError, match=r"pip install 'genspark\[openlineage\]'"):
        run(config(tmp_path, more=lineage(tmp_path / "events")))
    assert not (tmp_path / "delta").exists()
