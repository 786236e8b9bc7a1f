"""k_means, typiclust and badge: cases computed by hand, and slow references that look at every pair."""

import itertools

import numpy as np
import pytest
from scipy.stats import chisquare
from sklearn.cluster import KMeans

from evenpick.acquisition import clustering, select
from evenpick.acquisition.clustering import _cluster, _isolation, _k_means_plus_plus, _of_length_one, _Points
from evenpick.pool import Pool
from evenpick.pool.blocks import BlockArray
from evenpick.session import Session

NEW = ["k_means", "typiclust", "badge"]

# Three clusters of directions, of five, three and one image.
ANGLES = np.array([3.0, 0.0, 0.001, 0.002, 0.02, 0.04, 1.5, 1.51, 1.53])


@pytest.fixture
def directions():
    """The images at `ANGLES`, each of another length."""
    lengths = np.arange(1, 10)[:, None]
    return Pool.from_arrays(np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]) * lengths)


def test_k_means_takes_the_image_nearest_to_each_mean_the_biggest_cluster_first(directions):
    chosen = select(directions, 3, "k_means")

    assert ANGLES[chosen].tolist() == [0.02, 1.51, 3.0]  # the means lie near 0.0126 and 1.5133


def test_typiclust_takes_the_most_typical_image_of_each_cluster(directions):
    chosen = select(directions, 3, "typiclust")

    assert ANGLES[chosen].tolist() == [0.002, 1.51, 3.0]  # with all neighbours counted, the median


def test_typiclust_goes_round_the_clusters_again_beyond_the_cap(directions, monkeypatch):
    monkeypatch.setattr(clustering, "_MOST_CLUSTERS", 3)

    chosen = select(directions, 9, "typiclust")

    assert ANGLES[chosen].tolist() == [0.002, 1.51, 3.0, 0.001, 1.5, 0.0, 1.53, 0.02, 0.04]


@pytest.mark.parametrize("seed", range(8))
def test_badge_takes_equal_gradients_last(seed):
    # Half the confidence gap on twice the features is the same gradient; another class is another direction.
    probabilities = [[0.5, 0.25, 0.25], [0.75, 0.25, 0], [0.25, 0.5, 0.25], [0.25, 0.75, 0]]
    pool = Pool.from_arrays([[1, 1], [2, 2], [1, 1], [2, 2]], probabilities)

    first, second = select(pool, 2, "badge", random_state=seed).tolist()

    assert {first // 2, second // 2} == {0, 1}


@pytest.mark.parametrize("seed", range(8))
def test_badge_prefers_uncertain_images_of_long_features(seed):
    certain = np.tile([1.0, 0, 0], (20, 1))
    pool = Pool.from_arrays(np.ones((22, 3)), np.vstack([certain, [[0.5, 0.5, 0], [0, 0.5, 0.5]]]))

    chosen = select(pool, 3, "badge", random_state=seed).tolist()

    assert {20, 21} <= set(chosen)  # the others have no gradient: one of them at most, and that the first


def all_squared_distances(points):
    return ((points[:, None] - points) ** 2).sum(axis=2)


def gradients(pool):
    """BADGE's embedding cut to the block of the predicted class, every zero written out."""
    blocks = np.zeros((len(pool), pool.source_class.max() + 1, pool.features.shape[1]))
    blocks[np.arange(len(pool)), pool.source_class] = (1 - pool.confidence[:, None].astype(float)) * pool.features
    return blocks.reshape(len(pool), -1)


@pytest.mark.parametrize("seed", range(6))
def test_distances_to_the_drawn_rows_agree_with_whole_gradients(seed, tied_pool):
    pool = tied_pool(seed)
    points = _Points(pool.features, 1 - pool.confidence.astype(float), pool.source_class)
    nearest = np.full(len(pool), np.inf)

    drawn = np.random.default_rng(seed).permutation(len(pool))[:4]

    for row in drawn:
        clustering._bring_up_to_date(nearest, points, np.array([row]))

    recomputed = all_squared_distances(gradients(pool))[:, drawn].min(axis=1)
    np.testing.assert_allclose(nearest, recomputed, atol=1e-12)


@pytest.mark.slow
def test_k_means_plus_plus_draws_in_proportion_to_squared_distances():
    values = np.array([0.0, 1.0, 1.5, 4.0, 10.0])
    apart = all_squared_distances(values[:, None])

    def chance(sequence):
        result = 1 / len(values)
        for i in range(1, len(sequence)):
            nearest = apart[:, list(sequence[:i])].min(axis=1)
            result *= nearest[sequence[i]] / nearest.sum()
        return result

    points = _Points(values[:, None].astype(np.float32), np.ones(5))
    rng = np.random.default_rng(0)
    runs = 12_000
    # The third and fourth row are drawn in one batch, by bounds.
    seen = [tuple(_k_means_plus_plus(points, 4, rng).tolist()) for _ in range(runs)]
    common = [sequence for sequence in itertools.permutations(range(5), 4) if runs * chance(sequence) > 10]

    observed = [seen.count(sequence) for sequence in common]
    expected = [runs * chance(sequence) for sequence in common]

    rest = (runs - sum(observed), runs - sum(expected))
    assert chisquare([*observed, rest[0]], [*expected, rest[1]]).pvalue > 0.01


def test_clusters_are_those_of_scikit_learn_from_the_same_centres(make_pool):
    pool = make_pool(n=300, seed=2)
    points = _of_length_one(pool.features)
    start = points[_k_means_plus_plus(points, 12, np.random.default_rng(3))]

    labels, centres = _cluster(points, 12, np.random.default_rng(3))

    other = KMeans(12, init=start, n_init=1, max_iter=30, tol=0).fit(points[np.arange(300)])
    assert labels.tolist() == other.labels_.tolist()
    np.testing.assert_allclose(centres, other.cluster_centers_, atol=1e-9)


def test_typicality_agrees_with_a_full_matrix_of_distances(make_pool, monkeypatch):
    monkeypatch.setattr(clustering, "_MOST_DISTANCES", 700)  # several parts a cluster
    points = _of_length_one(make_pool(n=200, seed=4).features)
    labels = np.random.default_rng(4).integers(0, 6, size=200) ** 2 // 5  # of several sizes
    labels[7] = 9  # alone

    apart = np.sqrt(all_squared_distances(points[np.arange(200)]))
    for row, mean in enumerate(_isolation(points, labels, np.random.default_rng(0))):
        others = sorted(apart[row, j] for j in range(200) if j != row and labels[j] == labels[row])[:20]
        assert mean == pytest.approx(np.mean(others) if others else 0)


def test_typicality_in_a_large_cluster_looks_at_a_sample(make_pool, monkeypatch):
    monkeypatch.setattr(clustering, "_REFERENCES", 50)
    dense, scattered = np.full((60, 6), 1.0), np.random.default_rng(0).normal(size=(60, 6))
    pool = make_pool(features=np.vstack([scattered, dense]))

    assert select(pool, 1, "typiclust")[0] >= 60


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("seed", range(6))
def test_copies_and_ties_leave_no_gap(name, seed, tied_pool):
    pool = tied_pool(seed)

    for budget in {1, len(pool) // 2, len(pool) - 1, len(pool)}:
        assert len(set(select(pool, budget, name, random_state=seed).tolist())) == budget


@pytest.mark.parametrize("name", ["k_means", "badge"])
def test_copies_of_one_image_come_last(name):
    rng = np.random.default_rng(0)
    distinct = rng.normal(size=(20, 128))
    probabilities = np.tile([0.5, 0.3, 0.2], (50, 1))
    pool = Pool.from_arrays(np.vstack([distinct, np.repeat(distinct[:1], 30, axis=0)]), probabilities)

    assert len({tuple(row) for row in pool.features[select(pool, 20, name)]}) == 20


def test_features_of_length_zero_are_a_cluster_of_their_own(make_pool):
    pool = make_pool(features=[[0, 0], [1, 0], [2, 0], [0, 0], [0, 0]])

    chosen = select(pool, 2, "typiclust").tolist()

    assert chosen[0] in {0, 3, 4}
    assert chosen[1] in {1, 2}


@pytest.mark.parametrize("name", NEW)
def test_blocks_on_disk_give_the_same_answer(name, make_pool, tmp_path):
    pool = make_pool(n=90, seed=5)
    rows = [40, 1, 49]
    files = [tmp_path / f"{i}.npy" for i in range(3)]
    for file, part in zip(files, np.split(pool.features, np.cumsum(rows)[:-1]), strict=True):
        np.save(file, part)

    on_disk = Pool(BlockArray(files, rows, 6), pool.image_ids, pool.predictions)

    assert select(on_disk, 20, name).tolist() == select(pool, 20, name).tolist()


@pytest.mark.parametrize("name", NEW)
def test_a_session_of_skips_comes_to_every_image(name, make_pool):
    session = Session(make_pool(n=30), 4, acquisition=name)
    seen = []

    while (index := session.next()) is not None:
        seen.append(index)
        session.skip(index)

    assert sorted(seen) == list(range(30))
