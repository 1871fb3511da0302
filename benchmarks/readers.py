"""Samples a second of training readers: genspark beside what else reads images and tokens for torch.

    python benchmarks/readers.py --env litdata=/envs/litdata/bin/python --env mosaic=/envs/mosaic/bin/python
    python benchmarks/readers.py --peers genspark,files --kinds tokens --samples 2000

Kinds: `small`, JPEG images of about 1 KB; `large`, of about 100 KB; `tokens`, rows of 1,024 int32. Each peer reads two
epochs in a process of its own, by the interpreter that `--env` names or by this one, and the second is timed; peers
take turns, `--repeat` times, and the middle run is told. `bare` is no peer: PyArrow's batches of the column, neither
decoded nor shuffled. A peer that is not installed is skipped, and says so. The table goes to stdout, progress to
stderr.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from process import middle_program, run_program
from reader_peers import PEERS

KINDS = {"small": 20_000, "large": 1_000, "tokens": 20_000}
GROUPS = {"small": 4_000, "large": 250, "tokens": 4_000}
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    asked = arguments()
    interpreters = dict(entry.split("=", 1) for entry in asked.env)
    told: list[dict[str, Any]] = []
    for kind in asked.kinds.split(","):
        folder = prepared(Path(asked.folder), kind, asked.samples or KINDS[kind])
        peers = asked.peers.split(",")
        runs: dict[str, list[dict[str, Any]]] = {peer: [] for peer in peers}
        for _ in range(asked.repeat):
            for peer in peers:
                runs[peer].append(run(interpreters.get(peer, sys.executable), peer, kind, folder, asked))
                print(f"{kind} {peer}: {runs[peer][-1]}", file=sys.stderr)
        told += [{"kind": kind, "peer": peer, **middle_program(results)} for peer, results in runs.items()]
    print("\n".join(table(told)))
    if asked.json:
        Path(asked.json).write_text(json.dumps(told, indent=1))


def prepared(folder: Path, kind: str, count: int) -> Path:
    """The samples as files and as a table of genspark's layout, made once."""
    there = folder / f"{kind}-{count}"
    if (there / "done").exists():
        return there
    shutil.rmtree(there, ignore_errors=True)
    (there / "files").mkdir(parents=True)
    contents = [sample(kind, number) for number in range(count)]
    for number, content in enumerate(contents):
        (there / "files" / f"{number:08}.bin").write_bytes(content)
    if kind == "tokens":
        flat = pa.array(np.concatenate([np.frombuffer(content, np.int32) for content in contents]))
        column, name = pa.FixedSizeListArray.from_arrays(flat, 1024).cast(pa.list_(pa.int32())), "tokens"
    else:
        column, name = pa.array(contents, pa.binary()), "image"
    write(there / "table", pa.table({"_row_id": np.arange(count), name: column}), GROUPS[kind])
    (there / "done").touch()
    return there


def write(path: Path, rows: pa.Table, group: int) -> None:
    """A Delta table of one file, whose columns of bytes and lists have no dictionary."""
    import pyarrow.parquet as pq
    from deltalake import convert_to_deltalake

    path.mkdir()
    pq.write_table(rows, path / "part-0.parquet", row_group_size=group, use_dictionary=False, compression="snappy")
    convert_to_deltalake(str(path))


def sample(kind: str, number: int) -> bytes:
    """A JPEG of about 1 or 100 KB, or 1,024 tokens."""
    chance = np.random.default_rng(number)
    if kind == "tokens":
        return chance.integers(0, 50_000, 1024).astype(np.int32).tobytes()
    from PIL import Image

    side, blocks, quality = (32, 8, 75) if kind == "small" else (384, 192, 85)
    pixels = chance.integers(0, 256, (blocks, blocks, 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC).save(stream, "jpeg", quality=quality)
    return stream.getvalue()


def run(python: str, peer: str, kind: str, folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """What a peer tells of its second epoch, or why there is nothing to tell."""
    command = [python, str(Path(__file__).with_name("reader_peers.py")), peer, kind, str(folder), str(asked.workers)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    if peer not in ("genspark", "genspark-threads", "bare"):
        environment.pop("PYTHONPATH")
    return run_program(command, environment, asked.limit)


def table(told: list[dict[str, Any]]) -> list[str]:
    """The results as a table in Markdown, each kind's peers against genspark."""
    lines = [
        "| samples | reader | samples/s | against genspark | first batch s | MB |",
        "|---|---|---:|---:|---:|---:|",
    ]
    speeds = {(one["kind"], one["peer"]): one["samples"] / one["seconds"] for one in told if "seconds" in one}
    for one in told:
        if "reason" in one:
            lines.append(f"| {one['kind']} | {one['peer']} | not run: {one['reason']} | | | |")
            continue
        own, speed = speeds.get((one["kind"], "genspark")), speeds[one["kind"], one["peer"]]
        ratio = f"{speed / own:.2f}" if own else ""
        figures = f"{one['first']:.2f} | {one['memory']:,.0f}"
        lines.append(f"| {one['kind']} | {one['peer']} | {speed:,.0f} | {ratio} | {figures} |")
    return lines


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--samples", type=int, help="of each kind, in place of 20,000, 1,000 and 20,000")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=int, default=300, help="seconds that a peer may take")
    parser.add_argument("--env", action="append", default=[], metavar="PEER=PYTHON", help="a peer's interpreter")
    parser.add_argument("--folder", default="out/benchmarks/readers")
    parser.add_argument("--json", help="a file for the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
