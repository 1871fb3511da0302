"""The commands of reviews by experts, each from its parsed arguments."""

from __future__ import annotations

import json
from types import SimpleNamespace

from genspark.evaluate import review
from genspark.evaluate.review.making import FOR_REVIEWERS, KEY

Arguments = SimpleNamespace


def make(arguments: Arguments) -> None:
    """Draw a blinded sample, and write the review."""
    items = review.make(
        arguments.real,
        arguments.generated,
        arguments.out,
        columns=arguments.columns,
        by=arguments.by,
        items=arguments.items,
        reviewers=arguments.reviewers,
        each=arguments.each,
        seed=arguments.seed,
    )
    print(
        f"{len(items)} items for {', '.join(arguments.reviewers)} in {arguments.out}/{FOR_REVIEWERS}: "
        f"review.html, a CSV sheet each, and label_studio\n"
        f"keep {arguments.out}/{KEY} from them, for it tells what is real\n"
        f"next: genspark review read {arguments.out} verdicts-*.csv"
    )


def read(arguments: Arguments) -> None:
    """Check the sheets and score them."""
    found = review.read(arguments.folder, arguments.sheets)
    if arguments.output:
        write = found.verdicts.write_parquet if arguments.output.endswith(".parquet") else found.verdicts.write_csv
        write(arguments.output)
    if arguments.json:
        told = {name: {"value": s.value, "interval": s.interval, "n": s.n} for name, s in found.scores.items()}
        print(json.dumps({**told, "missing_verdicts": found.missing}))
        return
    for name, score in found.scores.items():
        interval = f" [{score.interval[0]:.3f}, {score.interval[1]:.3f}]" if score.interval else ""
        print(f"{name.replace('_', ' ')}: {score.value:.3f}{interval} (n = {score.n:,})")
    print(f"verdicts that are missing: {found.missing}")
