"""Totals from draws with known chances, beside the stratified estimators of map accuracy as a slow reference."""

import itertools

import numpy as np
import pytest

from evenpick.estimates.audit_sample import AuditSample
from evenpick.estimates.sequential import total_of

# Stehman (2014): 40 pixels, ten of each of four strata, their class on the ground and on the map.
GROUND = [*"AAAAACBABC", *"ABBBBBAABB", *"CCCCCDDBBA", *"DDDDDDDCCB"]
MAP = [*"AAAAAAABBB", *"ABBBBBBBBB", *"BBCCCCCCBB", *"DDDDDDDDDD"]
SIZES = np.array([40_000, 30_000, 20_000, 10_000])


def stehman(strata, sizes, ground, on_map, name):
    """Recall of a class and its standard error: ratio estimator over strata that differ from the map's classes."""
    y = (ground == name) & (on_map == name)
    x = ground == name
    members = [strata == h for h in range(len(sizes))]
    total = [sum(n * v[m].mean() for n, m in zip(sizes, members, strict=True)) for v in (y, x)]
    ratio, variance = total[0] / total[1], 0.0
    for n, m in zip(sizes, members, strict=True):
        residual = y[m] - ratio * x[m].astype(float)
        variance += n**2 * residual.var(ddof=1) / m.sum()
    return ratio, np.sqrt(variance) / total[1]


def as_arrays():
    return np.repeat(np.arange(4), 10), np.array(GROUND), np.array(MAP)


@pytest.mark.parametrize(
    ("name", "recall", "error"),
    [("A", 0.6571429, 0.1477318), ("B", 0.7941176, 0.1165671), ("C", 0.3, 0.1504438)],
)
def test_the_slow_reference_gives_the_published_example(name, recall, error):
    strata, ground, on_map = as_arrays()

    assert stehman(strata, SIZES, ground, on_map, name) == pytest.approx((recall, error), abs=1e-6)


def test_where_draws_are_stratified_the_totals_are_those_of_the_strata():
    strata, ground, on_map = as_arrays()
    n = len(ground)
    numbers = np.searchsorted([*"ABCD"], ground)
    none_known = np.zeros((n, n), dtype=bool)
    chances = 10 / n / SIZES[strata]  # one of four strata, then one of its pixels
    scores = np.eye(4)[np.searchsorted([*"ABCD"], on_map)]
    sample = AuditSample(
        tuple("ABCD"),
        numbers,
        scores,
        np.zeros((0, 4)),
        SIZES.sum() - n,
        np.arange(n),
        chances,
        none_known,
        np.zeros(n),
    )

    recalls = []
    for c in range(4):
        x = (numbers == c).astype(float)
        recalls.append(total_of(sample, x * sample.right)[0] / total_of(sample, x)[0])
    assert recalls == pytest.approx([stehman(strata, SIZES, ground, on_map, name)[0] for name in "ABCD"])


def test_the_mean_over_all_ways_to_draw_is_the_true_total():
    values = np.array([3.0, -1.0, 4.0, 1.5, 9.0])

    def estimates(chosen_between):
        """Of each way to draw twice, its chance and total; between the draws piece 0 is chosen, or 1 where 0 was drawn."""
        for first, second in itertools.product(range(5), repeat=2):
            chosen = 1 if first == 0 else 0
            order = [first, chosen, second] if chosen_between else [first, second]
            if len(set(order)) < len(order):
                continue
            open_then = [piece for piece in range(5) if piece not in order[:-1]]
            chances = np.array([(first + 1) / 15, (second + 2) / sum(p + 2 for p in open_then)])
            known = np.zeros((2, len(order)), dtype=bool)
            known[1, : len(order) - 1] = True
            sample = AuditSample(
                ("a", "b"), np.zeros(len(order), int), np.zeros((len(order), 2)), np.zeros((0, 2)), 5 - len(order),
                np.array([0, len(order) - 1]), chances, known, np.zeros(len(order)),
            )  # fmt: skip
            yield chances.prod(), total_of(sample, values[order])[0]

    for chosen_between in (False, True):
        chances, totals = np.array([*estimates(chosen_between)]).T
        assert chances.sum() == pytest.approx(1)
        assert chances @ totals == pytest.approx(values.sum())


def test_the_error_is_that_of_the_draws(make_sample):
    sample = make_sample([0, 1] * 50, [0, 0] * 50, [0] * 900, known=np.zeros((100, 100), dtype=bool))

    total, error = total_of(sample, sample.right.astype(float))

    assert total == pytest.approx(500)
    assert error == pytest.approx(1000 * np.sqrt(0.25 / 99))
