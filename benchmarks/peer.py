"""One peer in a process of its own: given a `Task` as JSON it prints one line of JSON, its last.

python benchmarks/peer.py '{"peer": "polars", ...}'
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from peers import peer
from peers.task import Outcome, Skipped, Task


def main() -> None:
    task, outcome = Task(**json.loads(sys.argv[1])), Outcome()
    try:
        peer(task.peer)(task, outcome)
    except Skipped as reason:
        print(json.dumps({"skipped": str(reason)}), flush=True)
    else:
        print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
