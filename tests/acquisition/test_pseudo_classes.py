"""Clusters in the place of source classes: by hand, by a slow reference, and through the names that ask for them."""

import numpy as np
import pytest

from evenpick.acquisition import select
from evenpick.acquisition.pseudo_classes import with_pseudo_classes
from evenpick.errors import EvenpickError
from evenpick.session import simulate


def rng():
    return np.random.default_rng(0)


def test_images_of_a_cluster_are_of_a_class_and_those_between_two_are_unsure(make_pool):
    # On the unit circle: three at 0 degrees, three at 90, and one at 40.
    angles = np.radians([0, 0, 0, 90, 90, 90, 40])
    pool = make_pool(features=np.stack([np.cos(angles), np.sin(angles)], axis=1))

    found = with_pseudo_classes(pool, 2, rng())

    classes = found.source_class
    assert len({*classes[:3]}) == len({*classes[3:6]}) == 1
    assert classes[0] != classes[3]
    assert classes[6] == classes[0]
    assert found.entropy.argmax() == 6
    assert found.features is pool.features


def test_probabilities_are_a_softmax_of_distances_by_their_mean_gap(make_pool):
    features = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])  # three clusters of one image, so centres are the images
    found = with_pseudo_classes(make_pool(features=features), 3, rng())

    distances = ((features[:, None] - features) ** 2).sum(axis=2)  # 0, 0.4, 2.0; 0.4, 0, 0.8; 2.0, 0.8, 0
    gap = (0.4 + 0.4 + 0.8) / 3
    powers = np.exp(-distances / gap)
    expected = powers / powers.sum(axis=1, keepdims=True)

    assert found.confidence == pytest.approx(expected.max(axis=1), rel=1e-5)
    assert found.entropy == pytest.approx(-(expected * np.log(expected)).sum(axis=1), rel=1e-5)


def test_the_name_asks_for_clusters_and_the_seed_decides_them(make_pool):
    pool = make_pool(n=60, probabilities=None)

    first, again, other = (select(pool, 20, "ent_inv_div@6", seed).tolist() for seed in (1, 1, 2))

    assert first == again != other
    assert first != select(pool, 20, "ent_inv_div", 1).tolist()


def test_a_session_takes_the_name_as_any_other(make_pool):
    pool = make_pool(n=40)

    result = simulate(pool, ["a", "b"] * 20, 10, acquisition="lc_inv_div@4", balancing="ratio_max")

    assert len(result.labels) == 10


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ent_inv_div@", "what comes after @ is a number of pseudo-classes"),
        ("ent_inv_div@x", "what comes after @ is a number of pseudo-classes"),
        ("core_set@10", "for the functions that ask source predictions"),
        ("ent_inv_dif@10", "did you mean 'ent_inv_div'"),
        ("ent_inv_div@1", "from 2 to 40"),
        ("ent_inv_div@41", "from 2 to 40"),
    ],
)
def test_numbers_that_cannot_be_are_refused(name, message, make_pool):
    with pytest.raises(EvenpickError, match=message):
        select(make_pool(n=40), 5, name)


def test_images_that_are_all_equal_have_no_clusters(make_pool):
    with pytest.raises(EvenpickError, match="all features of this pool are equal"):
        with_pseudo_classes(make_pool(features=np.ones((5, 2))), 2, rng())
