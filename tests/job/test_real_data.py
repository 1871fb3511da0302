"""The example jobs on real data, on every engine: their tables against Polars, scikit-learn and xxhash."""

from __future__ import annotations

import functools
import json
import operator
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import polars as pl
import pytest
import xxhash
from polars.testing import assert_frame_equal
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from genspark import JobConfig, PipelineModel, run
from genspark.job.report import RunReport

CONF = Path(__file__).resolve().parents[2] / "conf"


# Engine spark writes by Delta's own writer and by Arrow.
ENGINES = {
    "spark": ["engine=spark"],
    "spark-arrow": ["engine=spark", "sink.writer=arrow"],
    "polars": ["engine=polars"],
    "spark-polars": ["engine=spark-polars"],
}
in_tasks_of_spark = [pytest.param(name, marks=pytest.mark.exhaustive) for name in ("spark-arrow", "spark-polars")]
on_every_engine = pytest.fixture(scope="module", params=["spark", "polars", *in_tasks_of_spark])


class Ran:
    """A job that ran: its report, its table as Spark reads it and as deltalake does."""

    def __init__(self, spark: Any, conf: str, tmp: pytest.TempPathFactory, env: dict[str, str], engine: str) -> None:
        out = {"OUT": str(tmp.mktemp(conf))}
        self.config = JobConfig.from_yaml(str(CONF / conf), sets=ENGINES[engine], env={**env, **out})
        self.report: RunReport = run(self.config, spark=spark)
        self.spark = spark

    @functools.cached_property
    def by_spark(self) -> pl.DataFrame:
        return pl.DataFrame(self.spark.read.format("delta").load(self.report.table).toArrow())

    @functools.cached_property
    def by_deltalake(self) -> pl.DataFrame:
        return pl.read_delta(self.report.table)

    def assert_both_read_the_same(self, key: list[str]) -> None:
        assert_frame_equal(self.by_spark.sort(key), self.by_deltalake.sort(key), check_dtypes=False)


@on_every_engine
def taxis(spark: Any, data: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Ran:
    return Ran(spark, "taxis.yaml", tmp_path_factory, {"TAXIS": str(data / "taxis.csv")}, request.param)


@on_every_engine
def titanic(spark: Any, data: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Ran:
    return Ran(spark, "titanic.yaml", tmp_path_factory, {"TITANIC": str(data / "titanic.csv")}, request.param)


@on_every_engine
def cifar10(spark: Any, data: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Ran:
    return Ran(spark, "cifar10.yaml", tmp_path_factory, {"CIFAR10": str(data / "cifar10")}, request.param)


def part(row: dict[str, Any]) -> str:
    """The split of a taxi trip, from the xxhash package alone."""
    seed_of = [xxhash.xxh64_intdigest(i.to_bytes(8, "little"), 42) for i in range(3)]
    values = [int(row["pickup"]), int(row["dropoff"]), float(row["total"])]
    raw = [values[0].to_bytes(8, "little"), values[1].to_bytes(8, "little"), np.float64(values[2]).tobytes()]
    key = functools.reduce(operator.xor, (xxhash.xxh64_intdigest(b, s) for b, s in zip(raw, seed_of, strict=True)))
    seed = xxhash.xxh64_intdigest(b"split", xxhash.xxh64_intdigest((7).to_bytes(8, "little"), 42))
    u = (xxhash.xxh64_intdigest(key.to_bytes(8, "little"), seed) >> 11) * 2.0**-53
    return "train" if u < 0.8 else "validation" if u < 0.9 else "test"


@pytest.fixture(scope="module")
def trips(data: Path) -> pl.DataFrame:
    """The taxi trips as Polars reads them, with their split."""
    raw = pl.read_csv(data / "taxis.csv", try_parse_dates=True)
    micros = raw.with_columns(pl.col("pickup", "dropoff").dt.timestamp("us"))
    return raw.with_columns(split=pl.Series([part(row) for row in micros.iter_rows(named=True)]))


TRIP = ["pickup", "dropoff", "total"]
NUMBERS = ["fare", "distance", "tip"]


def taxi_bounds(trips: pl.DataFrame) -> dict[str, tuple[float, float]]:
    train = trips.filter(split="train")
    mean, std = train.select(NUMBERS).mean().row(0), train.select(pl.col(NUMBERS).std(ddof=0)).row(0)
    return {c: (m - 4 * s, m + 4 * s) for c, m, s in zip(NUMBERS, mean, std, strict=True)}


def inside(trips: pl.DataFrame) -> pl.DataFrame:
    return trips.filter(*(pl.col(c).is_between(*pair) for c, pair in taxi_bounds(trips).items()))


def naive(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("pickup", "dropoff").dt.replace_time_zone(None))


def test_taxis_rows_add_up(taxis: Ran, trips: pl.DataFrame) -> None:
    kept = inside(trips)
    report = taxis.report
    assert (report.rows_read, report.rows_written, report.rows_dropped) == (len(trips), len(kept), 0)
    assert report.rows_quarantined == len(trips) - len(kept) > 0


def test_taxis_takes_two_scans_where_stages_take_three(taxis: Ran) -> None:
    assert (taxis.report.scans, taxis.report.scans_stage_by_stage) == (2, 3)


def test_taxis_split_is_the_hash_of_the_key(taxis: Ran, trips: pl.DataFrame) -> None:
    ours = naive(taxis.by_spark).select(*TRIP, "split").sort(TRIP)
    assert_frame_equal(ours, inside(trips).select(*TRIP, "split").sort(TRIP), check_dtypes=False)


def test_taxis_numbers_equal_scikit_learn(taxis: Ran, trips: pl.DataFrame) -> None:
    straight = inside(trips).with_columns(pl.col("fare", "distance").log1p()).sort(TRIP)
    scaler = StandardScaler().fit(straight.filter(split="train").select(NUMBERS).to_numpy())
    expected = scaler.transform(straight.select(NUMBERS).to_numpy())
    ours = naive(taxis.by_spark).sort(TRIP).select(NUMBERS).to_numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12)


def test_taxis_strings_are_filled_with_the_mode_of_train(taxis: Ran, trips: pl.DataFrame) -> None:
    columns = ["payment", "pickup_zone", "dropoff_zone", "pickup_borough", "dropoff_borough"]
    train = trips.filter(split="train")
    modes = {c: min(train[c].drop_nulls().mode().to_list()) for c in columns}
    expected = inside(trips).sort(TRIP).select(pl.col(c).fill_null(modes[c]) for c in columns)
    assert_frame_equal(naive(taxis.by_spark).sort(TRIP).select(columns), expected)


def test_taxis_quarantine_holds_the_rows_as_read_with_every_reason(taxis: Ran, trips: pl.DataFrame) -> None:
    aside = naive(pl.read_delta(taxis.report.quarantine)).sort(TRIP)
    bounds = taxi_bounds(trips)
    outside = trips.join(inside(trips), on=TRIP, how="anti").sort(TRIP)
    raw = [c for c in trips.columns if c != "split"]
    assert_frame_equal(aside.select(raw), outside.select(raw), check_dtypes=False)
    for row, reasons in zip(outside.iter_rows(named=True), aside["_reasons"].to_list(), strict=True):
        expected = {
            (c, row[c], upper if row[c] > upper else lower)
            for c, (lower, upper) in bounds.items()
            if not lower <= row[c] <= upper
        }
        told = {(r["column"], r["value"], r["threshold"]) for r in reasons}
        assert {(c, v) for c, v, _ in told} == {(c, v) for c, v, _ in expected}
        np.testing.assert_allclose(sorted(t for *_, t in told), sorted(t for *_, t in expected), rtol=1e-9)
        assert {(r["step"], r["rule"]) for r in reasons} == {("outliers", "zscore")}
    assert set(aside["_run_id"]) == {taxis.report.run_id}
    assert aside["_file"].str.ends_with("taxis.csv").all()


def test_taxis_reads_the_same_in_spark_and_deltalake(taxis: Ran) -> None:
    taxis.assert_both_read_the_same(TRIP)


def test_taxis_commit_tells_its_run(taxis: Ran) -> None:
    (last,) = deltalake.DeltaTable(taxis.report.table).history(1)
    told = json.loads(last["userMetadata"])
    assert told["run_id"] == taxis.report.run_id
    assert told["config_sha256"] == taxis.config.config_hash
    assert told["model_sha256"] == PipelineModel.load(taxis.report.model).sha256
    assert told["genspark"] == "0.1.0"
    assert told["source"]["format"] == "csv"


def test_taxis_model_inverts_to_the_fares_that_were_read(taxis: Ran, trips: pl.DataFrame) -> None:
    model = PipelineModel.load(taxis.report.model)
    back = naive(model.inverse_transform(taxis.by_deltalake)).sort(TRIP)
    np.testing.assert_allclose(
        back.select(NUMBERS).to_numpy(), inside(trips).sort(TRIP).select(NUMBERS).to_numpy(), rtol=1e-9, atol=1e-9
    )


def test_taxis_model_makes_the_same_table_with_polars(taxis: Ran, trips: pl.DataFrame) -> None:
    model = PipelineModel.load(taxis.report.model)
    raw = trips.drop("split").with_columns(pl.col("pickup", "dropoff").dt.replace_time_zone("UTC"))
    written = taxis.by_spark.drop("_row_id", "_source_file").sort(TRIP)
    assert_frame_equal(model.transform(raw).sort(TRIP), written, check_dtypes=False, rel_tol=1e-12)


def test_titanic_equals_scikit_learn(titanic: Ran, data: Path) -> None:
    raw = pl.read_csv(data / "titanic.csv")
    ages = SimpleImputer(strategy="median").fit_transform(raw.select("age").to_numpy())
    numbers = np.column_stack([raw["fare"].to_numpy(), ages[:, 0]])
    first, third = np.quantile(numbers, [0.25, 0.75], axis=0)
    reach = 1.5 * (third - first)
    clipped = np.clip(numbers, first - reach, third + reach)
    expected = MinMaxScaler((-1, 1)).fit_transform(clipped)
    # No column identifies a passenger, so both sides are put in the same order.
    order = ["pclass", "sex", "sibsp", "parch", "who", "embark_town", "survived", "fare", "age"]
    filled = raw.with_columns(pl.col("embark_town").fill_null("Southampton"))
    ours = titanic.by_spark.sort(order)
    theirs = filled.with_columns(fare=pl.Series(expected[:, 0]), age=pl.Series(expected[:, 1])).sort(order)
    np.testing.assert_allclose(ours.select("fare", "age").to_numpy(), theirs.select("fare", "age").to_numpy(), 1e-9)
    assert ours["age_is_missing"].sum() == raw["age"].null_count() == 177
    assert "deck" not in ours.columns


def test_titanic_reads_the_same_in_spark_and_deltalake(titanic: Ran) -> None:
    titanic.assert_both_read_the_same(titanic.by_spark.columns)


def test_titanic_counts_what_was_filled_and_clipped(titanic: Ran) -> None:
    counts = {(count.step, count.what): count.values for count in titanic.report.counts}
    assert counts["ages", "filled"] == 177
    assert counts["ports", "filled"] == 4
    assert counts["outliers", "iqr"] > 100


def test_cifar10_keeps_every_image_byte_for_byte(cifar10: Ran, data: Path) -> None:
    table = cifar10.by_deltalake
    assert len(table) == 600
    assert set(table["label"].unique()) == {folder.name for folder in (data / "cifar10").iterdir()}
    for path, image in table.select("path", "image").sample(40, seed=1).iter_rows():
        assert image == (data / "cifar10" / path).read_bytes()
    assert table["width"].unique().to_list() == table["height"].unique().to_list() == [32]


def test_cifar10_crops_lie_inside_the_padded_image(cifar10: Ran) -> None:
    table = cifar10.by_deltalake
    for view in (0, 1):
        for side in ("top", "left"):
            places = table[f"view_{view}_crop_{side}"]
            # 32 + 2 x 4 - 28 + 1 = 13 places, from 4 pixels outside.
            assert (places.min(), places.max(), places.n_unique()) == (-4, 8, 13)
        assert table[f"view_{view}_crop_height"].unique().to_list() == [28]


def test_cifar10_factors_are_uniform_and_differ_between_views(cifar10: Ran) -> None:
    table = cifar10.by_deltalake
    for what, low, high in (("brightness", 0.8, 1.2), ("contrast", 0.8, 1.2), ("hue", -0.05, 0.05)):
        values = table[f"view_0_{what}"]
        assert low <= values.min() <= values.max() <= high
        assert abs(values.mean() - (low + high) / 2) < 0.05 * (high - low)
        assert abs(pl.DataFrame([values, table[f"view_1_{what}"]]).corr()[0, 1]) < 0.15
    assert 0.4 < table["view_0_flip_horizontal"].mean() < 0.6


def test_cifar10_keeps_the_specification_in_the_table(cifar10: Ran) -> None:
    told = json.loads(deltalake.DeltaTable(cifar10.report.table).metadata().configuration["genspark.augment"])
    assert told["views"] == 2
    assert told["random_crop"] == {"size": [28, 28], "padding": 4}


def test_cifar10_needs_no_scan(cifar10: Ran) -> None:
    assert cifar10.report.scans == 0


def test_a_second_run_writes_the_same_rows(cifar10: Ran, spark: Any) -> None:
    before = cifar10.by_deltalake
    assert run(cifar10.config, spark=spark).already_done
    again = run(cifar10.config, spark=spark, force=True)
    assert again.table_version > cifar10.report.table_version
    assert_frame_equal(pl.read_delta(again.table).sort("path"), before.sort("path"))


def test_the_engines_differ_in_nothing_but_who_wrote(spark: Any, data: Path, tmp_path_factory: Any) -> None:
    """Rows, splits, schema, layout, parameters and quarantine of the taxi job: to 1e-9 those of Spark."""
    ran = {
        engine: Ran(spark, "taxis.yaml", tmp_path_factory, {"TAXIS": str(data / "taxis.csv")}, engine)
        for engine in ENGINES
    }
    first = ran.pop("spark")
    for engine, other in ran.items():
        assert_frame_equal(other.by_spark.sort(TRIP), first.by_spark.sort(TRIP), rel_tol=1e-9)
        tables = [deltalake.DeltaTable(r.report.table) for r in (other, first)]
        assert tables[0].schema() == tables[1].schema(), engine
        assert tables[0].metadata().partition_columns == tables[1].metadata().partition_columns
        assert tables[0].metadata().configuration == tables[1].metadata().configuration
        assides = [pl.read_delta(r.report.quarantine).drop("_run_id").sort(TRIP) for r in (other, first)]
        assert_frame_equal(*assides, rel_tol=1e-9)
        models = [PipelineModel.load(r.report.model) for r in (other, first)]
        assert models[0].steps == models[1].steps
        assert models[0].input_schema == models[1].input_schema
        for mine, theirs in zip(*(m.parameters for m in models), strict=True):
            assert_same_numbers(mine, theirs)
        counts = [(r.report.rows_read, r.report.rows_written, r.report.counts) for r in (other, first)]
        assert counts[0] == counts[1], engine


def assert_same_numbers(mine: Any, theirs: Any) -> None:
    if isinstance(theirs, dict):
        assert list(mine) == list(theirs)
        for name in theirs:
            assert_same_numbers(mine[name], theirs[name])
    elif isinstance(theirs, list):
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            assert_same_numbers(a, b)
    else:
        assert mine == (pytest.approx(theirs, rel=1e-9) if isinstance(theirs, float) else theirs)
