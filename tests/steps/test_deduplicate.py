"""The step deduplicate: MinHash against brute force and the banding formula, components against SciPy, keys by hand."""

from __future__ import annotations

import io
import itertools
import math
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from genspark.columns.image_hash import perceptual_hashes
from genspark.columns.shingles import MOST_SHINGLES, Sets, bands, shingles, signatures, similarities
from genspark.errors import ConfigError, DataError, SchemaError
from genspark.pipeline import Pipeline, PipelineModel
from genspark.steps import Deduplicate
from genspark.steps.deduplicate.components import Components
from genspark.steps.deduplicate.near import near_images

FOX = "the quick brown fox jumps over the lazy dog and runs far away from the big old house"


def fitted(rows: pl.DataFrame, key: str = "id", **fields: Any) -> PipelineModel:
    return Pipeline([Deduplicate(**fields)], key=[key]).fit(rows)


def kept(rows: pl.DataFrame, **fields: Any) -> list[Any]:
    return fitted(rows, **fields).transform(rows)["id"].to_list()


def sets_of(texts: list[str], unit: str = "words", size: int = 5) -> Sets:
    array = pa.array(texts, pa.large_string())
    _, offsets, data = array.buffers()
    return shingles(np.frombuffer(data, np.uint8), np.frombuffer(offsets, np.int64)[: len(texts) + 1], unit, size)


# --- equal values -------------------------------------------------------------------------------------------


def test_the_row_that_stays_is_the_one_that_keep_names() -> None:
    rows = pl.DataFrame({"id": [1, 2, 3, 4], "s": ["a", "a", "b", "a"], "n": [5, 7, 1, None]})
    assert kept(rows, columns="s", keep={"max": "n"}) == [2, 3]
    assert kept(rows, columns="s", keep={"min": "n"}) == [1, 3]
    # In any order of the rows the same one of equals stays.
    assert sorted(kept(rows.reverse(), columns="s")) == sorted(kept(rows, columns="s"))


def test_null_equals_null_but_nothing_known_is_nobodys_duplicate() -> None:
    rows = pl.DataFrame({"id": range(5), "s": ["a", "a", None, None, None], "n": [None, None, 1, None, None]})
    assert sorted(kept(rows, columns=["s", "n"], keep={"min": "id"})) == [0, 2, 3, 4]


def test_flag_numbers_clusters_and_leaves_all_rows() -> None:
    rows = pl.DataFrame({"id": range(4), "s": ["a", "b", "a", None]})
    model = fitted(rows, columns="s", action="flag")
    numbers = model.transform(rows)["cluster"].to_list()
    assert numbers[0] == numbers[2]
    assert len(set(numbers)) == 3
    assert all(0 <= number < 1 << 53 for number in numbers)
    assert model.inverse_transform(model.transform(rows)).equals(rows)


def test_duplicates_across_parts_are_told() -> None:
    rows = pl.DataFrame({"id": range(5), "s": list("aabbc"), "split": ["train", "test", "train", "train", "test"]})
    found = fitted(rows, columns="s", parts="split").findings()
    assert found == [
        "deduplicate: 2 of 5 rows are duplicates, in 2 clusters of up to 2 rows",
        "deduplicate: 1 clusters are in several parts at once: test, train",
    ]


def test_rows_that_nothing_tells_apart_are_refused_in_a_frame() -> None:
    rows = pl.DataFrame({"id": [1, 1, 2], "s": ["a", "a", "b"]})
    with pytest.raises(DataError, match="2 rows share their key"):
        fitted(rows, columns="s")


# --- near texts ---------------------------------------------------------------------------------------------


def test_shingles_are_those_of_python() -> None:
    texts = ["a b c d e f", "a b", "ñandú", "x x x x x x x x", FOX]
    for unit, size in (("words", 3), ("characters", 4)):
        for text, number in zip(texts, np.diff(sets_of(texts, unit, size).starts), strict=True):
            units = text.split() if unit == "words" else list(text)
            assert number == len({tuple(units[i : i + size]) for i in range(max(1, len(units) - size + 1))})


def test_minhash_finds_what_the_banding_formula_predicts() -> None:
    """5,000 documents, of which every pair is compared by brute force."""
    random = np.random.default_rng(3)
    originals = random.integers(0, 2_000, (500, 60))
    documents = np.repeat(originals, 10, axis=0)
    changed = random.random(documents.shape) < random.uniform(0, 0.06, (5_000, 1))
    documents[changed] = random.integers(0, 2_000, changed.sum())
    sets = sets_of([" ".join(map(str, row)) for row in documents])
    number, rows = 8, 8
    banded = bands(signatures(sets, number * rows, seed=1), number)
    members = [set(sets.values[a:b].tolist()) for a, b in itertools.pairwise(sets.starts)]
    # Of other originals no two texts share a shingle of 5 words: those of one are all that can be near.
    pairs = np.array(
        [pair for base in range(0, 5_000, 10) for pair in itertools.combinations(range(base, base + 10), 2)]
    )
    exact = np.array([len(members[a] & members[b]) / len(members[a] | members[b]) for a, b in pairs])
    a, b = ([Sets(*_taken(sets, pairs[:, side]))][0] for side in (0, 1))
    assert similarities(a, b) == pytest.approx(exact)
    is_candidate = (banded[:, pairs[:, 0]] == banded[:, pairs[:, 1]]).any(axis=0)
    # Pairs of one original are not independent, so that the error is larger than that of so many draws.
    for low in np.arange(0.3, 1, 0.1):
        some = (exact >= low) & (exact < low + 0.1)
        expected = (1 - (1 - exact[some] ** rows) ** number).mean()
        assert is_candidate[some].mean() == pytest.approx(expected, abs=0.05), f"{low:.1f}: {some.sum()} pairs"
    # Whatever else shares a bucket does so by chance, and hardly ever.
    strangers = sum(len(band) - len(np.unique(np.stack([band, np.arange(5_000) // 10]), axis=1).T) for band in banded)
    shared = sum(len(band) - len(np.unique(band)) for band in banded)
    assert shared == strangers


def _taken(sets: Sets, nodes: Any) -> tuple[Any, Any]:
    each = [sets.values[sets.starts[node] : sets.starts[node + 1]] for node in nodes]
    return np.concatenate(each), np.concatenate([[0], np.cumsum([len(one) for one in each])])


def test_a_long_text_is_compared_by_a_sample_of_its_shingles() -> None:
    words = [str(number) for number in range(20_000)]
    sets = sets_of([" ".join(words), " ".join(words[:16_000])], size=1)
    assert np.diff(sets.starts).tolist() == [MOST_SHINGLES] * 2
    one, other = (Sets(*_taken(sets, [node])) for node in (0, 1))
    assert similarities(one, other)[0] == pytest.approx(0.8, abs=4 * math.sqrt(0.8 * 0.2 / MOST_SHINGLES))


def test_one_of_near_texts_stays_and_chains_are_one_cluster() -> None:
    texts = [FOX, FOX.upper() + "!!", FOX.replace("house", "barn"), "something else", None, "?"]
    rows = pl.DataFrame({"id": range(6), "t": texts})
    assert kept(rows, text="t", keep={"min": "id"}) == [0, 3, 4, 5]
    assert kept(rows, text="t", threshold=1.0, keep={"min": "id"}) == [0, 2, 3, 4, 5]
    assert kept(rows, text="t", unit="characters", threshold=0.7, keep={"max": "id"}) == [2, 3, 4, 5]


def test_one_text_many_times_and_many_near_texts_in_one_bucket_are_few_pairs(monkeypatch: Any) -> None:
    compared = []

    def counting(a: Sets, b: Sets) -> Any:
        compared.append(len(a))
        return similarities(a, b)

    monkeypatch.setattr("genspark.steps.deduplicate.near.similarities", counting)
    near = [f"{FOX} and here is one more sentence that ends with {number}" for number in range(2_000)]
    rows = pl.DataFrame({"id": range(6_000), "t": [*near, *[FOX] * 4_000]})
    assert len(kept(rows, text="t")) <= 2
    assert sum(compared) < 40 * 2_000


# --- components, pictures -----------------------------------------------------------------------------------


def test_components_are_scipys() -> None:
    random = np.random.default_rng(0)
    a, b = random.integers(0, 3_000, (2, 2_500))
    found = Components(3_000)
    for part in range(0, 2_500, 100):
        found.join(a[part : part + 100], b[part : part + 100])
    chain = Components(3_000)
    chain.join(np.arange(2_999)[::-1], np.arange(1, 3_000)[::-1])
    assert set(chain.labels) == {0}
    number, labels = connected_components(coo_array((np.ones(2_500), (a, b)), shape=(3_000, 3_000)), directed=False)
    assert len(np.unique(found.labels)) == number
    assert len(np.unique(np.stack([labels, found.labels]), axis=1).T) == number


def test_hashes_of_pictures_are_those_of_imagehash() -> None:
    # imagehash 4.3.2, phash of these pictures.
    expected = ["c065fbf94344a66c", "8f2484e46f33d786"]
    hashes, are_read = perceptual_hashes([picture(0), picture(1), b"no picture", None])
    assert are_read.tolist() == [True, True, False, False]
    assert [f"{value:016x}" for value in hashes[:2].tolist()] == expected


def picture(seed: int, side: int = 96, kind: str = "PNG") -> bytes:
    from PIL import Image

    rough = np.random.default_rng(seed).integers(0, 256, (9, 9)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(rough).resize((96, 96)).resize((side, side)).convert("RGB").save(stream, kind)
    return stream.getvalue()


def test_a_picture_that_was_scaled_and_saved_anew_is_a_duplicate() -> None:
    pictures = [picture(0), picture(1), picture(0, side=64, kind="JPEG"), b"broken"]
    rows = pl.DataFrame({"id": range(4), "p": pictures})
    assert kept(rows, image="p", keep={"min": "id"}) == [0, 1, 3]


def test_near_hashes_are_found_by_their_stretches() -> None:
    random = np.random.default_rng(1)
    hashes = random.integers(0, 1 << 63, 400).astype(np.uint64)
    flips = np.uint64(1) << random.integers(0, 64, (400, 3)).astype(np.uint64)
    both = np.unique(np.concatenate([hashes, hashes ^ np.bitwise_or.reduce(flips, axis=1)]))
    distances = np.bitwise_count(both[:, None] ^ both[None, :])
    number, _ = connected_components(coo_array(distances <= 3), directed=False)
    assert len(np.unique(near_images(both, 3))) == number == 400


# --- mistakes -----------------------------------------------------------------------------------------------


def test_mistakes_are_named() -> None:
    rows = pl.DataFrame({"id": [1], "s": ["a"], "v": [[1.0]]})
    with pytest.raises(ConfigError, match="text: goes without columns"):
        Deduplicate(columns="s", text="s")
    with pytest.raises(ConfigError, match="threshold: is for text"):
        Deduplicate(columns="s", threshold=0.5)
    with pytest.raises(ConfigError, match="keep: must be"):
        Deduplicate(keep={"first": "s"})
    with pytest.raises(SchemaError, match="text: 'id' is Int64"):
        fitted(rows, text="id")
    with pytest.raises(SchemaError, match="columns: 'v' is List"):
        fitted(rows)
    with pytest.raises(SchemaError, match="image: 's' is String"):
        fitted(rows, image="s")
    with pytest.raises(SchemaError, match="keep: 'z' is not a column"):
        fitted(rows, columns="s", keep={"max": "z"})
