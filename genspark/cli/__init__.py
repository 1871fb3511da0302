"""The command line: `genspark COMMAND`, whose commands `genspark --help` lists.

Exit codes: 0 done, 1 the job failed, 2 the user's mistake or wrong usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from genspark.cli import first_looks, jobs, scores, tables, trust
from genspark.cli.app import app

__all__ = ["first_looks", "jobs", "main", "scores", "tables", "task", "trust"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        app(None if argv is None else list(argv), prog_name="genspark")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def task() -> None:
    """Run a command as a scheduler's entry point, such as a wheel task of Databricks, which only an error fails."""
    code = main()
    if code:
        sys.exit(code)
