"""evenpick end to end beside others' parts: every choice and classifier on made points, and the page on rows made by hand."""

import json
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
CLASSIFIERS = [
    "lr_scaled", "lr_scaled_balanced", "lr_c1", "lr_c30", "linear_svc", "ridge", "svc_c1", "svc_c10", "nn1", "nn5",
    "centroid", "self_training", "label_spreading",
]  # fmt: skip
OUTVOTED = ("nn5", "svc_c1", "svc_c10", "label_spreading")  # do not tell a class with one label
CHOICES = ["random", "k_means", "uherding"]
OF_SKACTIVEML = [
    "typiclust", "prob_cover", "core_set", "max_herding", "margin", "badge", "drop_query", "falcun", "clue"
]  # fmt: skip


@pytest.fixture(scope="module")
def end_to_end(import_benchmark):
    return import_benchmark("end_to_end")


@pytest.fixture(scope="module")
def peers(end_to_end):
    return sys.modules["end_to_end_peers"]


def blobs(n=150, seed=0):
    """Points of length 1 of three classes far apart, and their classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=n)
    points = 3 * np.eye(3, 8)[labels] + 0.3 * rng.normal(size=(n, 8))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), labels


def test_every_part_of_others_is_tested_here_and_has_a_title(end_to_end, peers):
    assert {*peers.CHOICES} == {*CHOICES, *OF_SKACTIVEML}
    assert {*peers.CLASSIFIERS} == {*CLASSIFIERS}
    assert {*end_to_end.CHOICE_TITLES} == {end_to_end.AUTO, *peers.CHOICES}
    assert {*end_to_end.CLASSIFIER_TITLES} == {*peers.CLASSIFIERS, *end_to_end.OWN_CLASSIFIERS}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_tells_classes_apart_of_which_one_was_seen_once(peers, name):
    points, labels = blobs()
    rows = np.concatenate([np.flatnonzero(labels == c)[:n] for c, n in enumerate((12, 9, 1))])
    left = np.setdiff1d(np.arange(100), rows)

    predicted = peers.CLASSIFIERS[name](points[rows], labels[rows], points[left], points[100:])

    true = labels[100:]
    assert (predicted == true)[true < 2].mean() > 0.9
    if name not in OUTVOTED:
        assert (predicted == true)[true == 2].mean() > 0.8


@pytest.mark.parametrize("name", ["self_training", "label_spreading"])
def test_a_semi_supervised_classifier_learns_from_rows_without_a_label(peers, name):
    angles = np.concatenate(
        [np.linspace(0, 0.9, 40), np.linspace(1.6, 1.2, 10)]
    )  # two arcs; labels at their outer ends
    points = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    given, numbers, near = points[[0, 40]], np.array([0, 1]), points[39:40]

    alone = peers.CLASSIFIERS["nn1"](given, numbers, points[1:40], near)
    with_them = peers.CLASSIFIERS[name](given, numbers, points[1:40], near)

    assert (alone[0], with_them[0]) == (1, 0)


@pytest.mark.parametrize(
    "name", [*CHOICES[:2], *(pytest.param(n, marks=pytest.mark.slow) for n in ["uherding", *OF_SKACTIVEML])]
)
def test_a_choice_labels_new_rows_in_the_rounds_of_auto_and_only_the_seed_moves_it(end_to_end, peers, name):
    if name not in CHOICES[:2]:
        pytest.importorskip("skactiveml")
    points, labels = blobs()
    first, again, other = (
        end_to_end.choose(points, of, 60, peers.CHOICES[name], None, np.random.default_rng(0))
        for of in (labels, labels, 9 - labels)
    )

    assert len({*first[0].tolist()}) == 60
    assert first[1] == 3  # 40, 52, 60
    assert first[0].tolist() == again[0].tolist() == other[0].tolist()


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_k_means_asks_for_as_many_rows_as_are_wanted_in_no_order(peers):
    from iterative import Known

    angles = np.linspace(0, 1.5, 30)
    points = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    known = Known(np.vstack([points, -points[:1], -points[:1]]), np.array([0]), np.array([0]))  # the last two are alike

    chosen = peers.CHOICES["k_means"](known, 31, np.random.default_rng(0))

    assert len({*chosen.tolist()}) == 31
    assert 0 not in chosen
    assert (np.diff(chosen) < 0).sum() > 5


@pytest.mark.slow
def test_a_strategy_that_asks_a_classifier_begins_with_the_round_of_typiclust(peers):
    pytest.importorskip("skactiveml")
    from iterative import Known

    points, _ = blobs()
    nothing = Known(points, np.empty(0, np.intp), np.empty(0, np.intp))

    began = [peers.CHOICES[name](nothing, 20, np.random.default_rng(3)).tolist() for name in ("typiclust", "margin")]

    assert began[0] == began[1]


@pytest.mark.slow
def test_margin_is_that_of_scikit_activeml_with_the_labels_given(peers):
    pytest.importorskip("skactiveml")
    from iterative import Known
    from sklearn.linear_model import LogisticRegression

    points, labels = blobs()
    rows = np.arange(30)
    inner = LogisticRegression(C=30, max_iter=1000).fit(points[rows], labels[rows])
    two = np.sort(inner.predict_proba(points[30:]), axis=1)

    chosen = peers.CHOICES["margin"](Known(points, rows, labels[rows]), 10, np.random.default_rng(0))

    assert {*chosen.tolist()} == {*(30 + np.argsort(two[:, -1] - two[:, -2])[:10]).tolist()}


def rows_of_pools(end_to_end, mean_of):
    """Every combination on two sets and three seeds, with 100 and 200 labels."""
    return [
        dict(zip(end_to_end.KEY, (name, 0, seed, choice, classifier), strict=True))
        | {
            "n_images": 500,
            "seconds_of_choosing": 1.0,
            "accuracy": {str(b): mean_of(name, choice, classifier) + seed + b / 100 for b in (100, 200)},
            "cpu_seconds": {"100": 0.5, "200": 0.7},
            "commit": "own" if end_to_end.is_own(choice, classifier) else "peers",
        }
        for name in ("elpv", "food")
        for seed in (0, 1, 2)
        for choice in (end_to_end.AUTO, *end_to_end.CHOICES)
        if choice not in end_to_end.SLOW
        for classifier in end_to_end.classifiers_of(choice)
    ]


def mean_by_hand(name, choice, classifier):
    if (choice, classifier) == ("auto", "train"):
        return 60.0
    if classifier in ("train", "plain") or choice == "auto":
        return 50.0
    best = {("margin", "ridge"): (52.0, 54.0), ("badge", "ridge"): (70.0, 70.0), ("random", "nn1"): (45.0, 57.0)}
    return best.get((choice, classifier), (40.0, 40.0))[name == "food"]


def test_the_page_compares_with_the_best_on_average_and_with_each_set_s_own_best(end_to_end):
    page = end_to_end.page(rows_of_pools(end_to_end, mean_by_hand))

    assert "ahead by **+7.0 ± 1.1 points** of the best combination, *margin + ridge*" in page
    assert "| elpv | 100 | 62.0 | +8.0 ± 0.0 | +8.0 ± 0.0 | margin + ridge | 3 |" in page
    assert "| food | 200 | 63.0 | +6.0 ± 0.0 | +3.0 ± 0.0 | random + 1-NN | 3 |" in page
    assert "| all | 200 | 63.0 | +7.0 ± 1.1 | +5.5 ± 2.9 |  | 3 |" in page
    assert "| **all** |  | 62.5 | +7.0 ± 1.1 | +5.5 ± 2.9 |  | 3 |" in page
    assert "| margin | " in page
    assert "**55.5**" in page
    assert "evenpick's rows are of commit own, the others of peers." in page


def test_a_combination_that_refused_labels_or_lacks_a_pool_is_not_the_best(end_to_end):
    rows = rows_of_pools(end_to_end, mean_by_hand)
    refusing = next(row for row in rows if (row["choice"], row["classifier"]) == ("margin", "ridge"))
    refusing["accuracy"]["100"] = None
    lacking = next(row for row in rows if (row["choice"], row["classifier"]) == ("random", "nn1"))
    found = end_to_end.found_in(rows)

    assert end_to_end.best_of(found, end_to_end.whole_pools(found)) == ("random", "nn1")
    assert "Combinations that refused a set of labels: 1." in end_to_end.page(rows)
    rows.remove(lacking)
    found = end_to_end.found_in(rows)
    assert len(end_to_end.whole_pools(found)) == 5  # that pool does not count for anybody


def test_own_rows_are_made_again_and_take_the_place_of_the_older_ones(end_to_end, tmp_path, monkeypatch):
    results = tmp_path / "end_to_end.jsonl"
    rows = [row for row in rows_of_pools(end_to_end, mean_by_hand) if row["set"] == "elpv" and row["seed"] == 0]
    results.write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = []

    def run_here(cells, measure, options, file):
        asked.extend(cells)
        made = [dict(zip(end_to_end.KEY, (*cell[:4], c), strict=True)) for cell in cells for c in cell[4]]
        with file.open("a") as opened:
            opened.writelines(json.dumps(row | {"accuracy": {"100": 1.0}, "commit": "now"}) + "\n" for row in made)

    monkeypatch.setattr(end_to_end, "run_in_processes", run_here)
    monkeypatch.setattr(end_to_end, "this_commit", lambda: "now")
    monkeypatch.setattr(end_to_end, "PLACES", (("elpv", 0),))
    names = [*end_to_end.CLASSIFIERS, *end_to_end.OWN_CLASSIFIERS]
    options = Namespace(own=True, choices=["auto", "clue", "max_herding"], classifiers=names, seeds=[0], work=tmp_path)
    end_to_end.run(options, results)

    assert [(cell[3], len(cell[4])) for cell in asked] == [("auto", 15), ("max_herding", 2)]
    kept = end_to_end.rows_of(results)
    assert len(kept) == len(rows)
    assert {row["commit"] for row in kept if row["choice"] == "clue"} == {"peers"}
    assert {row["commit"] for row in kept if row["choice"] == "auto"} == {"now"}
    asked.clear()
    end_to_end.run(options, results)
    assert asked == []
