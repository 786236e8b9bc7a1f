"""The switch, the target and the next image, against slow references and by hand."""

import numpy as np
import pytest

from evenpick.session import BALANCINGS, should_switch
from evenpick.session.balancing import TargetChoice
from evenpick.session.nearest_images import NextImage


@pytest.mark.parametrize(
    ("counts", "budget", "expected"),
    [
        ([], 10, False),
        ([3, 3], 7, False),  # no under-represented class: right side 0, one label left
        ([3, 3], 6, True),  # nothing left
        # mean 4, ur {1, 2}, or {9}: 2 * (9 - 1.5) = 15
        ([1, 2, 9], 27, True),
        ([1, 2, 9], 28, False),
        # equal to the mean is over-represented: mean 3, ur {1}, or {5, 3}: 1 * (4 - 1) = 3
        ([1, 5, 3], 12, True),
        ([1, 5, 3], 13, False),
    ],
)
def test_switch_by_hand(counts, budget, expected):
    assert should_switch(np.array(counts, dtype=int), budget) is expected


def test_rounding_does_not_decide_the_switch():
    # mean 2, ur {1, 1, 1}, or {3, 3, 3}: 3 * (3 - 1) = 6 labels needed
    assert should_switch(np.array([1, 1, 1, 3, 3, 3]), 18)
    # gap 11 / 3 - 1 over 3 classes is exactly 8, whatever 11 / 3 is in binary
    assert should_switch(np.array([1, 1, 1, 3, 4, 4]), 14 + 8)
    assert not should_switch(np.array([1, 1, 1, 3, 4, 4]), 14 + 9)


def test_target_has_the_fewest_labels_then_fewest_asks_then_is_oldest():
    choice = TargetChoice(patience=0)
    for label in (0, 1, 2):
        choice.observe(None, label)
    counts = np.array([1, 1, 5])

    assert choice.choose(counts) == 0
    choice.observe(0, 2)
    assert choice.choose(np.array([1, 1, 6])) == 1  # class 0 was asked once, class 1 never
    choice.observe(1, 2)
    assert choice.choose(np.array([1, 1, 7])) == 0


def test_without_patience_an_unreachable_class_is_asked_for_for_ever():
    choice = TargetChoice(patience=0)
    for label in (0, 1, 1, 1):
        choice.observe(None, label)
    for misses in range(20):
        assert choice.choose(np.array([1, 3 + misses])) == 0
        choice.observe(0, 1)


def test_a_missed_target_is_passed_over_until_every_other_has_been():
    choice = TargetChoice(patience=2)
    counts = np.array([1, 2, 9])
    for label in (0, 1, 2):
        choice.observe(None, label)
    asked = []
    for _ in range(8):
        target = choice.choose(counts)
        asked.append(target)
        choice.observe(target, 2)  # always a miss; counts are held so that 0 and 1 stay below the mean

    assert asked == [0, 0, 1, 1, 0, 0, 1, 1]


def test_a_class_passed_over_is_asked_for_again_once_it_is_hit():
    choice = TargetChoice(patience=1)
    for label in (0, 1, 2):
        choice.observe(None, label)
    choice.observe(0, 2)
    assert choice.choose(np.array([1, 2, 9])) == 1
    choice.observe(1, 0)  # a hit for class 0 by chance; class 1 was missed
    assert choice.choose(np.array([2, 2, 9])) == 0


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
