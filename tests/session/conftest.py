"""A pool with rare classes, and a sample that is small enough to be smaller than it."""

import numpy as np
import pytest

from evenpick.acquisition import herding
from evenpick.pool import Pool
from evenpick.session import rounds, sample


@pytest.fixture(scope="package")
def pool_and_labels():
    """306 images of six classes, from 150 to 6."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), [150, 80, 40, 20, 10, 6])
    features = rng.normal(size=(6, 12))[labels] + 0.8 * rng.normal(size=(len(labels), 12))
    return Pool.from_arrays(features), labels.astype(str)


@pytest.fixture
def most_covered(monkeypatch):
    """Set how many images of a pool are covered."""

    def set_to(n_images):
        for module in (herding, rounds, sample):
            monkeypatch.setattr(module, "MOST_COVERED", n_images)

    return set_to


@pytest.fixture
def few_classes(monkeypatch):
    """Sizes of a sample by which `pool_and_labels`, covered whole at first, is of few classes from the second round on."""
    monkeypatch.setattr(sample, "OF_A_CLASS", 30)
    monkeypatch.setattr(sample, "OF_AN_ANSWER", 1)


@pytest.fixture(params=["large", "whole", "few classes"])
def any_size(request):
    """`pool_and_labels` is covered by samples all the time, never, or later."""
    if request.param == "large":
        request.getfixturevalue("most_covered")(60)
    elif request.param == "few classes":
        request.getfixturevalue("few_classes")
