"""The main job side by side with its peers: seconds, memory and scans, and whether they agree.

    python benchmarks/preprocess.py --rows 4000000

Each peer runs in a process of its own, one after the other, on the same shards. The Markdown that
docs/benchmarks.md holds goes to stdout, progress to stderr. Exit code 0: the peers agree; 1: they
do not, or one failed; 2: wrong arguments.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agreement import disagreements, read_table
from data import Spec, write_shards
from peers import PEERS, Task
from report import machine, markdown
from watch import run_watched

from genspark.session.jvm import driver_memory, usable_cores

# The share of the machine in other hands above which wall times are not worth much.
BUSY = 0.1


class PeerError(Exception):
    """A peer's process ended without a result."""


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    if asked.shards > asked.rows:
        _parser().error(f"--shards: {asked.shards} shards cannot be made of {asked.rows} rows; give fewer")
    spec = Spec(asked.rows, asked.columns, asked.shards, asked.seed)
    out = asked.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    shards = write_shards(spec, out, _tell)
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=out))
    try:
        result = measure(asked, spec, shards, scratch)
    except PeerError as error:
        _tell(f"error: {error}")
        return 1
    finally:
        if asked.keep:
            _tell(f"tables and logs are kept in {scratch}")
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    print(markdown(result))
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 1 if result["disagreements"] else 0


def measure(asked: argparse.Namespace, spec: Spec, shards: Path, scratch: Path) -> dict[str, Any]:
    """Run every peer `asked.repeat` times and hold the results against each other. Raises PeerError."""
    found_on = machine()
    runs, differences = [], []
    for number in range(1, asked.repeat + 1):
        outcomes, tables = {}, {}
        # Peers take turns, so that a slow quarter of an hour on the machine is slow for all of them.
        for peer in asked.peers:
            table = scratch / f"{number}-{peer}"
            _tell(f"{peer}: run {number} of {asked.repeat}")
            task = Task(peer, str(shards), str(table), spec.rows, spec.names, asked.cores, asked.memory)
            outcome = _run(task, scratch / f"{number}-{peer}.log")
            outcomes[peer], tables[peer] = outcome, read_table(table, spec.names)
            size = {name: getattr(tables[peer], name) for name in ("rows", "files", "bytes")}
            runs.append({"peer": peer, "run": number, **outcome, "table": size})
            _tell(f"{peer}: {outcome['seconds']['total']:.1f} s without the session, {size['rows']:,} rows written")
            if outcome["others"] > BUSY:
                _tell(f"warning: other programs took {outcome['others']:.0%} of the machine: measure on a quieter one")
            if not asked.keep:
                shutil.rmtree(table)
        differences += disagreements(outcomes, tables)
    return {
        "command": _command(asked),
        "machine": found_on,
        "spec": asdict(spec),
        "repeat": asked.repeat,
        "cores": asked.cores,
        "memory": asked.memory,
        "runs": runs,
        "disagreements": list(dict.fromkeys(differences)),
    }


def _run(task: Task, log: Path) -> dict[str, Any]:
    """One peer in a fresh process, on shards that are in memory as far as that goes. Raises PeerError."""
    _settle(Path(task.shards))
    command = [sys.executable, str(Path(__file__).with_name("peers.py")), json.dumps(asdict(task))]
    environment = {**os.environ, "POLARS_MAX_THREADS": str(task.cores)}
    code, said, usage = run_watched(command, folder=log.parent, environment=environment, log=log)
    lines = said.splitlines()
    if code or not lines:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:])
        raise PeerError(f"{task.peer} ended with exit code {code}; the end of what it said:\n{tail}")
    return {**json.loads(lines[-1]), **asdict(usage)}


def _settle(shards: Path) -> None:
    """The same start for every peer: what the one before wrote is on disk, the shards are in memory."""
    if hasattr(os, "sync"):
        os.sync()
    for shard in sorted(shards.glob("*.parquet")):
        with shard.open("rb") as stream:
            while stream.read(1 << 24):
                pass


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Mean-impute, drop |z| > 3, standardise and write by group: genspark beside its peers.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--rows", type=_at_least_one, default=4_000_000, help="rows of the input")
    parser.add_argument("--columns", type=_at_least_one, default=20, help="float64 columns of the input")
    parser.add_argument("--shards", type=_at_least_one, default=8, help="Parquet files of the input")
    parser.add_argument("--seed", type=int, default=20, help="what decides every value of the input")
    parser.add_argument(
        "--peers", type=_peers, default="genspark,mllib,polars", help=f"which run, of {', '.join(PEERS)}"
    )
    parser.add_argument("--repeat", type=_at_least_one, default=1, help="runs of each peer; the middle one is shown")
    parser.add_argument("--cores", type=_at_least_one, default=usable_cores(), help="cores of each peer")
    parser.add_argument("--memory", default=driver_memory(), help="heap of each Spark, such as 8g")
    parser.add_argument(
        "--out", type=Path, default=Path("out/benchmarks"), help="where the input is kept for next time"
    )
    parser.add_argument("--keep", action="store_true", help="keep the written tables and the peers' logs, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures as JSON")
    return parser


def _at_least_one(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or more; got {text!r}")
    return number


def _peers(text: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"{', '.join(map(repr, unknown))} is not a peer; choose from {', '.join(PEERS)}"
        )
    return names


def _command(asked: argparse.Namespace) -> str:
    """The command that repeats this run elsewhere: all that decides the figures, and no folder of this machine."""
    options = {"rows": asked.rows, "columns": asked.columns, "shards": asked.shards, "peers": ",".join(asked.peers)}
    options |= {"seed": asked.seed, "repeat": asked.repeat, "cores": asked.cores, "memory": asked.memory}
    return "python benchmarks/preprocess.py " + " ".join(f"--{name} {value}" for name, value in options.items())


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
