"""The pools of `benchmarks/common_class.py`: one class has the share that the page says."""

import numpy as np
import pytest


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_common_class_has_its_share_and_every_class_an_image(import_benchmark, share):
    labels, true = np.repeat(np.arange(40), [*[350] * 5, *[120] * 35]), np.arange(3, 40)

    rows, classes = import_benchmark("common_class").drawn(labels, true, share, np.random.default_rng(0))

    sizes = np.array([(labels[rows] == of_class).sum() for of_class in classes])
    assert len({*rows}) == len(rows) == sizes.sum()
    assert len({*classes}) == 10
    assert {*classes} <= {*true}
    assert (sizes[0], sizes.min() > 0) == (300, True)
    assert sizes[0] / sizes.sum() == pytest.approx(share, abs=0.01)
