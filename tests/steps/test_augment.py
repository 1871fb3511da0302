from __future__ import annotations

import json
import math
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from scipy import stats

from genspark.columns.chances import symmetric_beta
from genspark.errors import ConfigError, SchemaError
from genspark.pipeline import Pipeline
from genspark.pipeline.planner import make_plan
from genspark.steps import Augment, ColorJitter, GaussianNoise, Mixup, RandomCrop, TimeCrop, TokenMasking

CROP = RandomCrop(size=(28, 24), padding=4)
SCHEMA = {"image": nw.Binary(), "height": nw.Int32(), "width": nw.Int32()}
FULL = Augment(
    image="image",
    views=2,
    seed=3,
    random_crop=CROP,
    horizontal_flip=0.5,
    vertical_flip=0.25,
    color_jitter=ColorJitter(brightness=0.4, contrast=1.5, saturation=0.1, hue=0.2),
)


def images(n: int, height: Any = 32, width: Any = 40) -> pa.Table:
    sizes = {"height": pa.array([height] * n, pa.int32()), "width": pa.array([width] * n, pa.int32())}
    return pa.table({"id": np.arange(n), "image": [b"jpeg"] * n, **sizes})


@pytest.fixture(scope="module")
def many(frames, interpreted) -> pl.DataFrame:
    """2000 images, augmented by Spark after a repartition that shuffles the rows."""
    df = frames.of("spark", images(2000))
    model = Pipeline([FULL], key=["id"]).fit(df)
    return pl.from_arrow(frames.table(model.transform(df.repartition(5, "id")))).sort("id")


def test_the_numbers_are_pinned(fitted):
    # Top and left of view 0, left-right flips of views 0 and 1: computed with the xxhash package.
    golden = [(1, -3, 0, 1), (0, 0, 0, 0), (7, 2, 0, 0), (8, 3, 1, 0), (7, 0, 0, 0)]
    step = Augment(image="image", seed=3, views=2, random_crop=RandomCrop((28, 28), 4), horizontal_flip=0.5)
    got = fitted(images(1), step, key=["id"]).transform(pl.from_arrow(images(5, 32, 32)))
    columns = ["view_0_crop_top", "view_0_crop_left", "view_0_flip_horizontal", "view_1_flip_horizontal"]
    assert got.select(columns).rows() == golden


def test_partitions_and_order_do_not_matter(many, fitted):
    model = fitted(images(1), FULL, key=["id"])
    backwards = pl.from_arrow(images(2000)).reverse()
    assert model.transform(backwards).reverse().equals(many)


def test_each_view_has_its_columns_and_the_pixels_are_left_alone(many):
    of_a_view = ("crop_top", "crop_left", "crop_height", "crop_width", "flip_horizontal", "flip_vertical")
    expected = [
        f"view_{v}_{what}" for v in (0, 1) for what in (*of_a_view, "brightness", "contrast", "saturation", "hue")
    ]
    assert many.columns == ["id", "image", "height", "width", *expected]
    assert many["image"].unique().to_list() == [b"jpeg"]
    integers = {f"view_0_{what}" for what in of_a_view}
    assert {c for c in many.columns if many.schema[c] == pl.Int32 and c.startswith("view_0")} == integers


def test_crops_lie_inside_the_padded_image_and_reach_its_ends(many):
    # A crop of 28 x 24 in 32 x 40 padded by 4: tops from -4 to 8, lefts from -4 to 20.
    for view in (0, 1):
        assert sorted(many[f"view_{view}_crop_top"].unique()) == list(range(-4, 9))
        assert sorted(many[f"view_{view}_crop_left"].unique()) == list(range(-4, 21))
    assert many["view_0_crop_height"].unique().to_list() == [28]
    assert many["view_0_crop_width"].unique().to_list() == [24]


def test_places_are_uniform(many):
    counts = many["view_0_crop_top"].value_counts()["count"].to_numpy()
    # Chi-square with 12 degrees of freedom: 32.9 is exceeded once in a thousand; the draws are fixed.
    assert ((counts - 2000 / 13) ** 2 / (2000 / 13)).sum() < 32.9


def test_flips_have_their_probabilities(many):
    assert many["view_0_flip_horizontal"].mean() == pytest.approx(0.5, abs=0.04)
    assert many["view_0_flip_vertical"].mean() == pytest.approx(0.25, abs=0.04)
    assert set(many["view_0_flip_horizontal"]) == {0, 1}


@pytest.mark.parametrize(
    ("what", "low", "high"),
    [("brightness", 0.6, 1.4), ("contrast", 0.0, 2.5), ("saturation", 0.9, 1.1), ("hue", -0.2, 0.2)],
)
def test_factors_fill_their_range(many, what, low, high):
    values, span = many[f"view_1_{what}"], high - low
    assert low <= values.min() < low + 0.02 * span
    assert high - 0.02 * span < values.max() <= high


def test_views_and_numbers_are_drawn_apart(many):
    columns = [f"view_{v}_{what}" for v in (0, 1) for what in ("crop_top", "crop_left", "brightness", "hue")]
    correlations = np.corrcoef(many.select(columns).to_numpy().T)
    assert abs(correlations - np.eye(8)).max() < 0.1  # the deviation of one is 0.022


def test_another_seed_gives_other_views(fitted, many):
    other = Augment(image="image", seed=4, horizontal_flip=0.5)
    got = fitted(images(1), other, key=["id"]).transform(pl.from_arrow(images(2000)))
    same = (got["view_0_flip_horizontal"] == many["view_0_flip_horizontal"]).mean()
    assert same == pytest.approx(0.5, abs=0.05)


def test_the_largest_draw_still_crops_inside():
    step = Augment(image="image", random_crop=CROP, height=32, width=40)
    draws = {draw.column: [0.0, math.nextafter(1, 0)] for draw in step.draws()}
    got = step.transform(nw.from_native(pl.DataFrame(draws)), {}).to_native()
    assert got["view_0_crop_top"].to_list() == [-4, 8]
    assert got["view_0_crop_left"].to_list() == [-4, 20]


@pytest.mark.parametrize(("height", "top"), [(20, -4), (19, -5), (10, -9), (1, -14)])
def test_an_image_too_small_for_the_crop_has_it_centred(fitted, height, top):
    # With 4 pixels of padding on each side, an image of 20 pixels has one place for a crop of 28.
    step = Augment(image="image", random_crop=CROP)
    got = fitted(images(1), step, key=["id"]).transform(pl.from_arrow(images(60, height=height)))
    assert got["view_0_crop_top"].unique().to_list() == [top]
    assert got["view_0_crop_left"].n_unique() > 10


@pytest.mark.parametrize("backend", ["spark", "polars", "pyarrow", "pandas"])
def test_where_height_or_width_is_null_so_is_the_crop(fitted, frames, backend):
    sizes = {"height": pa.array([32, None, 32], pa.int32()), "width": pa.array([32, 32, None], pa.int32())}
    table = pa.table({"id": [1, 2, 3], "image": [b""] * 3, **sizes})
    step = Augment(image="image", random_crop=RandomCrop((28, 28)), horizontal_flip=1.0)
    got = frames.table(fitted(table, step, key=["id"]).transform(frames.of(backend, table))).to_pydict()
    for what in ("top", "left", "height", "width"):
        assert [value is None for value in got[f"view_0_crop_{what}"]] == [False, True, True]
    assert got["view_0_flip_horizontal"] == [1, 1, 1]


def test_one_size_for_all_needs_no_columns(after):
    got = after({"image": [b"a", b"b"]}, Augment(image="image", random_crop=RandomCrop((8, 8)), height=8, width=8))
    assert got["view_0_crop_top"] == [0, 0]


def test_only_what_is_asked_for_is_there(after):
    assert list(after({"image": [b"a"]}, Augment(image="image", vertical_flip=1.0))) == [
        "image",
        "view_0_flip_vertical",
    ]


def test_no_rows_give_empty_columns(after):
    got = after(images(0), FULL)
    assert len(got) == 24
    assert not any(got.values())


def test_the_inverse_takes_every_view_away(fitted, many):
    model = fitted(images(1), FULL, key=["id"])
    assert model.inverse_transform(many).columns == ["id", "image", "height", "width"]


def test_the_table_s_property_is_the_specification():
    specification = json.loads(FULL.table_properties({})["genspark.augment"])
    assert specification == {
        "image": "image",
        "views": 2,
        "seed": 3,
        "random_crop": {"size": [28, 24], "padding": 4},
        "horizontal_flip": 0.5,
        "vertical_flip": 0.25,
        "color_jitter": {"brightness": 0.4, "contrast": 1.5, "saturation": 0.1, "hue": 0.2},
        "height": "height",
        "width": "width",
    }
    assert Augment(**specification) == FULL


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Augment(image="imgae", horizontal_flip=1), r"augment.image: 'imgae' is not a column; did you mean 'image'\?"),
        (Augment(image="image", random_crop=CROP, height="h"), "height: 'h' is not a column"),
        (Augment(image="image", vertical_flip=1, views=1, name="a"), "'view_0_flip_vertical' is already a column"),
    ],
)
def test_an_augmentation_that_does_not_fit_the_schema_is_refused(step, message):
    with pytest.raises(SchemaError, match=message):
        make_plan([step], {**SCHEMA, "view_0_flip_vertical": nw.Int32()})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "nothing to do: give random_crop, horizontal_flip, vertical_flip or color_jitter"),
        ({"color_jitter": {}}, "nothing to do"),
        ({"horizontal_flip": 1.5}, "must be at most 1"),
        ({"views": 0, "horizontal_flip": 0.5}, "must be at least 1"),
        ({"random_crop": {"size": [0, 4]}}, "height and width must be at least 1 pixel"),
        ({"color_jitter": {"hue": 0.6}}, "must be at most 0.5"),
        ({"color_jitter": {"brightnes": 0.6}}, "brightnes: not a key here; did you mean 'brightness'"),
    ],
)
def test_fields_that_make_no_sense_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        Augment(image="image", **fields)


SERIES = {
    "id": pa.array(range(4000)),
    "x": pa.array(np.zeros(4000)),
    "wave": pa.array([[0.0] * (n % 5 + 1) if n % 7 else None for n in range(4000)]),
    "tokens": pa.array([[101, 5, 6]] * 4000),
    "label": pa.array([n % 3 for n in range(4000)]),
}
OTHER = Augment(
    seed=3,
    time_crop=TimeCrop(("wave",), 3),
    gaussian_noise=GaussianNoise(("x",), scale=0.5, least=0.1),
    token_masking=TokenMasking("tokens", 103, rate=0.2, keep=(101,)),
    mixup=Mixup(("x",), labels=("label",), alpha=0.4),
)


@pytest.mark.parametrize("backend", ["spark", "polars", "pyarrow"])
def test_numbers_for_other_data_follow_their_distributions(fitted, frames, backend):
    table = pa.table(SERIES)
    got = frames.table(fitted(table, OTHER, key=["id"]).transform(frames.of(backend, table))).sort_by("id").to_pydict()
    scales, shares, lambdas = (np.array(got[f"view_0_{n}"]) for n in ("noise_scale", "mixup_partner", "mixup_lambda"))
    # The distributions by SciPy; the draws are fixed.
    assert stats.kstest(scales, "uniform", (0.1, 0.4)).pvalue > 0.01
    assert stats.kstest(shares, "uniform").pvalue > 0.01
    assert stats.kstest(lambdas, "beta", (0.4, 0.4)).pvalue > 0.01
    assert abs(np.corrcoef(lambdas, shares)[0, 1]) < 0.05
    assert len(set(got["view_0_noise_seed"])) == len(set(got["view_0_mask_seed"])) == 4000
    assert set(got["view_0_mask_rate"]) == {0.2}
    starts = {
        n: {s for s, i in zip(got["view_0_time_crop_start"], got["id"], strict=True) if i % 7 and i % 5 + 1 == n}
        for n in range(1, 6)
    }
    # A series of 1 or 2 lies in the middle of the stretch of 3.
    assert starts == {1: {-1}, 2: {-1}, 3: {0}, 4: {0, 1}, 5: {0, 1, 2}}
    assert all(
        (start is None) == (i % 7 == 0) for start, i in zip(got["view_0_time_crop_start"], got["id"], strict=True)
    )


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Augment(gaussian_noise=GaussianNoise(("label",), 1)), "gaussian_noise.columns: 'label' is Int64, .* floats"),
        (Augment(mixup=Mixup(("x",), labels=("lable",))), "mixup: 'lable' is not a column; did you mean 'label'"),
        (Augment(token_masking=TokenMasking("wave", 0)), "token_masking: 'wave' is List.*whole numbers are needed"),
        (Augment(time_crop=TimeCrop(("x",), 3)), "time_crop: 'x' is Float64, and arrays are needed"),
    ],
)
def test_other_data_of_another_type_is_refused(step, message):
    with pytest.raises(SchemaError, match=message):
        make_plan([step], nw.from_native(pl.DataFrame(pa.table(SERIES))).schema)


def test_what_is_done_to_pixels_needs_an_image():
    with pytest.raises(ConfigError, match="image: name the column of images"):
        Augment(horizontal_flip=0.5)
    with pytest.raises(ConfigError, match="least: must be at most scale, 0.5; got 1"):
        GaussianNoise(("x",), scale=0.5, least=1)


@pytest.mark.parametrize("alpha", [0.01, 0.5, 1.0, 20.0])
def test_lambda_has_the_moments_of_beta(alpha):
    u, v = np.random.default_rng(0).random((2, 200_000))
    got = symmetric_beta(alpha, u, v)
    assert 0 <= got.min() <= got.max() <= 1
    assert got.mean() == pytest.approx(0.5, abs=0.005)
    assert got.var() == pytest.approx(stats.beta(alpha, alpha).var(), rel=0.02)
    assert np.isin(symmetric_beta(alpha, np.array([0.0]), np.array([0.25])), [0.5])
