from __future__ import annotations

import json
import shutil
import struct
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from training_tables import LogByHand, rows, write

from genspark.errors import SchemaError, SourceError
from genspark.readers import TrainingTable


def everything(path: str, columns: list[str] | None = None, **options) -> list[dict]:
    """The rows of a table in the order of its files, as dictionaries."""
    table = TrainingTable(path, columns=columns, **options)
    reader = table.reader(global_batch_size=1, shuffle="sequential", coverage="drop", batches="arrow", threads=0)
    return [row for batch in reader for row in batch.to_pylist()]


def deletion_vector(places: list[int]) -> bytes:
    """A RoaringBitmapArray of one bitmap with one array container, as the Delta protocol writes it to a file."""
    container = (
        struct.pack("<HH", 0, len(places) - 1) + struct.pack("<I", 16) + struct.pack(f"<{len(places)}H", *places)
    )
    bitmap = struct.pack("<II", 12346, 1) + container
    return struct.pack("<IQI", 1681511377, 1, 0) + bitmap


def with_deletions(folder: Path, places: list[int]) -> LogByHand:
    import zlib

    log = LogByHand(folder, ["deletionVectors"]).column("id", "long")
    data = deletion_vector(places)
    name = uuid.UUID("d2c639aa-8816-431a-aaf6-d3fe2512ff61")
    framed = struct.pack(">I", len(data)) + data + struct.pack(">I", zlib.crc32(data))
    (folder / f"deletion_vector_{name}.bin").write_bytes(b"\1" + framed)
    # 20 characters of Z85 stand for the 16 bytes of the name.
    vector = {"storageType": "u", "pathOrInlineDv": z85(name.bytes), "offset": 1, "sizeInBytes": len(data)}
    told = {"deletionVector": {**vector, "cardinality": len(places)}, "stats": '{"numRecords": 10}'}
    return log.file(pa.table({"id": list(range(10))}), **told)


def z85(data: bytes) -> str:
    alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    words = struct.unpack(f">{len(data) // 4}I", data)
    return "".join(alphabet[word // 85**place % 85] for word in words for place in (4, 3, 2, 1, 0))


def test_deletion_vectors_are_applied(tmp_path):
    path = with_deletions(tmp_path / "t", [0, 3, 9]).file(pa.table({"id": [20, 21]})).commit()
    assert [row["id"] for row in everything(path)] == [1, 2, 4, 5, 6, 7, 8, 20, 21]
    assert len(TrainingTable(path)) == 9


def test_columns_mapped_by_name_are_read_under_their_names(tmp_path):
    log = LogByHand(tmp_path / "t", **{"delta.columnMapping.mode": "name"})
    mapped = "delta__columnMapping__physicalName"
    log.column("id", "long", **{mapped: "c1", "delta__columnMapping__id": 1})
    log.column("day", "string", **{mapped: "c2", "delta__columnMapping__id": 2})
    path = log.file(pa.table({"c1": [1, 2]}), {"c2": "mon"}).commit(("day",))
    assert everything(path) == [{"id": 1, "day": "mon"}, {"id": 2, "day": "mon"}]
    assert everything(path, ["day"], where={"day": "mon"}) == [{"day": "mon"}] * 2


def test_files_with_narrower_types_and_fewer_columns_are_read_as_the_table_is(tmp_path):
    log = LogByHand(tmp_path / "t", ["typeWidening"]).column("id", "long").column("x", "double")
    path = log.file(pa.table({"id": pa.array([1], pa.int32())})).file(pa.table({"id": [2], "x": [0.5]})).commit()
    assert everything(path) == [{"id": 1, "x": None}, {"id": 2, "x": 0.5}]
    batch = next(iter(TrainingTable(path).reader(global_batch_size=2, shuffle="sequential")))
    assert batch["id"].dtype == np.int64
    assert np.isnan(batch["x"][0])


def test_checkpoints_of_version_2_are_read_with_their_sidecars(tmp_path):
    log = LogByHand(tmp_path / "t", ["v2Checkpoint"]).column("id", "long")
    path = log.file(pa.table({"id": [1, 2]})).file(pa.table({"id": [3]})).commit()
    folder = tmp_path / "t" / "_delta_log"
    first = folder / f"{0:020}.json"
    actions = [json.loads(line) for line in first.read_text().splitlines()]
    adds = [{**action["add"], "partitionValues": []} for action in actions if "add" in action]
    struct = pa.struct(
        [
            ("path", pa.string()),
            ("partitionValues", pa.map_(pa.string(), pa.string())),
            ("size", pa.int64()),
            ("modificationTime", pa.int64()),
            ("dataChange", pa.bool_()),
        ]
    )
    (folder / "_sidecars").mkdir()
    sidecar = folder / "_sidecars" / "one.parquet"
    pq.write_table(pa.table({"add": pa.array(adds, struct)}), sidecar)
    told = {"path": "one.parquet", "sizeInBytes": sidecar.stat().st_size, "modificationTime": 1}
    top = [{"checkpointMetadata": {"version": 0}}, *actions[:2], {"sidecar": told}]
    name = f"{0:020}.checkpoint.d2c639aa-8816-431a-aaf6-d3fe2512ff61.json"
    (folder / name).write_text("\n".join(json.dumps(action) for action in top))
    # Only the checkpoint knows of the files from now on.
    first.unlink()
    assert [row["id"] for row in everything(path)] == [1, 2, 3]


@pytest.mark.parametrize("feature", ["variantType", "variantShredding-preview"])
def test_features_that_are_not_known_are_refused_by_name(tmp_path, feature):
    path = LogByHand(tmp_path / "t", [feature]).column("id", "long").file(pa.table({"id": [1]})).commit()
    with pytest.raises(SourceError, match=f"{feature}.*DROP FEATURE"):
        TrainingTable(path)


def test_columns_mapped_by_id_are_refused(tmp_path):
    mapped = {"delta__columnMapping__physicalName": "c1", "delta__columnMapping__id": 1}
    log = LogByHand(tmp_path / "t", **{"delta.columnMapping.mode": "id"}).column("id", "long", **mapped)
    with pytest.raises(SourceError, match="by id, and only mapping by name"):
        TrainingTable(log.file(pa.table({"id": [1]})).commit())


def test_a_version_stays_the_same_whatever_is_written(tmp_path):
    path = write(tmp_path / "t", rows(50))
    table = TrainingTable(path)
    write_deltalake(path, rows(30), mode="overwrite")
    assert (len(table), len(TrainingTable(path)), len(TrainingTable(path, version=0))) == (50, 30, 50)
    reader = table.reader(global_batch_size=10)
    assert sorted(np.concatenate([batch["id"] for batch in reader])) == list(range(50))


def test_a_vacuumed_file_is_named_with_the_remedy(tmp_path):
    path = write(tmp_path / "t", rows(50))
    table = TrainingTable(path)
    write_deltalake(path, rows(30), mode="overwrite")
    DeltaTable(path).vacuum(0, dry_run=False, enforce_retention_duration=False)
    for attempt in (lambda: next(iter(table.reader(global_batch_size=8))), lambda: TrainingTable(path, version=0)):
        with pytest.raises(SourceError, match=r"is gone, which version 0 .* needs.*genspark maintain .* --retain"):
            attempt()


def test_files_of_other_partitions_are_not_opened(tmp_path):
    path = write(tmp_path / "t", rows(80), partition_by=["split"])
    shutil.rmtree(tmp_path / "t" / "split=test")
    table = TrainingTable(path, columns=["id"], where={"split": "train"})
    found = np.concatenate([batch["id"] for batch in table.reader(global_batch_size=10, coverage="exact")])
    assert {number % 4 for number in found} == {1, 2, 3}
    with pytest.raises(SourceError, match="is gone"):
        TrainingTable(path)


def test_chunks_of_other_columns_are_not_read(tmp_path):
    path = write(tmp_path / "t", rows(60))
    (file,) = (tmp_path / "t").glob("*.parquet")
    metadata = pq.read_metadata(file)
    content = bytearray(file.read_bytes())
    wanted = 0
    for group in (metadata.row_group(number) for number in range(metadata.num_row_groups)):
        for chunk in (group.column(place) for place in range(group.num_columns)):
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            if chunk.path_in_schema == "x":
                wanted += chunk.total_compressed_size
            else:
                content[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    file.write_bytes(content)
    reader = TrainingTable(path, columns=["x"]).reader(global_batch_size=20, with_row_id=False)
    assert sorted(np.concatenate([batch["x"] for batch in reader])) == [number / 2 for number in range(60)]
    assert (reader.counts.groups, reader.counts.chunks, reader.counts.bytes) == (3, 3, wanted)
    with pytest.raises(SourceError, match="row group 0 cannot be read"):
        everything(path, ["name"])


def test_partition_values_are_typed_and_paths_may_hold_anything(tmp_path):
    days = pa.table({"id": [1, 2, 3], "day": ["a b/c", "100%", None], "year": pa.array([2024, 2025, 2026], pa.int32())})
    path = write(tmp_path / "t", days, partition_by=["day", "year"])
    assert sorted(everything(path), key=lambda row: row["id"]) == days.to_pylist()
    assert everything(path, ["id"], where={"year": [2025, 2026]}) == [{"id": 2}, {"id": 3}]
    assert everything(path, ["id"], where={"day": None}) == [{"id": 3}]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"columns": ["vectr"]}, SchemaError, "'vectr' is no column; did you mean 'vector'"),
        ({"where": {"splt": "train"}}, SchemaError, "where: 'splt' is no column; did you mean 'split'"),
        ({"where": {"id": "three"}}, SchemaError, "where: 'three' is no value of 'id', which is int64"),
        ({"where": {"split": "trian"}}, SourceError, "no row has split 'trian'; did you mean 'train'"),
        ({"version": 7}, SourceError, "asked for version 7"),
    ],
)
def test_what_is_not_there(path, options, error, message):
    with pytest.raises(error, match=message):
        TrainingTable(path, **options)


def test_no_table(tmp_path):
    with pytest.raises(SourceError, match="there is no Delta table; check the path"):
        TrainingTable(tmp_path / "nowhere")


def test_planning_takes_neither_spark_nor_the_rest_of_genspark(path):
    import subprocess
    import sys

    code = f"""
import sys, genspark
table = genspark.TrainingTable({path!r})
next(iter(table.reader(global_batch_size=8)))
print(sorted({{name.partition('.')[0] for name in sys.modules}} & {{'pyspark', 'polars', 'torch'}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
