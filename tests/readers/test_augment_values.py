"""Views of other data than images: drawn by the step, derived again by the reader, and done by three libraries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from genspark.errors import ConfigError, DataError
from genspark.readers import TrainingTable
from genspark.readers.augment import values_with_numpy as by_numpy
from genspark.readers.augment.views import Augmentation

ROWS = 60
AUGMENT = {
    "views": 2,
    "seed": 5,
    "time_crop": {"columns": ["wave", "ragged"], "size": 4},
    "gaussian_noise": {"columns": ["x", "vector"], "scale": 0.5, "least": 0.1},
    "token_masking": {"column": "tokens", "rate": 0.4, "mask_id": 103, "keep": [0]},
    "mixup": {"columns": ["x", "vector"], "labels": ["label"], "alpha": 0.5},
}


def job(folder: Path, augment: dict = AUGMENT, **columns: list) -> TrainingTable:
    from genspark.config import JobConfig
    from genspark.job import run

    rows = {
        "id": range(ROWS),
        "x": [n / 2 for n in range(ROWS)],
        "vector": [[float(n), -float(n), 0.0] for n in range(ROWS)],
        "wave": [[1.0 + n for n in range(6)]] * ROWS,
        "ragged": [None if n == 7 else [1.0 + n for n in range(6)] for n in range(ROWS)],
        "tokens": [[101, 5, *[7] * (n % 3), 0] for n in range(ROWS)],
        "label": [n % 4 for n in range(ROWS)],
    }
    (folder / "source").mkdir(parents=True)
    pl.DataFrame({**rows, **columns}).write_parquet(folder / "source" / "rows.parquet")
    config = {
        "name": "values",
        "engine": "polars",
        "key": ["id"],
        "source": {"path": str(folder / "source"), "format": "parquet"},
        "steps": [{"augment": augment}],
        "sink": {"path": str(folder / "table")},
    }
    run(JobConfig.model_validate(config))
    return TrainingTable(str(folder / "table"))


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> TrainingTable:
    # A series that is missing is of no length.
    augment = {**AUGMENT, "time_crop": {"columns": ["wave"], "size": 4}}
    return job(tmp_path_factory.mktemp("values"), augment)


def whole(table: TrainingTable, **options) -> dict[str, np.ndarray]:
    return next(iter(table.reader(global_batch_size=ROWS, shuffle="sequential", **options)))


def test_numbers_are_those_that_the_step_wrote(table):
    stored, spec = whole(table), Augmentation.of(table.plan.properties, table.plan.path)
    ids = stored["_row_id"]
    for view in (0, 1):
        seeds, scales = spec.noise(ids, view)
        of_masks, rates = spec.masks(ids, view)
        found = {
            "noise_seed": seeds,
            "noise_scale": scales,
            "mask_seed": of_masks,
            "mask_rate": rates,
            "mixup_lambda": spec.lambdas(ids, view),
            "time_crop_start": spec.stretches(ids, view, np.full(ROWS, 6)),
        }
        for name, values in found.items():
            assert values.tolist() == stored[f"view_{view}_{name}"].tolist(), name
        # The share of the other rows stands for the partner's place after the row's own.
        shares, places = stored[f"view_{view}_mixup_partner"], np.arange(ROWS)
        expected = (places + 1 + np.floor(shares * (ROWS - 1))) % ROWS
        assert spec.partners(ids, view, places, ROWS).tolist() == expected.tolist()
        assert (expected != places).all()


def test_an_epoch_shows_the_view_of_its_number(table):
    stored = whole(table)
    for epoch in (0, 1, 5):
        shown = whole(table, augment=True, epoch=epoch)
        spec = Augmentation.of(table.plan.properties, table.plan.path)
        ids, places = stored["_row_id"], np.arange(ROWS)
        starts = spec.stretches(ids, epoch, np.full(ROWS, 6))
        assert shown["wave"].tolist() == [[start + n + 1 for n in range(4)] for start in starts]
        # Each row, noised, is mixed with another noised one.
        partners, lambdas = spec.partners(ids, epoch, places, ROWS), spec.lambdas(ids, epoch)
        noised = by_numpy.noised(stored["vector"], *spec.noise(ids, epoch, 1))
        expected = lambdas[:, None] * noised + (1 - lambdas[:, None]) * noised[partners]
        np.testing.assert_allclose(shown["vector"], expected, rtol=1e-12)
        assert shown["_mixup_lambda"].tolist() == lambdas.tolist()
        assert shown["label"].tolist() == stored["label"].tolist()
        assert shown["label_partner"].tolist() == stored["label"][partners].tolist()
        for before, after, target in zip(stored["tokens"], shown["tokens"], shown["tokens_targets"], strict=True):
            is_hidden = after == 103
            assert target.tolist() == np.where(is_hidden, before, -100).tolist()
            assert (before[~is_hidden] == after[~is_hidden]).all()
            assert after[-1] == 0
    assert 0.3 < np.mean(np.concatenate(list(shown["tokens"])) == 103) < 0.5


def test_views_are_the_same_on_any_number_of_ranks(table):
    options = {"global_batch_size": 20, "seed": 1, "augment": True}
    (alone,) = [list(table.reader(**options))]
    parts = [list(table.reader(rank=rank, world_size=3, **options)) for rank in range(3)]
    for step, batch in enumerate(alone):
        for name in ("x", "wave", "label_partner"):
            joined = np.concatenate([part[step][name] for part in parts])
            assert joined.tolist() == batch[name].tolist()


def test_series_that_are_missing_or_short(tmp_path):
    augment = {"time_crop": {"columns": ["ragged"], "size": 4}, "gaussian_noise": {"columns": "ragged", "scale": 1e-9}}
    ragged = [None, [], [1.0], [1.0, 2.0, 3.0, 4.0], *[[5.0] * 9] * (ROWS - 4)]
    path = job(tmp_path, augment, ragged=ragged).plan.path
    # The stretch of a series that is missing is, too.
    table = TrainingTable(path, nulls={"view_0_time_crop_start": "mask"})
    shown = whole(table, augment=True)
    assert np.flatnonzero(shown["view_0_time_crop_start_is_null"]).tolist() == np.flatnonzero(shown["id"] == 0).tolist()
    of_id = dict(zip(shown["id"].tolist(), shown["ragged"], strict=True))
    assert of_id[0] is None
    # In the middle of the stretch, among zeros.
    assert [np.round(of_id[n], 6).tolist() for n in (1, 2, 3, 4)] == [[0] * 4, [0, 0, 1, 0], [1, 2, 3, 4], [5] * 4]


def test_what_cannot_be_shown_is_named(tmp_path, table):
    with pytest.raises(ConfigError, match="augment: 'label' is needed.*name it in `columns`"):
        TrainingTable(table.plan.path, columns=["x", "vector"]).reader(global_batch_size=4, augment=True)
    with pytest.raises(ConfigError, match="batches: 'arrow' shows no views"):
        table.reader(global_batch_size=4, augment=True, batches="arrow")
    with pytest.raises(DataError, match="'ragged': series are not as long as those of 'wave'"):
        whole(job(tmp_path / "1"), augment=True)
    lengths = [[0.0] * (1 + n % 2) for n in range(ROWS)]
    with pytest.raises(DataError, match="column 'ragged': rows of several lengths .* cannot be mixed"):
        whole(job(tmp_path / "2", {"mixup": {"columns": ["ragged"]}}, ragged=lengths), augment=True)


def test_a_row_that_is_alone_is_its_own_partner():
    spec = Augmentation(mixup={"alpha": 1.0, "columns": ["x"]})
    assert spec.partners(np.array([8]), 0, np.array([0]), 1).tolist() == [0]
    # Lambda of Beta(1, 1) is uniform, and a row mixed with itself is itself.
    assert by_numpy.mixed(np.array([[3.5, np.inf]]), np.array([[3.5, np.inf]]), np.array([0.3])).tolist() == [
        [3.5, np.inf]
    ]


def test_noise_is_normal_and_bits_are_pinned():
    seeds = np.arange(2000) * 7919
    noise = by_numpy.noised(np.zeros((2000, 50)), seeds, np.full(2000, 2.0))
    assert stats.kstest(noise.ravel(), "norm", (0, 2)).pvalue > 0.01
    assert abs(np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]) < 0.05
    assert abs(np.corrcoef(noise[0], noise[1])[0, 1]) < 0.4
    # By the author's C of lowbias32: of (of place ^ 5) ^ 256.
    assert by_numpy.bits(np.array([1 << 40 | 5]), np.array([0, 1, 2])).tolist() == [627046668, 823654201, 2730658764]


def given() -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(0)
    values = random.standard_normal((40, 30, 2)).astype(np.float32)
    tokens = random.integers(0, 50, (40, 30)).astype(np.int32)
    seeds = random.integers(0, 1 << 53, 40)
    return values, tokens, seeds, random.random(40), random.integers(-6, 25, 40)


@pytest.mark.parametrize("library", ["torch", "tensorflow"])
def test_libraries_do_the_same(library):
    other, tensor = _library(library)
    values, tokens, seeds, chances, starts = given()
    cut = other.time_cropped(tensor(values), starts, 12)
    assert (cut.numpy() == by_numpy.time_cropped(values, starts, 12)).all()
    got = other.noised(tensor(values), seeds, chances).numpy()
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, by_numpy.noised(values, seeds, chances), rtol=0, atol=1e-6)
    for found, expected in zip(
        other.masked(tensor(tokens), seeds, chances, 103, (1, 2)),
        by_numpy.masked(tokens, seeds, chances, 103, (1, 2)),
        strict=True,
    ):
        assert found.numpy().dtype == expected.dtype
        assert (found.numpy() == expected).all()
    mixed = other.mixed(tensor(values), tensor(values[::-1].copy()), chances).numpy()
    np.testing.assert_allclose(mixed, by_numpy.mixed(values, values[::-1], chances), rtol=0, atol=1e-6)
    pixels = np.arange(40 * 12, dtype=np.uint8).reshape(40, 2, 2, 3)
    mixed = other.mixed(tensor(pixels), tensor(pixels[::-1].copy()), chances).numpy()
    assert (mixed == by_numpy.mixed(pixels, pixels[::-1], chances)).all()


def _library(name: str) -> tuple:
    if name == "torch":
        torch = pytest.importorskip("torch")
        from genspark.readers.augment import values_with_torch

        return values_with_torch, torch.from_numpy
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install 'genspark[tensorflow]'")
    from genspark.readers.augment import values_with_tensorflow

    return values_with_tensorflow, tf.convert_to_tensor
