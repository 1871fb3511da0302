"""genspark's job with rules, the table that is audited, and the audit beside what counts the same.

A peer is named by who runs it and by what it does, such as `polars:rules` or `pandas:audit`:

- without: fills nulls and standardises. rules: 50 rules for rows as well, which no row breaks, and which would
  set it aside. drops: the same, which would drop it. bounds: the mean and the share of missing values of every column
  held to bounds. patterns: 10 regular expressions over a column of text.
- audited: makes the table of an audit; nobody takes its time.
- audit: the rows, missing values and outcomes of each group of that table, which is the task's `shards`.
- pii: masks personal data in texts; before the colon is the share of texts that have some, in per cent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peers import personal
from peers.audits import GROUPS, LABEL, PREDICTION, PROGRAMS
from peers.genspark import run_job
from peers.task import Outcome, Task

Steps = list[dict[str, Any]]

USUAL: Steps = [{"impute": {"columns": "x*", "strategy": "mean"}}, {"scale": {"columns": "x*", "method": "standard"}}]


def run(task: Task, outcome: Outcome) -> None:
    """What the peer's name tells. Raises RuntimeError where a job did not write every row."""
    who, _, what = task.peer.partition(":")
    if what == "audit":
        PROGRAMS[who](task, outcome)
        return
    if what == "pii":
        personal.run(task, outcome)
        return
    job = {
        "name": "trust",
        "engine": who,
        "key": ["id"],
        "source": {"path": f"{task.shards}/*.parquet", "format": "parquet"},
        "steps": steps_of(task.columns)[what],
        "sink": {"path": task.table, "mode": "overwrite"},
    }
    report = run_job(job, task, outcome)
    if report.rows_written != task.rows:
        raise RuntimeError(f"{report.rows_written:,} rows were written, not {task.rows:,}")


def steps_of(names: Any) -> Mapping[str, Steps]:
    """The steps of each job over columns of these names."""
    within = [{"columns": name, "between": [-1e9, 1e9]} for name in names]
    there = [{"columns": "id", "not_null": True}, {"columns": "group", "one_of": list("abcdefgh")}]
    said = [{"sql": f"{a} < 1e9 OR {b} IS NULL"} for a, b in zip(names, [*names[1:], names[0]], strict=True)]
    more = [{"columns": name, "between": [-2e9, None], "level": "warn"} for name in names]
    rules = [*within, *there, *said, *more][:50]
    patterns = [{"columns": "group", "matches": f"^[a-h{number}]$"} for number in range(10)]
    bounds = [{"columns": "x*", "mean": [-1e9, 1e9], "null_share": [0, 1]}]
    two_or_null = [name for name in (*GROUPS, LABEL, PREDICTION) if name in names]
    return {
        "without": USUAL,
        "rules": [{"validate": {"rules": rules}}, *USUAL],
        "drops": [{"validate": {"rules": [{"level": "drop", **rule} for rule in rules]}}, *USUAL],
        "bounds": [{"expect": {"rules": bounds}}, *USUAL],
        "patterns": [{"validate": {"rules": patterns}}, *USUAL],
        "audited": [{"bucketize": {"columns": two_or_null, "edges": [1.0]}}],
    }
