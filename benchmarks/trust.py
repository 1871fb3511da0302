"""What trust costs: rules on the main job's rows, the audit of a table by groups, personal data looked for in texts.

    python benchmarks/trust.py                                   # 4 million rows x 20 columns, every engine
    python benchmarks/trust.py --rows 100000 --engines polars --repeat 1
    python benchmarks/trust.py --measures rules --engines spark

- rules: `validate` with 50 rules (numbers within bounds, missing values, predicates in SQL), which no row breaks.
- drops: the same rules at level `drop`, for which engine spark makes no pass that writes the quarantine.
- bounds: `expect` with the mean and the share of missing values of every column.
- patterns: `validate` with 10 regular expressions over a column of text.
- audit: how groups by 3 columns fare, beside pandas and Polars by hand, which read the same files.
- pii: `pii` with every kind, in one thread, over texts of 30 words of which none, a tenth, and all have something.

The first four are held against the same job without them, by the same engine; the others choose no engine. Each run is
a process of its own, and they take turns; totals are without the session. The tables go to stdout, progress to stderr.
Exit code 1: a run failed, or audits differ. A missed aim is told, and is no failure.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from data import Spec, shards_for, write_shards
from duplicates import write_texts
from options import add_machine, at_least_one, some_of
from peers.audits import PROGRAMS
from peers.personal import SHARES
from process import run_peer
from report import machine, middle_runs, total_of
from suite import tell, warn_if_busy

ENGINES = ("polars", "spark-polars", "spark")
JOBS = ("rules", "drops", "bounds", "patterns")
MEASURES = (*JOBS, "audit", "pii")
MOST, MEGABYTES = 1.3, 50
"""The most of the time without them that rules may take; the megabytes of texts a second of one core, at least."""
FEWEST_COLUMNS = 4
"""Those that an audit makes its groups and outcomes of."""


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    asked.threshold, asked.ray_python = 3.0, sys.executable
    out = asked.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=out))
    try:
        runs = list(_runs(asked, out, scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    result = {
        "machine": machine(),
        "command": _command(asked),
        "cores": asked.cores,
        "memory": asked.memory,
        "runs": runs,
    }
    print(markdown(result))
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return int(any(run["status"] != "ok" for run in runs) or not _agree(runs))


def _runs(asked: argparse.Namespace, out: Path, scratch: Path) -> Iterator[dict[str, Any]]:
    """Every run of every peer, in turns."""
    spec = Spec(asked.rows, asked.columns, shards_for(asked.rows), asked.seed)
    jobs = [job for job in JOBS if job in asked.measures]
    places: dict[str, Path] = {}
    if jobs or "audit" in asked.measures:
        shards = write_shards(spec, out, tell)
        places |= {f"{engine}:{job}": shards for engine in asked.engines for job in ["without", *jobs] if jobs}
    if "audit" in asked.measures:
        places |= dict.fromkeys((f"{program}:audit" for program in PROGRAMS), _audited(asked, spec, shards, scratch))
    if "pii" in asked.measures:
        texts = write_texts(out, asked.texts, asked.seed, repeated=0)
        places |= dict.fromkeys((f"{share}:pii" for share in SHARES), texts)
    alone = argparse.Namespace(**{**vars(asked), "cores": 1})
    for turn in range(1, asked.repeat + 1):
        for peer, place in places.items():
            tell(f"{peer}: run {turn} of {asked.repeat}")
            folder = scratch / "run"
            run = run_peer(alone if peer.endswith(":pii") else asked, spec, peer, place, folder)
            shutil.rmtree(folder)
            _tell_of(run)
            yield {"peer": peer, "run": turn, **run}


def _audited(asked: argparse.Namespace, spec: Spec, shards: Path, scratch: Path) -> Path:
    """The table that is audited, which a job makes once."""
    tell("the table that is audited")
    run = run_peer(asked, spec, "polars:audited", shards, scratch / "audited")
    if run["status"] != "ok":
        raise SystemExit(f"no table to audit: {run['reason']}")
    return scratch / "audited" / "table"


def _tell_of(run: Mapping[str, Any]) -> None:
    tell(f"{total_of(run):.2f} s" if run["status"] == "ok" else f"{run['status']}, {run['reason']}")
    warn_if_busy(run)


def _agree(runs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all audits counted the same."""
    audits = [run["told"] for run in runs if run["peer"].endswith(":audit") and run["status"] == "ok"]
    return all(told == audits[0] for told in audits)


def markdown(result: Mapping[str, Any]) -> str:
    """A table for each kind of measure, why a peer has no figures, the machine and the command."""
    found = {tuple(run["peer"].split(":")): run for run in middle_runs(result["runs"])}
    failed = [f"- {run['peer']}: {run['status']}, {run['reason']}" for run in found.values() if run["status"] != "ok"]
    whole = {key: run for key, run in found.items() if run["status"] == "ok"}
    audits = {who: run for (who, what), run in whole.items() if what == "audit"}
    texts = {who: run for (who, what), run in whole.items() if what == "pii"}
    jobs = {key: run for key, run in whole.items() if key[1] not in ("audit", "pii")}
    on, others = result["machine"], [run["others"] for run in result["runs"]]
    return "\n".join(
        [
            *(_of_jobs(jobs) if jobs else []),
            *(_of_audits(audits, agree=_agree(result["runs"])) if audits else []),
            *(_of_texts(texts) if texts else []),
            *([*failed, ""] if failed else []),
            f"Total is all but the session, of the middle run. Machine: {on['cores']} cores ({on['cpu']}), "
            f"{on['memory_gib']:.0f} GiB; each program had {result['cores']} cores, pii 1, and Spark a heap of "
            f"{result['memory']}. Others took up to {max(others, default=0.0):.0%} of the processors meanwhile.",
            "",
            f"Command: `{result['command']}`",
        ]
    )


def _of_jobs(jobs: Mapping[tuple[str, ...], Mapping[str, Any]]) -> list[str]:
    """The jobs, each against that without rules by the same engine."""
    lines = [
        "| engine | job | scans | total s | CPU s | ratio | aim | verdict |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for (engine, job), run in jobs.items():
        plain = jobs.get((engine, "without"))
        ratio = total_of(run) / total_of(plain) if plain else None
        verdict = "" if ratio is None or job == "without" else "meets" if ratio <= MOST else "misses"
        shown = "-" if ratio is None else f"{ratio:.2f}"
        figures = f"{run['scans']} | {total_of(run):.2f} | {run['cpu_seconds']:.1f} | {shown}"
        lines.append(f"| {engine} | {job} | {figures} | {MOST} | {verdict} |")
    return [*lines, ""]


def _of_audits(audits: Mapping[str, Mapping[str, Any]], *, agree: bool) -> list[str]:
    """The audits, each against that of pandas."""
    lines = [
        "| audit by | groups | scans | total s | CPU s | peak MB | to pandas | aim | verdict |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |",
    ]
    for program, run in audits.items():
        figures = f"{len(run['told'])} | {run['scans']} | {total_of(run):.2f} | {run['cpu_seconds']:.1f}"
        beside = f"{total_of(run) / total_of(audits['pandas']):.2f}" if "pandas" in audits else "-"
        verdict = ("meets" if run["scans"] == 1 else "misses") if program == "genspark" else ""
        aim = "one scan" if program == "genspark" else ""
        lines.append(f"| {program} | {figures} | {run['peak_bytes'] / 1e6:,.0f} | {beside} | {aim} | {verdict} |")
    return [*lines, "", f"agree: {'yes' if agree else 'no'}, {len(audits)} programs", ""]


def _of_texts(texts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The texts, by the share of them that have something; a core's second is one of processor time."""
    lines = [
        "| texts with personal data | texts | MB | total s | CPU s | MB/s a core | aim | verdict |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for share, run in texts.items():
        told, rate = run["told"], run["told"]["megabytes"] / run["told"]["cpu"]
        verdict = "meets" if rate >= MEGABYTES else "misses"
        figures = f"{told['texts']:,} | {told['megabytes']:.0f} | {total_of(run):.2f} | {told['cpu']:.2f} | {rate:.1f}"
        lines.append(f"| {share} % | {figures} | {MEGABYTES} | {verdict} |")
    return [*lines, ""]


def _command(asked: argparse.Namespace) -> str:
    options: dict[str, Any] = {"measures": ",".join(asked.measures), "engines": ",".join(asked.engines)}
    names = ("rows", "columns", "texts", "seed", "repeat", "limit", "cores", "memory")
    options |= {name: getattr(asked, name) for name in names}
    return "python benchmarks/trust.py " + " ".join(f"--{name} {value}" for name, value in options.items())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--measures", type=some_of(MEASURES), default=list(MEASURES), help=f"comma-separated: {','.join(MEASURES)}")
    add("--rows", type=at_least_one, default=4_000_000, help="rows of the input (4000000)")
    add("--columns", type=_enough, default=20, help=f"float64 columns of the input, {FEWEST_COLUMNS} or more (20)")
    add("--engines", type=some_of(ENGINES), default=list(ENGINES), help=f"comma-separated: {','.join(ENGINES)}")
    add("--texts", type=at_least_one, default=200_000, help="texts in which personal data is looked for (200000)")
    add("--repeat", type=at_least_one, default=3, help="runs of each program; the middle one is shown (3)")
    add("--seed", type=int, default=20, help="what decides every value of the input (20)")
    add("--limit", type=at_least_one, default=1800, help="seconds after which a program is stopped (1800)")
    add_machine(parser, "program")
    return parser


def _enough(text: str) -> int:
    number = at_least_one(text)
    if number < FEWEST_COLUMNS:
        raise argparse.ArgumentTypeError(f"must be {FEWEST_COLUMNS} or more; got {text!r}")
    return number


if __name__ == "__main__":
    sys.exit(main())
