"""The main job side by side with its peers: seconds, memory and scans, and whether they agree.

    python benchmarks/preprocess.py --size 4m

Each peer runs in a process of its own, one after the other, on the same shards. The Markdown that
docs/benchmarks.md holds goes to stdout, progress to stderr. Exit code 0: genspark's peers ran and all
that ran agree; 1: one of genspark's failed, or some differ; 2: wrong arguments. What becomes of the
other peers stands in the table.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data import SIZES, Size, Spec, shards_for, write_shards
from options import add_machine, at_least_one, some_of
from peers import OWN, PEERS
from report import markdown
from suite import measure, tell


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    asked.threshold = asked.threshold or asked.size.threshold
    rows, columns = asked.rows or asked.size.rows, asked.columns or asked.size.columns
    spec = Spec(rows, columns, asked.shards or shards_for(rows), asked.seed)
    if spec.shards > spec.rows:
        _parser().error(f"--shards: {spec.shards} shards cannot be made of {spec.rows} rows; give fewer")
    out = asked.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    shards = write_shards(spec, out, tell)
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=out))
    try:
        result = {"command": _command(asked, spec), **measure(asked, spec, shards, scratch)}
    finally:
        if asked.keep:
            tell(f"tables and logs are kept in {scratch}")
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    print(markdown(result))
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return _exit_code(result)


def _exit_code(result: Mapping[str, Any]) -> int:
    own_failed = any(run["status"] != "ok" for run in result["runs"] if run["peer"] in OWN)
    return 1 if own_failed or result["disagreements"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Mean-impute, drop outliers, standardise and write by group: genspark beside its peers.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--size", type=_size, default="4m", help=f"of the input: {', '.join(SIZES)}, or a number of rows")
    add("--rows", type=at_least_one, help="rows of the input, if not the size's")
    add("--columns", type=at_least_one, help="float64 columns of the input, if not the size's")
    add("--threshold", type=float, help="deviations from the mean beyond which a row is dropped, if not the size's")
    add("--shards", type=at_least_one, help="Parquet files of the input; 8, and more from 16 million rows on")
    add("--seed", type=int, default=20, help="what decides every value of the input")
    add("--peers", type=some_of(list(PEERS)), default=",".join(PEERS), help="which run, in this order")
    add("--repeat", type=at_least_one, default=1, help="runs of each peer; the middle one is shown")
    add("--limit", type=at_least_one, default=1800, help="seconds after which a peer is stopped")
    python = os.environ.get("RAY_PYTHON") or sys.executable
    add(
        "--ray-python",
        type=_program,
        default=python,
        help="the Python that has Ray; also the environment variable RAY_PYTHON",
    )
    add("--keep", action="store_true", help="keep the written tables and the peers' logs, too")
    add_machine(parser, "peer", limits="heap of each Spark and limit of DuckDB")
    return parser


def _size(text: str) -> Size:
    """One that has a name, or a number of rows."""
    if text in SIZES:
        return SIZES[text]
    try:
        return Size(at_least_one(text))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"must be one of {', '.join(SIZES)}, or a number of rows; got {text!r}"
        ) from None


def _program(text: str) -> str:
    """Where it is: peers run in folders of their own."""
    found = shutil.which(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not a program that can be run")
    # Not resolved, for a link to a Python may stand for an environment of its own.
    return str(Path(found).absolute())


def _command(asked: argparse.Namespace, spec: Spec) -> str:
    """The command that repeats this run elsewhere: all that decides the figures, and no folder of this machine."""
    options: dict[str, Any] = {"rows": spec.rows, "columns": spec.columns, "shards": spec.shards}
    options |= {"threshold": f"{asked.threshold:g}", "peers": ",".join(asked.peers)}
    options |= {name: getattr(asked, name) for name in ("seed", "repeat", "limit", "cores", "memory")}
    return "python benchmarks/preprocess.py " + " ".join(f"--{name} {value}" for name, value in options.items())


if __name__ == "__main__":
    sys.exit(main())
