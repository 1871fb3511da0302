"""A quarantine in summary: how many rows were rejected by which rule of which step, with some rows of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from genspark.errors import SourceError
from genspark.sinks.names import FILE_URI, REASON_LIST, RUN, TEXT
from genspark.storage.object_stores import one_line
from genspark.storage.secrets import MASK
from genspark.tables.footers import Tell, silent
from genspark.tables.hiding import Hidden, hidden_by
from genspark.tables.rows import batches, plain, refuse_vectors, rows_at
from genspark.tables.runs import Runs, runs_of
from genspark.tables.snapshot import DataFile, is_table, read_snapshot

Rule = tuple[str | None, str | None, str | None]
"""Step, column and rule of a reason."""


@dataclass
class Tally:
    """What is counted of some runs: rows, rows by run, and by rule the reasons and the places of sample rows."""

    rows: int = 0
    by_run: Counter[str] = field(default_factory=Counter)
    by_rule: Counter[Rule] = field(default_factory=Counter)
    places: dict[Rule, list[tuple[DataFile, int]]] = field(default_factory=dict)

    def add(self, run: str, reasons: list[dict[str, Any]], file: DataFile, place: int, most: int) -> None:
        """Count a row."""
        self.rows += 1
        self.by_run[run] += 1
        for rule in dict.fromkeys((one["step"], one["column"], one["rule"]) for one in reasons):
            self.by_rule[rule] += 1
            places = self.places.setdefault(rule, [])
            if len(places) < most:
                places.append((file, place))


def summary(given: str, run: str | None = None, most: int = 3, tell: Tell = silent) -> dict[str, Any]:
    """The quarantine of a table as plain JSON, of one run or of all, with at most so many sample rows a rule.

    Samples show no value of columns that a step keeps persons out of, by the configurations in the ledger.

    Rows of runs whose commit the target does not have are told apart, as `unfinished`. `replays` are the runs that
    brought repaired rows into the target. Raises SourceError where there is no quarantine, or no row of the run in it.
    """
    runs = runs_of(given)
    if not is_table(runs.quarantine):
        raise SourceError(
            f"{given}: there is no quarantine at {runs.quarantine}; no row was quarantined, or it is elsewhere: "
            "name it, or the job's YAML, which knows"
        )
    return summary_of(runs, run, most, tell)


def summary_of(runs: Runs, run: str | None = None, most: int = 3, tell: Tell = silent) -> dict[str, Any]:
    """The quarantine of a table whose runs are known, and which has one."""
    finished, unfinished = _counted(runs, run, most, tell)
    hidden = hidden_by(runs.configs)
    if run is not None and not finished.rows + unfinished.rows:
        raise SourceError(f"{runs.quarantine}: no row is of run {run}; leave --run out to see which there are")
    return {
        "quarantine": runs.quarantine,
        "table": runs.target,
        **_told(finished, hidden),
        "unfinished": _told(unfinished, hidden) if unfinished.rows else None,
        "replays": runs.replays(),
    }


def _counted(runs: Runs, run: str | None, most: int, tell: Tell) -> tuple[Tally, Tally]:
    snapshot = read_snapshot(runs.quarantine)
    refuse_vectors(snapshot)
    finished, unfinished = Tally(), Tally()
    for done, file in enumerate(snapshot.files, start=1):
        try:
            for start, batch in batches(file, (REASON_LIST, RUN)):
                for offset, row in enumerate(batch.to_pylist()):
                    if run in (None, row[RUN]):
                        tally = unfinished if runs.is_finished(row[RUN]) is False else finished
                        tally.add(row[RUN], row[REASON_LIST] or [], file, start + offset, most)
        except (OSError, ValueError) as error:
            raise SourceError(f"{snapshot.path}: {file.name} cannot be read ({one_line(error)})") from None
        tell(done, len(snapshot.files))
    return finished, unfinished


def _told(tally: Tally, hidden: Hidden) -> dict[str, Any]:
    return {
        "rows": tally.rows,
        "runs": dict(tally.by_run.most_common()),
        "rules": [
            {
                "step": rule[0],
                "column": rule[1],
                "rule": rule[2],
                "rows": count,
                "samples": [
                    masked_sample(sample, hidden)
                    for file, place in tally.places[rule]
                    for sample in samples(file, [place], rule)
                ],
            }
            for rule, count in tally.by_rule.most_common()
        ],
    }


def masked_sample(sample: dict[str, Any], hidden: Hidden) -> dict[str, Any]:
    """The sample without what the job keeps persons out of; the text of a record may have anything in it."""
    if not hidden:
        return sample
    reasons = [
        {**one, "value": None if one["value"] is None else MASK} if hidden.has(one["column"]) else one
        for one in sample["reasons"]
    ]
    text = None if sample["text"] is None else MASK
    return {**sample, "reasons": reasons, "text": text, "values": hidden.masked(sample["values"])}


def samples(file: DataFile, places: list[int], rule: Rule | None = None) -> Iterator[dict[str, Any]]:
    """Rows of a quarantine, each with the reasons by a rule, or all of them, its run, its file and its values."""
    for table in rows_at(file, places):
        row = table.to_pylist()[0]
        beside = {name: row.pop(name, None) for name in (TEXT, FILE_URI, REASON_LIST, RUN)}
        reasons = beside[REASON_LIST] or []
        yield {
            "run_id": beside[RUN],
            "file": beside[FILE_URI],
            "reasons": plain([r for r in reasons if rule in (None, (r["step"], r["column"], r["rule"]))]),
            "text": beside[TEXT],
            "values": plain(row),
        }
