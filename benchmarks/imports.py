"""Seconds of `import genspark` and of `genspark --help`: medians of fresh processes, after one that warms the cache.

python benchmarks/imports.py --repeat 9
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

# What is run, and the seconds that it may take.
PROGRAMS = {
    "import genspark": (["-c", "import genspark"], 0.3),
    "genspark --help": (["-c", "import sys; from genspark.cli import main; sys.exit(main(['--help']))"], 0.4),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=9, help="processes of each (9)")
    repeat = parser.parse_args().repeat
    print("| program | median s | target s |\n|---|---:|---:|")
    for name, (arguments, target) in PROGRAMS.items():
        _seconds(arguments)
        median = statistics.median(_seconds(arguments) for _ in range(repeat))
        print(f"| `{name}` | {median:.2f} | {target} |")
    return 0


def _seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
