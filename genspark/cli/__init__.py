"""The command line: `genspark COMMAND`, whose commands `genspark --help` lists.

Exit codes: 0 done, 1 the job failed, 2 the user's mistake or wrong usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from genspark.cli import first_looks, jobs, privacy, scores, tables, trust
from genspark.cli.app import run_app

__all__ = ["first_looks", "jobs", "main", "privacy", "scores", "tables", "task", "trust"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        return run_app(sys.argv[1:] if argv is None else argv)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0


def task(argv: Sequence[str] | None = None) -> None:
    """Run a command as a scheduler's entry point, such as a task of Databricks, which only an error fails.

    There a program that leaves by `sys.exit` has failed, whatever its code.
    """
    code = main(argv)
    if code:
        sys.exit(code)
