"""Arrays and image bytes as matrices, and back."""

from __future__ import annotations

import io
import math

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest

from genspark.columns.vectors import element_type, is_vector, pack, unpack
from genspark.errors import DataError

NAN = math.nan


def test_an_array_column_is_a_matrix_and_a_null_vector_is_a_row_of_nan():
    found = unpack(pa.array([[1, 2], None, [3, None]], pa.list_(pa.int32())), "v")
    np.testing.assert_array_equal(found.values, [[1, 2], [NAN, NAN], [3, NAN]])
    assert found.present.tolist() == [True, False, True]
    assert found.size == 2


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.int8(), 2)])
def test_every_kind_of_list_is_read(kind):
    found = unpack(pa.array([None, [1, 2], [3, 4]], kind), "v")
    np.testing.assert_array_equal(found.values[1:], [[1, 2], [3, 4]])
    assert not found.present[0]


def test_a_slice_of_a_column_is_its_rows():
    found = unpack(pa.array([[9.0, 9.0], [1.0, 2.0], None, [3.0, 4.0]]).slice(1), "v")
    np.testing.assert_array_equal(found.values, [[1, 2], [NAN, NAN], [3, 4]])


def test_no_row_has_no_size():
    assert unpack(pa.array([], pa.list_(pa.float64())), "v").size is None
    assert unpack(pa.array([None, None], pa.list_(pa.float64())), "v").values.shape == (2, 0)


def test_a_ragged_column_is_refused_with_an_example():
    with pytest.raises(DataError) as raised:
        unpack(pa.array([[1.0, 2.0, 3.0], None, [4.0, 5.0]]), "embedding")
    assert str(raised.value) == (
        "column 'embedding': its vectors differ in length: 3 values are expected, and a row has 2, "
        "such as [4.0, 5.0]; pad, crop or drop such rows before"
    )


def test_vectors_of_another_length_than_those_fitted_on_are_refused():
    with pytest.raises(DataError, match="3 values are expected, and a row has 2"):
        unpack(pa.array([[1.0, 2.0]]), "v", size=3)


def test_packing_gives_the_column_back():
    column = pa.array([[1.0, None], None, [3.0, 4.0]])
    found = unpack(column, "v")
    assert pack(found.values, found.present, pa.float64()).equals(column)


def test_bytes_are_numbers_from_0_to_255():
    found = unpack(pa.array([b"\x00\xff", None, b"\x01\x02"]), "raw")
    np.testing.assert_array_equal(found.values, [[0, 255], [NAN, NAN], [1, 2]])


def test_an_encoded_image_is_its_pixels():
    from PIL import Image

    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    found = unpack(pa.array([file.getvalue()]), "image")
    np.testing.assert_array_equal(found.values, [range(12)])


def test_a_broken_image_is_told_by_its_column():
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)).save(file, "PNG")
    with pytest.raises(DataError, match="column 'image': an image cannot be decoded"):
        unpack(pa.array([file.getvalue()[:500]]), "image")


@pytest.mark.parametrize(
    ("dtype", "is_one"),
    [
        (nw.List(nw.Float32), True),
        (nw.Array(nw.Int16, 3), True),
        (nw.Binary(), True),
        (nw.List(nw.String), False),
        (nw.Float64(), False),
    ],
)
def test_what_is_a_vector(dtype, is_one):
    assert is_vector(dtype) is is_one


def test_elements_stay_as_narrow_as_they_were_read():
    assert element_type(nw.List(nw.Float32)) == nw.Float32
    assert element_type(nw.Binary()) == nw.Float32
    assert element_type(nw.List(nw.Int64)) == nw.Float64
