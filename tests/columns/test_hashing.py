"""The hash is a promise to every table written so far: its values are pinned, and each engine must give them."""

from __future__ import annotations

import datetime as dt
import math
import struct
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest
import xxhash

from genspark.columns.hashing import Draw, column_seed, draw_seed, hash_bytes, hash_floats, hash_integers, uniform
from genspark.columns.series_hash import hash_series
from genspark.engines import engine_for

EAGER = ("polars", "pandas", "pyarrow")

# The first column of a key: computed with the xxhash package, and never to change.
GOLDEN = {
    "int zero": (0, pa.int64(), 9246812528373995390),
    "int one": (1, pa.int64(), 8281773146650252936),
    "int negative": (-7, pa.int64(), 14204230828565154965),
    "int largest": (2**63 - 1, pa.int64(), 8951635521562255894),
    "small int": (1, pa.int16(), 8281773146650252936),
    "string empty": ("", pa.string(), 12541855671141347913),
    "string ascii": ("a", pa.string(), 1336350072079630103),
    "string of 40 bytes": ("genspark" * 5, pa.string(), 17637881630501839849),
    "string beyond ascii": ("Größe 漢字 🙂", pa.string(), 17016309420502941973),
    "binary": (b"a", pa.binary(), 1336350072079630103),
    "float": (1.5, pa.float64(), 7076318004620895608),
    "float of 32 bits": (1.5, pa.float32(), 7076318004620895608),
    "float zero": (0.0, pa.float64(), 9246812528373995390),
    "float negative zero": (-0.0, pa.float64(), 9246812528373995390),
    "float infinity": (math.inf, pa.float64(), 10646026541704694244),
    "float nan": (math.nan, pa.float64(), 13194218611613725804),
    "true": (True, pa.bool_(), 8281773146650252936),
    "false": (False, pa.bool_(), 9246812528373995390),
    "date": (dt.date(2020, 2, 29), pa.date32(), 6253613838748055717),
    "timestamp": (dt.datetime(2020, 2, 29, 6, 34, 56, 789012), pa.timestamp("us"), 5467135099739145661),
    "timestamp with zone": (
        dt.datetime(2020, 2, 29, 6, 34, 56, 789012, dt.UTC),
        pa.timestamp("us", "UTC"),
        5467135099739145661,
    ),
    "null string": (None, pa.string(), 13194218611613725804),
    "null int": (None, pa.int64(), 13194218611613725804),
    "null bool": (None, pa.bool_(), 13194218611613725804),
    "null date": (None, pa.date32(), 13194218611613725804),
}
SPARK_TYPES = {
    "null string": "string",
    "string empty": "string",
    "string ascii": "string",
    "string of 40 bytes": "string",
    "string beyond ascii": "string",
    "int zero": "bigint",
    "int one": "bigint",
    "int negative": "bigint",
    "int largest": "bigint",
    "float": "double",
    "float zero": "double",
    "float infinity": "double",
    "binary": "binary",
}
MULTI = {"n": 7, "s": "a", "x": None}
MULTI_HASH = 9448088871347728705
DRAW = Draw(7, "split")


def draws(frames: Any, backend: str, table: pa.Table, key: tuple[str, ...] = (), draw: Draw = DRAW) -> list[float]:
    engine, frame = engine_for(frames.of(backend, table))
    with_draws = engine.with_draws(frame, key or tuple(table.column_names), [draw])
    return frames.table(nw.to_native(with_draws))[draw.column].to_pylist()


def test_the_seeds_are_pinned():
    assert column_seed(0) == 13194218611613725804
    assert column_seed(1) == 11445071438006506034
    assert draw_seed(7, "split") == 16745513914432233040


@pytest.mark.parametrize("backend", EAGER)
@pytest.mark.parametrize("name", GOLDEN)
def test_each_kind_of_value_has_its_pinned_hash(frames, backend, name):
    value, dtype, expected = GOLDEN[name]
    frame = nw.from_native(frames.of(backend, pa.table({"k": pa.array([value], dtype)})), eager_only=True)
    if backend == "pandas" and name == "null int":
        pytest.skip("pandas has no null among its integers")
    assert hash_series(frame["k"], column_seed(0)).tolist() == [expected]


@pytest.mark.connect
def test_spark_s_own_xxhash64_gives_the_pinned_hashes(spark):
    from pyspark.sql import functions as F

    golden = {name: (GOLDEN[name][0], dtype, GOLDEN[name][2]) for name, dtype in SPARK_TYPES.items()}
    hashed = [F.xxhash64(F.lit(0).cast("long"), F.lit(value).cast(dtype)) for value, dtype, _ in golden.values()]
    (row,) = spark.range(1).select(*hashed).collect()
    assert [signed % 2**64 for signed in row] == [expected for *_, expected in golden.values()]


@pytest.mark.parametrize("backend", ["spark", "polars, lazy", *EAGER])
def test_a_draw_is_pinned(frames, backend):
    assert draws(frames, backend, pa.table({"k": pa.array([1], pa.int64())})) == [0.19419407072379768]


def test_numpy_hashes_as_the_xxhash_package_does():
    random = np.random.default_rng(0)
    integers = random.integers(-(2**63), 2**63, 100)
    floats = random.standard_normal(100)
    expected = [xxhash.xxh64_intdigest(struct.pack("<q", value), 99) for value in integers]
    assert hash_integers(integers, 99).tolist() == expected
    expected = [xxhash.xxh64_intdigest(struct.pack("<d", value), 99) for value in floats]
    assert hash_floats(floats, 99).tolist() == expected


def test_strings_hash_as_their_utf8_bytes_and_none_as_the_seed():
    assert hash_bytes(["é", b"\xc3\xa9", None], 5).tolist() == [xxhash.xxh64_intdigest("é".encode(), 5)] * 2 + [5]


def test_a_key_of_several_columns_is_the_exclusive_or_of_its_columns():
    table = pa.table({"n": [7], "s": ["a"], "x": pa.array([None], pa.float64())})
    frame = nw.from_native(table, eager_only=True)
    hashes = [hash_series(frame[column], column_seed(i)) for i, column in enumerate(MULTI)]
    assert (hashes[0] ^ hashes[1] ^ hashes[2]).tolist() == [MULTI_HASH]


def test_the_order_of_the_key_s_columns_matters(frames):
    table = pa.table({"a": [1], "b": [2]})
    assert draws(frames, "polars", table, ("a", "b")) != draws(frames, "polars", table, ("b", "a"))


@pytest.fixture(scope="module")
def every_type() -> pa.Table:
    """All kinds of values and their nulls, but for integers with nulls, which pandas turns into floats."""
    when = dt.datetime(2024, 3, 10, 2, 30, 0, 123456)
    return pa.table(
        {
            "i": pa.array([1, -1, 0, 2**62], pa.int64()),
            "small": pa.array([1, -1, 0, 127], pa.int8()),
            "x": pa.array([0.0, -0.0, math.nan, None]),
            "single": pa.array([0.1, math.inf, -math.inf, None], pa.float32()),
            "s": ["a", "", "漢字", None],
            "b": [True, False, None, True],
            "d": pa.array([dt.date(1969, 12, 31), dt.date(2020, 2, 29), None, dt.date(1, 1, 2)]),
            "naive": pa.array([when, None, dt.datetime(1969, 12, 31, 23, 59, 59, 999999), when], pa.timestamp("us")),
            "aware": pa.array([when, None, when, when], pa.timestamp("us", "UTC")),
            "bytes": [b"\x00\xff", b"", None, b"a"],
        }
    )


@pytest.fixture(scope="module")
def drawn_by_spark(frames, interpreted, every_type) -> dict[str, list[float]]:
    """One draw over each column and one over the key, which is all of them."""
    names = every_type.column_names
    engine, frame = engine_for(frames.of("spark", every_type))
    over = [Draw(7, "split"), *(Draw(7, "split", (name,)) for name in names)]
    out = frames.table(nw.to_native(engine.with_draws(frame, names, over)))
    return {draw.column: out[draw.column].to_pylist() for draw in over}


@pytest.mark.parametrize("backend", ["polars, lazy", *EAGER])
def test_draws_are_bit_for_bit_those_of_spark(frames, every_type, drawn_by_spark, backend):
    for column in every_type.column_names:
        draw = Draw(7, "split", (column,))
        assert draws(frames, backend, every_type, draw=draw) == drawn_by_spark[draw.column], column
    assert draws(frames, backend, every_type) == drawn_by_spark[DRAW.column]


def test_the_hash_of_a_naive_timestamp_does_not_depend_on_the_session_s_time_zone(spark, frames):
    # 02:30 on this day does not exist in New York.
    df = spark.sql("select timestamp_ntz'2024-03-10 02:30:00.123456' as t")
    engine, frame = engine_for(df)
    expected = draws(frames, "polars", pa.table({"t": [dt.datetime(2024, 3, 10, 2, 30, 0, 123456)]}))
    before = spark.conf.get("spark.sql.session.timeZone")
    try:
        spark.conf.set("spark.sql.session.timeZone", "America/New_York")
        row = nw.to_native(engine.with_draws(frame, ("t",), [DRAW])).first()
        assert [row[DRAW.column]] == expected
    finally:
        spark.conf.set("spark.sql.session.timeZone", before)


def test_draws_are_uniform_in_zero_to_one():
    u = uniform(hash_integers(np.arange(20_000), column_seed(0)), DRAW)
    assert u.min() >= 0
    assert u.max() < 1
    counts, _ = np.histogram(u, bins=20, range=(0, 1))
    # Chi-square with 19 degrees of freedom: 43.8 is exceeded once in a thousand; the draws are fixed.
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8


def test_the_largest_hash_is_still_below_one():
    assert (np.uint64(2**64 - 1) >> np.uint64(11)).astype(np.float64) * 2.0**-53 < 1


def test_streams_and_seeds_are_independent_of_each_other():
    hashes = hash_integers(np.arange(20_000), column_seed(0))
    one, stream, seed = (uniform(hashes, draw) for draw in (DRAW, Draw(7, "crop"), Draw(8, "split")))
    # The correlation of independent samples has a standard deviation of 1 / sqrt(20000) = 0.007.
    assert abs(np.corrcoef([one, stream, seed]) - np.eye(3)).max() < 0.03


def test_a_draw_over_columns_ignores_the_key(frames):
    table = pa.table({"k": [1, 2, 3], "g": ["a", "a", "b"]})
    u = draws(frames, "polars", table, ("k",), Draw(0, "split", ("g",)))
    assert u[0] == u[1] != u[2]


def test_pandas_draws_line_up_with_an_index_of_its_own():
    import pandas as pd

    df = pd.DataFrame({"k": [1, 2, 3]}, index=[30, 10, 20])
    engine, frame = engine_for(df)
    out = nw.to_native(engine.with_draws(frame, ("k",), [DRAW]))
    assert out.index.tolist() == [30, 10, 20]
    assert out[DRAW.column].iloc[0] == 0.19419407072379768
