"""The unit of near-copies: how far a source sees images from themselves after a small change."""

import numpy as np
import pytest
from PIL import Image

from evenpick.images import Preprocessing
from evenpick.pool import Pool, embed
from evenpick.pool.copy_unit import changed, unit_of_copies, unit_of_pairs
from evenpick.sources import SourceModel
from evenpick.vectors import normalised


@pytest.fixture
def source(tmp_path, make_network):
    return SourceModel.load(f"onnx:{make_network(tmp_path / 'tiny.onnx')}", Preprocessing(size=8))


def test_a_changed_copy_is_moved_and_brighter():
    image = Image.fromarray(np.tile(np.arange(100, dtype=np.uint8)[None, :, None], (100, 1, 3)))

    copy = np.asarray(changed(image), float)

    assert copy.shape == (97, 95, 3)
    assert np.abs(copy[:, :, 0].mean(axis=0) - 1.1 * np.arange(5, 100)).max() < 3


def test_nine_of_ten_changed_copies_are_within_the_unit(tmp_path, photo_folder, source):
    pool = embed(tmp_path / "work", photo_folder, source).pool
    distances = []
    for row, image_id in enumerate(pool.image_ids):
        copy = source.preprocessing.cut(changed(Image.open(photo_folder / image_id)).convert("RGB"))
        seen = source.network(source.preprocessing.batch([copy]))[0][0]
        distances.append(np.linalg.norm(normalised(seen[None]) - normalised(pool.features[[row]])))

    assert unit_of_copies(pool, source) == pytest.approx(np.quantile(distances, 0.9), rel=1e-4)
    assert min(distances) > 0


def test_images_that_are_gone_are_passed_over(tmp_path, photo_folder, source):
    pool = embed(tmp_path / "work", photo_folder, source).pool
    for image_id in pool.image_ids[1:]:
        (photo_folder / image_id).unlink()

    assert unit_of_copies(pool, source) > 0
    (photo_folder / pool.image_ids[0]).unlink()
    assert unit_of_copies(pool, source) is None


def test_without_pixels_it_is_a_share_of_the_median_distance():
    assert unit_of_pairs(np.eye(5, dtype=np.float32)) == pytest.approx(0.4 * np.sqrt(2))
    assert unit_of_pairs(np.ones((1, 3), np.float32)) == 0


def test_a_pool_in_memory_needs_no_folder():
    assert Pool.from_arrays(np.eye(3)).files == ["0", "1", "2"]
