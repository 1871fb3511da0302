"""One reader in a process of its own, which tells of it in one line of JSON.

    python benchmarks/reader_peers.py PEER KIND FOLDER WORKERS

A peer writes the samples as it wants them, once, and reads epochs of 64 samples a batch, shuffled as the peer does it.
Images become arrays, tokens arrays of 1,024 numbers. Of two epochs the second is timed.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 64
Batches = Iterator[int]


def samples(folder: Path) -> Iterator[tuple[int, bytes]]:
    """The samples as files: a JPEG each, or the bytes of 1,024 int32."""
    for path in sorted((folder / "files").iterdir()):
        yield int(path.stem), path.read_bytes()


def decoded(content: bytes, kind: str) -> np.ndarray:
    """A sample as an array."""
    if kind == "tokens":
        return np.frombuffer(content, np.int32)
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


def stacked(arrays: list[np.ndarray]) -> Any:
    """A batch of samples."""
    import torch

    return torch.from_numpy(np.stack(arrays))


class Samples:
    """The samples of a map-style source, decoded."""

    def __init__(self, get: Callable[[int], bytes], count: int, kind: str) -> None:
        self.get, self.count, self.kind = get, count, kind

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> np.ndarray:
        return decoded(self.get(number), self.kind)


def loaded(
    dataset: Any, workers: int, collate: Callable[[Any], Any] = stacked, **options: Any
) -> Callable[[], Batches]:
    """Epochs through torch's DataLoader, whose workers stay from one to the next, as genspark's do."""
    from torch.utils.data import DataLoader

    loader = DataLoader(
        dataset,
        batch_size=BATCH,
        num_workers=workers,
        collate_fn=collate,
        persistent_workers=workers > 0,
        **options,
    )
    return lambda: (len(batch) for batch in loader)


def genspark(kind: str, folder: Path, workers: int) -> Callable[[], Batches]:
    from genspark import TrainingTable

    column = "tokens" if kind == "tokens" else "image"
    options: dict[str, Any] = {} if kind == "tokens" else {"images": column}
    table = TrainingTable(str(folder / "table"), columns=[column])
    data = table.torch(global_batch_size=BATCH, rank=0, world_size=1, with_row_id=False, **options)
    loader = data.loader(workers)

    def epoch() -> Batches:
        for batch in loader:
            yield int(batch["_mask"].sum())

    return epoch


def genspark_threads(kind: str, folder: Path, workers: int) -> Callable[[], Batches]:
    """With threads, as many as the others have workers, and no worker."""
    del workers
    return genspark(kind, folder, 0)


def bare(kind: str, folder: Path, workers: int) -> Callable[[], Batches]:
    """No peer, but the measure: PyArrow's batches of the same column, which nobody decodes or shuffles."""
    del workers
    import pyarrow.parquet as pq

    def epoch() -> Batches:
        for path in sorted((folder / "table").glob("*.parquet")):
            column = "tokens" if kind == "tokens" else "image"
            with pq.ParquetFile(path, memory_map=True) as file:
                for batch in file.iter_batches(BATCH, columns=[column], use_threads=False):
                    yield batch.num_rows

    return epoch


def files(kind: str, folder: Path, workers: int) -> Callable[[], Batches]:
    paths = sorted((folder / "files").iterdir())
    data = Samples(lambda number: paths[number].read_bytes(), len(paths), kind)
    return loaded(data, workers, shuffle=True)


def hugging_face(kind: str, folder: Path, workers: int) -> Callable[[], Batches]:
    from datasets import load_dataset

    column = "tokens" if kind == "tokens" else "image"
    found = sorted(str(path) for path in (folder / "table").glob("*.parquet"))
    data = load_dataset("parquet", data_files=found, split="train", streaming=True, columns=[column])
    data = data.shuffle(seed=1, buffer_size=1000)
    made = stacked if kind != "tokens" else None

    def collated(rows: list[dict[str, Any]]) -> Any:
        if made is None:
            return stacked([np.asarray(row[column], np.int32) for row in rows])
        return made([decoded(_bytes(row[column]), kind) for row in rows])

    return loaded(data, workers, collated)


def _bytes(value: Any) -> bytes:
    return value["bytes"] if isinstance(value, dict) else value


def litdata(kind: str, folder: Path, workers: int) -> Callable[[], Batches]:
    from litdata import StreamingDataLoader, StreamingDataset
    from litdata.streaming.writer import BinaryWriter

    there = folder / "litdata"
    if not there.exists():
        writer = BinaryWriter(str(there), chunk_bytes=32 << 20)
        for place, (_, content) in enumerate(samples(folder)):
            writer[place] = {"content": content}
        writer.done()
        writer.merge()

    def collated(rows: list[dict[str, Any]]) -> Any:
        return stacked([decoded(row["content"], kind) for row in rows])

    data = StreamingDataset(str(there), shuffle=True)
    keeps = {"persistent_workers": workers > 0}
    loader = StreamingDataLoader(data, batch_size=BATCH, num_workers=workers, collate_fn=collated, **keeps)
    return lambda: (len(batch) for batch in loader)


def mosaic(kind: str, folder: Path, workers: int) -> Callable[[], Batches]:
    from streaming import MDSWriter, StreamingDataset

    there = folder / "mosaic"
    if not there.exists():
        with MDSWriter(out=str(there), columns={"content": "bytes"}, size_limit=32 << 20) as writer:
            for _, content in samples(folder):
                writer.write({"content": content})

    class Decoded(StreamingDataset):
        def __getitem__(self, number: int) -> np.ndarray:
            return decoded(super().__getitem__(number)["content"], kind)

    data = Decoded(local=str(there), shuffle=True, batch_size=BATCH)
    return loaded(data, workers)


def webdataset(kind: str, folder: Path, workers: int) -> Callable[[], Batches]:
    import webdataset as wds

    there = folder / "webdataset"
    if not there.exists():
        there.mkdir()
        with wds.ShardWriter(str(there / "%05d.tar"), maxsize=32 << 20, verbose=0) as writer:
            for number, content in samples(folder):
                writer.write({"__key__": f"{number:08}", "bin": content})
    shards = sorted(str(path) for path in there.iterdir())

    data = wds.WebDataset(shards, shardshuffle=len(shards), empty_check=False).shuffle(1000)
    return loaded(data.map(lambda sample: decoded(sample["bin"], kind)), workers)


def grain(kind: str, folder: Path, workers: int) -> Callable[[], Batches]:
    import grain.python as pygrain

    paths = sorted((folder / "files").iterdir())
    source = Samples(lambda number: paths[number].read_bytes(), len(paths), kind)
    data = pygrain.MapDataset.source(source).shuffle(seed=1).batch(BATCH, batch_fn=np.stack)

    def epoch() -> Batches:
        reading = data.to_iter_dataset(pygrain.ReadOptions(num_threads=4))
        if workers:
            reading = reading.mp_prefetch(pygrain.MultiprocessingOptions(num_workers=workers))
        for batch in reading:
            yield len(batch)

    return epoch


def lancedb(kind: str, folder: Path, workers: int) -> Callable[[], Batches]:
    """Without workers: Lance reads with threads of its own."""
    del workers
    import lance
    import pyarrow as pa

    there = str(folder / "lance")
    if not Path(there).exists():
        schema = pa.schema([("content", pa.binary())])
        rows = (pa.record_batch([[content]], schema) for _, content in samples(folder))
        lance.write_dataset(pa.RecordBatchReader.from_batches(schema, rows), there, schema)
    data = lance.dataset(there)
    count = data.count_rows()

    def epoch() -> Batches:
        order = np.random.default_rng(1).permutation(count)
        for start in range(0, count, BATCH):
            rows = data.take(order[start : start + BATCH].tolist(), columns=["content"])["content"].to_pylist()
            yield len(stacked([decoded(row, kind) for row in rows]))

    return epoch


PEERS = {
    "genspark": genspark,
    "genspark-threads": genspark_threads,
    "bare": bare,
    "files": files,
    "datasets": hugging_face,
    "litdata": litdata,
    "mosaic": mosaic,
    "webdataset": webdataset,
    "grain": grain,
    "lancedb": lancedb,
}


def main() -> None:
    peer, kind, folder, workers = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    epoch = PEERS[peer](kind, folder, workers)
    started = time.perf_counter()
    batches = epoch()
    read = next(batches)
    first = time.perf_counter() - started
    read += sum(batches)
    started = time.perf_counter()
    again = sum(epoch())
    told = {"samples": again, "seconds": time.perf_counter() - started, "first": first}
    memory = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(json.dumps({**told, "memory": memory, "read": read}), flush=True)


if __name__ == "__main__":
    main()
