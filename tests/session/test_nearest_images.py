"""The image that a form of balancing likes best, against a slow reference in float64 and by hand."""

import numpy as np
import pytest

from evenpick.session import BALANCINGS
from evenpick.session.nearest_images import NextImage

# Of each form: two images on a line, the means of the target and of two other classes, and the image that is picked.
# ratio_max: 1 / 9 against 1.6 / 11.6 (a smallest distance would say 1 / 3 against 1.6 / 5.6).
# diff_min: 3 - 1 against 1 - 5 (a largest distance would say 3 - 13 against 1 - 9).
BY_HAND = {
    "ratio_max": ([1.0, -1.6], [0.0, 4.0, 10.0], 0),
    "diff_min": ([3.0, -1.0], [0.0, 4.0, -10.0], 1),
}


def test_every_form_has_a_case_by_hand():
    assert BY_HAND.keys() == BALANCINGS.keys()


@pytest.mark.parametrize("form", BY_HAND)
def test_a_form_picks_what_is_computed_by_hand(form):
    images, means, expected = BY_HAND[form]
    next_image = NextImage(np.array(images, np.float32)[:, None], BALANCINGS[form], np.arange(2))

    assert next_image.pick(np.array(means)[:, None], 0, [1, 2], np.ones(2, bool)) == expected


def reference_pick(features, means, target, others, free, rank, form):
    """Method page, Eq. 9 and its later form, in float64, image by image."""
    scores = {}
    for row in np.flatnonzero(free):
        x = features[row].astype(np.float64)
        score = near = np.sqrt(((x - means[target]) ** 2).sum())
        distances = [np.sqrt(((x - means[j]) ** 2).sum()) for j in others]
        if distances and form == "ratio_max":
            far = max(distances)
            score = near / far if far > 0 else (0.0 if near == 0 else np.inf)
        elif distances:
            score = near - min(distances)
        scores[row] = (score, near)
    best = min(score for score, _ in scores.values())
    quotient = form == "ratio_max" and others  # else a difference of distances, or one
    width = 1e-9 * (abs(best) if quotient else max(abs(best), min(near for _, near in scores.values())))
    return min((row for row, (score, _) in scores.items() if score <= best + width), key=lambda r: rank[r])


@pytest.mark.slow
@pytest.mark.parametrize("form", BALANCINGS)
@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("seed", range(6))
def test_next_image_agrees_with_the_reference(form, offset, seed, tied_pool, make_pool, monkeypatch):
    """Whole-number pools are full of ties; an offset of 1000 leaves float32 few digits for distances."""
    if seed > 3:  # several parts, and most of the table in a file
        monkeypatch.setattr("evenpick.session.nearest_images._SCORES_AT_ONCE", 8)
        monkeypatch.setattr("evenpick.session.nearest_images._MOST_IN_MEMORY", 500)
    pool = tied_pool(seed) if seed % 2 else make_pool(n=50, seed=seed)
    features = (np.asarray(pool.features) + offset).astype(np.float32)
    rng = np.random.default_rng(seed)
    rank = rng.permutation(len(features))
    labels = rng.integers(0, 4, size=len(features))
    labels[:4] = range(4)
    next_image = NextImage(features, BALANCINGS[form], rank)
    free = np.ones(len(features), dtype=bool)
    free[:4] = False
    while free.any():
        n_classes = 4 if free.sum() < len(features) - 6 else 3  # the fourth class is found later
        means = np.stack([features[~free & (labels == c)].astype(np.float64).mean(axis=0) for c in range(n_classes)])
        target = int(rng.integers(n_classes))
        others = [j for j in range(n_classes) if j != target][: int(rng.integers(0, n_classes))]
        picked = next_image.pick(means, target, others, free)
        assert picked == reference_pick(features, means, target, others, free, rank, form)
        free[picked] = False


@pytest.mark.parametrize("form", BALANCINGS)
@pytest.mark.parametrize("exponent", [-40, 40])
def test_the_pick_does_not_depend_on_the_scale_of_the_features(form, exponent, make_pool):
    features = np.asarray(make_pool(n=2000, seed=1).features)
    means, free = features[:3].astype(np.float64), np.arange(2000) > 2
    scale = 2.0**exponent  # exact in every precision

    one = NextImage(features, BALANCINGS[form], np.arange(2000))
    other = NextImage((features * scale).astype(np.float32), BALANCINGS[form], np.arange(2000))

    for target in range(3):
        others = [j for j in range(3) if j != target]
        assert one.pick(means, target, others, free) == other.pick(means * scale, target, others, free)


def test_the_printed_ratio_by_hand():
    features = np.array([[0.0], [3.0], [10.0]], dtype=np.float32)
    means = np.array([[1.0], [9.0]])
    next_image = NextImage(features, BALANCINGS["ratio_max"], np.arange(3))

    # 1/9, 2/6 and 9/1
    assert next_image.pick(means, 0, [1], np.array([True, True, True])) == 0
    assert next_image.pick(means, 0, [1], np.array([False, True, True])) == 1


@pytest.mark.parametrize("form", BALANCINGS)
def test_what_all_features_share_leaves_the_shortlist_short(form):
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(3000, 64)) * 0.05 + 1).astype(np.float32)
    next_image = NextImage(features, BALANCINGS[form], np.arange(3000))
    means = features[:3].astype(np.float64)
    next_image.update(means)

    assert len(next_image._shortlist(0, [1, 2], np.arange(3000) > 2)) < 30


def test_a_shortlist_of_several_blocks_is_looked_at_wholly(monkeypatch):
    monkeypatch.setattr("evenpick.session.nearest_images.BLOCK_ROWS", 4)
    features = np.ones((11, 2), np.float32)  # all tie, so the permutation decides
    rank = np.roll(np.arange(11), 3)

    assert NextImage(features, BALANCINGS["ratio_max"], rank).pick(np.eye(2), 0, [1], np.ones(11, bool)) == 3


def test_scores_of_diff_min_that_differ_by_rounding_alone_are_a_tie():
    # Every image lies as far from the one mean as from the other: all scores are 0, but for the last digit.
    features = np.outer(np.random.default_rng(0).uniform(-9, 9, 50), np.ones(3)).astype(np.float32)
    means = np.array([[0.1, 0.7, 0.3], [0.7, 0.3, 0.1]])
    for seed in range(5):
        rank = np.random.default_rng(seed).permutation(50)

        picked = NextImage(features, BALANCINGS["diff_min"], rank).pick(means, 0, [1], np.ones(50, bool))

        assert picked == rank.argmin()


def test_moves_too_small_for_float32_are_allowed_for():
    # 4,000 labels more of a class of 100 million: each moves the mean by so little that no squared distance changes.
    features = np.array([[-1.0], [1.00002], [1.0]], np.float32)
    next_image = NextImage(features, BALANCINGS["ratio_max"], np.arange(3))
    mean = np.zeros(1)
    next_image.update(mean[None])
    next_image.prepare(2)
    for count in range(100_000_001, 100_004_001):
        after = mean + (features[2] - mean) / count
        next_image.add(2, 0, mean, after, count)
        mean = after
    assert next_image._squared[0][0] == 1.0, "and the image at 1.00002 is the nearer one by now"

    assert next_image.pick(mean[None], 0, [], np.array([True, True, False])) == 1


def test_only_the_last_16_images_prepared_are_kept():
    features = np.eye(20, dtype=np.float32)
    next_image = NextImage(features, BALANCINGS["ratio_max"], np.arange(20))

    for row in range(20):
        next_image.prepare(row)

    assert [row for row in range(20) if next_image.is_prepared(row)] == [*range(4, 20)]


def test_an_image_prepared_moves_its_class_without_another_look_at_the_pool(make_pool, monkeypatch):
    features = np.asarray(make_pool(n=50).features)
    means = features[:2].astype(np.float64)
    next_image = NextImage(features, BALANCINGS["ratio_max"], np.arange(50))
    next_image.update(means)
    next_image.prepare(7)
    moved, found = (means[0] + features[7]) / 2, features[7].astype(np.float64)
    monkeypatch.setattr(NextImage, "_read_pool", lambda self, points, into: len(into) and pytest.fail("read"))

    next_image.add(7, 0, means[0], moved, 2)
    next_image.add(7, 2, None, found, 1)

    free, rank = np.arange(50) > 7, np.arange(50)
    expected = reference_pick(features, [moved, means[1], found], 0, [1, 2], free, rank, "ratio_max")
    assert next_image.pick(np.stack([moved, means[1], found]), 0, [1, 2], free) == expected
