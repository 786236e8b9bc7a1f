"""Pools with rare classes, and a sample that is small enough to be smaller than it."""

import numpy as np
import pytest

from evenpick.acquisition import herding
from evenpick.pool import Pool
from evenpick.session import weighted_coverage


def with_rare_classes(seed):
    """306 images of six classes, from 150 to 6."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(6), [150, 80, 40, 20, 10, 6])
    features = rng.normal(size=(6, 12))[labels] + 0.8 * rng.normal(size=(len(labels), 12))
    return Pool.from_arrays(features), labels.astype(str)


@pytest.fixture(scope="package")
def pool_and_labels():
    """A pool with rare classes."""
    return with_rare_classes(0)


@pytest.fixture(scope="package")
def pools_and_labels():
    """Ten of them."""
    return [with_rare_classes(seed) for seed in range(10)]


@pytest.fixture
def most_covered(monkeypatch):
    """Set how many images of a pool are covered."""

    def set_to(n_images):
        for module in (herding, weighted_coverage):
            monkeypatch.setattr(module, "MOST_COVERED", n_images)

    return set_to
