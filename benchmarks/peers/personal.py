"""The step `pii` on texts of which some have personal data: one thread, every kind, masked.

A peer is named by the share of such texts in per cent, such as `10:pii`. What they have are published examples of
every kind by turns, in the middle of the text.
"""

from __future__ import annotations

import time

from peers.task import Outcome, Task

SHARES = ("0", "10", "100")
EXAMPLES = (
    "ada@example.org",
    "GB29 NWBK 6016 1331 9268 19",
    "4012888888881881",
    "192.168.0.1",
    "219-09-9999",
    "12345678Z",
    "1 84 12 76 451 089 46",
    "+44 20 7946 0958",
)
MIDDLE = 80
"""The characters before it."""


def run(task: Task, outcome: Outcome) -> None:
    """Mask what is found. Raises RuntimeError where that is not in every text that has something."""
    share = int(task.peer.partition(":")[0])
    with outcome.timed("session"):
        from genspark.pipeline import Pipeline  # isort: skip - before Polars, whose memory it arranges
        from genspark.steps import Pii  # isort: skip
        import polars as pl
        import pyarrow as pa

        pa.set_cpu_count(task.cores)
        text, number = pl.col("text"), pl.int_range(pl.len())
        every = 100 // share if share else 0
        has = number % every == 0 if every else pl.lit(value=False)
        example = pl.lit(pl.Series(EXAMPLES)).gather(number // max(every, 1) % len(EXAMPLES))
        with_example = text.str.slice(0, MIDDLE) + " " + example + " " + text.str.slice(MIDDLE)
        frame = pl.read_parquet(f"{task.shards}/*.parquet", columns=["text"])
        frame = frame.select(pl.when(has).then(with_example).otherwise(text).alias("text"))
        model = Pipeline([Pii("text")]).fit(frame)
        model.transform(frame.head(len(EXAMPLES)))
    before = time.process_time()
    with outcome.timed("total"):
        masked = model.transform(frame)["text"]
    took = time.process_time() - before
    wanted, found = -(-len(frame) // every) if every else 0, masked.str.contains(r"\[[A-Z_]+\]").sum()
    if found != wanted:
        raise RuntimeError(f"{found:,} texts were masked, not {wanted:,}")
    outcome.told = {"texts": len(frame), "megabytes": frame["text"].str.len_bytes().sum() / 1e6, "cpu": took}
