"""The pool in memory and read from disk: what it refuses, what it keeps, what it says of itself."""

import os

import numpy as np
import pytest
from written_pools import SOURCE, parts, written

from evenpick.errors import EvenpickError
from evenpick.pool import Pool
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import PREDICTION


def test_arrays_become_a_pool_of_float32_with_row_numbers_as_ids():
    pool = Pool.from_arrays([[1, 2], [3, 4], [5, 6]])

    assert len(pool) == 3
    assert pool.features.dtype == np.float32
    assert pool.image_ids == ["0", "1", "2"]
    assert pool.row_of == {"0": 0, "1": 1, "2": 2}
    assert (pool.folder, pool.source) == (None, None)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused_with_their_row(bad):
    features = np.zeros((5, 3))
    features[2, 1] = features[4, 0] = bad

    with pytest.raises(EvenpickError, match="2 rows hold NaN, infinity or more, the first is row 2"):
        Pool.from_arrays(features)


def test_features_that_float32_cannot_square_are_refused():
    with pytest.raises(EvenpickError, match=r"at most 1e\+15; 1 rows hold .* the first is row 1"):
        Pool.from_arrays(np.array([[1.0, 2], [1e16, 0]]))


def test_a_pool_made_without_from_arrays_is_checked_too():
    with pytest.raises(
        EvenpickError, match=r"features must be finite and at most 1e\+15; 2 rows .* the first is row 0"
    ):
        Pool(np.full((2, 3), np.nan, np.float32), ["a", "b"])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (4,), (2, 2, 2), ()])
def test_features_must_be_a_table(shape):
    with pytest.raises(EvenpickError, match=r"features must have shape \(n_images >= 1, n_features >= 1\)"):
        Pool.from_arrays(np.zeros(shape))


def test_each_image_needs_one_prediction_and_one_id_of_its_own():
    features = np.zeros((3, 2))

    with pytest.raises(EvenpickError, match="3 images need 3 predictions; got 2"):
        Pool.from_arrays(features, [[0.5, 0.5]] * 2)
    with pytest.raises(EvenpickError, match="3 rows of features need 3 image ids; got 2"):
        Pool.from_arrays(features, image_ids=["a", "b"])
    with pytest.raises(EvenpickError, match="image ids must differ"):
        Pool.from_arrays(features, image_ids=["a", "b", "a"])


def test_a_pool_without_predictions_says_what_still_works():
    pool = Pool.from_arrays(np.zeros((2, 2)))

    for name in ("entropy", "margin", "confidence", "source_class"):
        with pytest.raises(EvenpickError, match=r"made without probabilities.*choose 'auto', 'core_set'"):
            getattr(pool, name)


def test_taking_rows_keeps_what_belongs_to_them(make_pool):
    pool = make_pool(n=10)

    part = pool.take([7, 2, 2 + 3])

    assert part.image_ids == ["7", "2", "5"]
    assert (part.features == pool.features[[7, 2, 5]]).all()
    assert (part.entropy == pool.entropy[[7, 2, 5]]).all()


def test_a_pool_of_any_size_prints_as_a_few_lines(make_pool, tmp_path):
    written(tmp_path, parts())

    assert repr(make_pool(n=1500)) == "pool of 1,500 images, 6 features each"
    assert repr(Pool.open(tmp_path)) == (
        "pool of 9 images, 4 features each\n"
        "source: test (4 features, 5 source classes; none; Preprocessing(size=8, mean=(0.5, 0.5, 0.5)))\n"
        f"folder: '{tmp_path / 'photos'}'"
    )


def test_a_pool_is_read_back_as_it_was_written(tmp_path):
    blocks = parts()
    written(tmp_path, blocks)

    pool = Pool.open(str(tmp_path))

    assert pool.image_ids == [f"{i:02d}.jpg" for i in range(9)]
    assert np.array_equal(pool.predictions, np.concatenate([block[2] for block in blocks]))
    assert pool.predictions.dtype == PREDICTION
    assert pool.folder == tmp_path / "photos"
    assert pool.source == SOURCE
    assert pool.take([8, 0]).image_ids == ["08.jpg", "00.jpg"]


def test_strange_image_ids_survive_the_disk(tmp_path):
    ids = ["line\nbreak.jpg", "car\rriage.jpg", "com,ma.jpg", 'quo"te".jpg', "\U0001f9a9/été.jpg", " ", "'", "a\r\nb"]
    ids.append(os.fsdecode(b"latin-\xe9.jpg"))
    _, features, predictions = parts([len(ids)])[0]
    PoolWriter(tmp_path, tmp_path, SOURCE).append([ImageRow(i, "x") for i in ids], features, predictions)

    assert Pool.open(tmp_path).image_ids == ids
    assert [row.image for row in PoolWriter(tmp_path, tmp_path, SOURCE).rows] == ids
