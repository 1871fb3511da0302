from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from training_tables import write

from genspark.readers import TrainingTable

pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install 'genspark[tensorflow]'")

pytestmark = pytest.mark.filterwarnings("ignore:Your input ran out of data", "ignore:`shuffle=True` was passed")
ASKED: dict[str, Any] = {"global_batch_size": 64, "seed": 7, "rank": 0, "world_size": 1, "threads": 1}


@pytest.fixture(scope="module")
def expected(table) -> list[list[int]]:
    """The ids of each batch of two epochs, as the plain reader gives them."""
    reader = table.reader(**ASKED)
    return [batch["id"].tolist() for _ in range(2) for batch in reader]


def ids(batches) -> list[list[int]]:
    return [batch["id"].numpy().tolist() for batch in batches]


def test_batches_are_those_of_the_reader_and_the_place_is_kept(table, expected):
    reader = table.tensorflow(**ASKED)
    got = ids(islice(reader, 5))
    state = json.loads(json.dumps(reader.state_dict()))
    other = table.tensorflow(**ASKED)
    other.load_state_dict(state)
    got += ids(other)
    assert other.epoch == 1
    # A pass over the dataset itself, with what tf.data prefetches.
    got += ids(other.dataset.prefetch(4))
    assert got == expected
    assert other.epoch == 2


def test_types(table):
    batch = next(iter(table.tensorflow(**ASKED)))
    assert {name: (value.dtype.name, tuple(value.shape)) for name, value in batch.items()} == {
        "id": ("int64", (64,)),
        "_row_id": ("int64", (64,)),
        "x": ("float64", (64,)),
        "vector": ("float32", (64, 4)),
        "name": ("string", (64,)),
        "split": ("string", (64,)),
        "_mask": ("bool", (64,)),
    }


def test_lists_of_several_lengths_are_ragged(tmp_path):
    path = write(tmp_path / "t", pa.table({"tokens": [[1, 2], [3], []]}))
    batch = next(iter(TrainingTable(path).tensorflow(global_batch_size=3, shuffle="sequential")))
    assert batch["tokens"].to_list() == [[1, 2], [3], []]


def test_keras_trains_on_each_batch_once_and_its_callback_counts(table, expected):
    import tensorflow as tf

    reader = table.tensorflow(**ASKED)
    seen: list[list[int]] = []

    class Model(tf.keras.Model):
        def train_step(self, data):
            seen.append(data["id"].numpy().tolist())
            return {"loss": tf.constant(0.0)}

    model = Model()
    model.compile(run_eagerly=True)
    model.fit(reader.dataset, epochs=1, verbose=0, callbacks=[reader.callback()])
    assert reader.epoch == 1
    model.fit(reader.dataset, epochs=1, steps_per_epoch=3, verbose=0, callbacks=[reader.callback()])
    assert reader.state_dict()["step"] == 3
    assert seen == expected[:19]


WORKER = """
import json, sys, tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
from genspark.readers import TrainingTable
table = TrainingTable(sys.argv[1])
readers = []
def share(context):
    readers.append(table.tensorflow(global_batch_size=64, seed=7))
    return readers[0].dataset
data = strategy.distribute_datasets_from_function(share)
found = [strategy.experimental_local_results(batch["id"])[0].numpy().tolist() for _, batch in zip(range(4), data)]
print("FOUND", json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.exhaustive
def test_workers_of_a_mirrored_strategy_share_each_global_batch(path, expected, tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    ports = [free_port(), free_port()]
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    started = []
    for index in range(2):
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        environment = {**os.environ, "TF_CONFIG": config, "PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, str(script), path]
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    outputs = [process.communicate(timeout=240)[0] for process in started]
    shares = [json.loads(output.partition("FOUND ")[2]) for output in outputs]
    assert [one + two for one, two in zip(*shares, strict=True)] == expected[:4]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
