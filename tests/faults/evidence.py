"""What is wrong with a table, its quarantine, ledger and model when a run is done: a list, empty where all is right."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from delta_logs import Log, told_of_run
from fault_jobs import Case, Place

MADE = {"job.yaml", "first.yaml", "in", "elsewhere", "table", "table_quarantine", "table_runs", "tmp", "said.txt"}
"""All that may be in the folder of a job of the tests, and what the tests put there themselves."""
DONE = ("written", "recovered")


@dataclass(frozen=True)
class Before:
    """The newest versions before the run."""

    table: int
    quarantine: int
    ledger: int

    @classmethod
    def of(cls, place: Place) -> Self:
        return cls(*(Log.read(path).version for path in (place.table, place.quarantine, place.ledger)))


def wrong(place: Place, case: Case, before: Before, report: Mapping[str, Any]) -> list[str]:
    """What differs from what one undisturbed run leaves behind."""
    table = Log.read(place.table)
    commits = table.since(before.table)
    if len(commits) != 1:
        return [f"{len(commits)} commits of rows were made, not 1"]
    told = told_of_run(commits[0])
    return [
        *_wrong_rows(table, case),
        *_wrong_commit(table, before, told),
        *_wrong_quarantine(place, case),
        *_wrong_ledger(place, case, before, told, table.version),
        *_wrong_model(place, told),
        *_wrong_lineage(table, case),
        *left_behind(place),
        *([] if report["table_version"] == table.version else ["the report names another version"]),
    ]


def _wrong_rows(table: Log, case: Case) -> Iterator[str]:
    found, expected = Counter(table.rows("id", "g", "u", "v")), case.written(case.after)
    if found != expected:
        more, fewer = found - expected, expected - found
        yield f"the table has {more.total()} rows too many, as {min(more, default=None)}, and {fewer.total()} too few"


def _wrong_commit(table: Log, before: Before, told: Mapping[str, Any]) -> Iterator[str]:
    if table.version != before.table + 1:
        yield f"the run took {table.version - before.table} commits, of which one has its rows"
    if table.properties().get("team") != "faults":
        yield "the table lacks the properties of the run"
    key = told.get("key")
    if not key:
        yield "the commit names no idempotence key"
    elif table.transactions()[f"genspark:{key}"] != 1:
        yield f"{table.transactions()[f'genspark:{key}']} commits carry the transaction of the run, not 1"


def _wrong_quarantine(place: Place, case: Case) -> Iterator[str]:
    found, expected = Counter(number for (number,) in Log.read(place.quarantine).rows("id")), case.quarantined()
    if found != expected:
        more, fewer = sorted((found - expected).elements()), sorted((expected - found).elements())
        yield f"the quarantine has the rows {more} too often, and lacks {fewer}"


def _wrong_ledger(place: Place, case: Case, before: Before, told: Mapping[str, Any], version: int) -> Iterator[str]:
    ledger, expected = Log.read(place.ledger), case.counts()
    names = ("run_id", "key", "outcome", "target_version", "model_sha256", *expected)
    rows = [dict(zip(names, row, strict=True)) for row in ledger.rows(*names)]
    done = [row for row in rows if row["key"] == told.get("key") and row["outcome"] in DONE]
    if len(done) != 1:
        yield f"{len(done)} rows of the ledger tell that the run is done, not 1; it has {len(rows)} rows"
    for row in done:
        wanted = {**expected, "target_version": version, "model_sha256": told["model_sha256"]}
        yield from (
            f"the ledger says {name} {row[name]}, not {value}" for name, value in wanted.items() if row[name] != value
        )
    ids = Counter(row["run_id"] for row in rows)
    if max(ids.values(), default=1) > 1:
        yield f"the ledger has a run twice: {ids.most_common(1)}"
    unknown = {run for (run,) in Log.read(place.quarantine).rows("_run_id")} - ids.keys()
    if unknown:
        yield f"the quarantine has rows of {len(unknown)} runs that the ledger does not know"
    if ledger.version <= before.ledger:
        yield "the ledger has no new commit"


def _wrong_model(place: Place, told: Mapping[str, Any]) -> Iterator[str]:
    path = place.table / "_genspark" / "model.json"
    try:
        sha = json.loads(path.read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError) as error:
        yield f"there is no model: {error}"
    else:
        if sha != told["model_sha256"]:
            yield "the model beside the table is not that of its last commit"


def _wrong_lineage(table: Log, case: Case) -> Iterator[str]:
    rows = table.rows("id", "_row_id", "_source_file")
    if len({row_id for _, row_id, _ in rows}) != len(rows):
        yield "_row_id is not another for every row"
    strays = [number for number, _, file in rows if not str(file).endswith(f"/{number // case.rows}.parquet")]
    if strays:
        yield f"_source_file is another file for {len(strays)} rows"


def left_behind(place: Place) -> Iterator[str]:
    """Files and folders that nothing names, but for files of rows without a commit, which VACUUM takes."""
    for path in place.path.iterdir():
        if path.name not in MADE:
            yield f"{path.name} was left behind"
    for log in (Log.read(place.table), Log.read(place.quarantine), Log.read(place.ledger)):
        known = log.ever()
        for path in log.path.rglob("*"):
            name = path.relative_to(log.path).as_posix()
            if path.is_file() and name not in known and not _belongs(name):
                yield f"{log.path.name}/{name} was left behind"


def _belongs(name: str) -> bool:
    """Whether a file is one of the log, one of genspark's own, a checksum of Hadoop's, or of rows."""
    folder, _, file = name.rpartition("/")
    if folder == "_delta_log" and file.removesuffix(".crc").endswith(".tmp"):
        # The draft of an entry that Delta's own writer was about to rename; nothing of Delta's takes it away.
        return file.startswith(".")
    if folder == "_delta_log":
        return Path(file.removeprefix(".").removesuffix(".crc")).stem.isdigit() or file == "_last_checkpoint"
    if folder.startswith("_genspark") and file.startswith("."):
        # The draft of a file that a kill kept from taking the place of another: docs/guarantees.md tells of it.
        return True
    if folder in ("_genspark/models", "_genspark/sources"):
        return file.endswith(".json")
    if folder == "_genspark":
        return file in {"model.json", "croissant.json"}
    return file.endswith((".parquet", ".crc"))
