"""A small job on the engine `polars`, its notes and its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from genspark import JobConfig, job

ROWS = 40


def config(folder: Path, form: str = "delta", more: str = "", mode: str = "overwrite") -> JobConfig:
    """Forty rows with gaps: split, filled, judged, renamed and scaled."""
    shard = folder / "a.csv"
    if not shard.exists():
        shard.write_text("id,g,v\n" + "".join(f"{i},{'xy'[i % 2]},{i * 1.5 if i % 7 else ''}\n" for i in range(ROWS)))
    return JobConfig.from_text(
        f"""
name: small
engine: polars
key: [id]
source: {{path: {shard}, format: csv}}
steps:
  - split: {{fractions: {{train: 0.8, test: 0.2}}}}
  - impute: {{columns: v, strategy: median, indicator: true}}
  - outliers: {{columns: v, threshold: 1.5, action: quarantine}}
  - rename: {{columns: {{v: amount}}}}
  - scale: {{columns: amount}}
sink:
  path: {folder}/{form}
  format: {form}
  mode: {mode}
  partition_by: [split]
card:
  description: Forty rows.
  license: https://spdx.org/licenses/CC-BY-4.0.html
  creator: Ann
  url: https://example.org/small
  citation: "@misc{{small}}"
  keywords: [tiny]
{more}
"""
    )


class Notes(job.Silent):
    """Keeps the notes of a job."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def run(made: JobConfig) -> tuple[job.RunReport, list[str]]:
    notes = Notes()
    return job.run(made, progress=notes), notes.lines


def card_of(table: Path) -> dict[str, Any]:
    return json.loads((table / "_genspark/croissant.json").read_text())
