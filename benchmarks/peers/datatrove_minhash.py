"""datatrove's MinHash on a folder of Parquet: FOLDER PROCESSES, by an interpreter that has it; tells JSON."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Run the three stages that find what is to go, and count it."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.utils.hashing import HashConfig

    folder, processes = Path(sys.argv[1]), int(sys.argv[2])
    config = MinhashConfig(hash_config=HashConfig(precision=64), num_buckets=20, hashes_per_bucket=6, n_grams=5)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as work:

        def run(tasks: int, *steps: Any) -> None:
            # A log of its own for each stage, or a stage is taken for done by the one before of as many tasks.
            logs = tempfile.mkdtemp(dir=work)
            pipeline, fork = list(steps), "fork"  # or the workers' time would be nobody's
            LocalPipelineExecutor(pipeline, tasks, processes, logging_dir=logs, start_method=fork).run()

        reader = ParquetReader(str(folder), text_key="text", id_key="id")
        run(len(list(folder.glob("*.parquet"))), reader, MinhashDedupSignature(f"{work}/signatures", config=config))
        run(config.num_buckets, MinhashDedupBuckets(f"{work}/signatures", f"{work}/buckets", config=config))
        run(1, MinhashDedupCluster(f"{work}/buckets", f"{work}/gone", config=config))
        seconds = time.perf_counter() - start
        # Four bytes for each.
        gone = sum(file.stat().st_size // 4 for file in Path(work, "gone").rglob("*") if file.is_file())
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    processor = sum(each.ru_utime + each.ru_stime for each in used)
    peak = max(each.ru_maxrss for each in used) / 1024
    print(json.dumps({"seconds": seconds, "processor": processor, "peak": peak, "duplicates": gone}))


if __name__ == "__main__":
    main()
