"""Prior correction on real, imbalanced photographs; skipped where they are not beside the checkout."""

import csv
import tarfile

import numpy as np
import pytest

from evenpick.classifiers import SHALLOW_HEADS
from evenpick.metrics import macro_accuracy
from evenpick.pool import embed
from evenpick.sources import SourceModel
from evenpick.training import train

pytestmark = pytest.mark.slow

N_IMAGES, N_LABELS, N_FOLDS, SPLITS = 900, 300, 3, range(3)


@pytest.mark.parametrize("name", ["caltech", "food", "places"])
def test_prior_correction_never_costs_more_than_a_point(name, shared, tmp_path, source_cache):
    (tmp_path / "photos").mkdir()
    with tarfile.open(shared / "data" / f"{name}.tar.gz") as archive:
        table = archive.extractfile(f"{name}/labels.csv").read().decode().splitlines()
        label_of = {row["file"]: row["label"] for row in csv.DictReader(table) if row["split"] == "pool"}
        drawn = set(
            np.random.default_rng(0).permutation(sorted(label_of))[:N_IMAGES]
        )  # the files lie in order of class
        for member in archive:  # in the archive's order: each step back would unpack it from the start
            folder, _, file = member.name.rpartition("/")
            if folder == f"{name}/pool" and file in drawn:
                (tmp_path / "photos" / file).write_bytes(archive.extractfile(member).read())
    pool = embed(tmp_path / "work", tmp_path / "photos", SourceModel.load()).pool
    labels = np.array([label_of[image_id] for image_id in pool.image_ids])

    costs = {}
    for head in SHALLOW_HEADS:
        for correction in (True, "tuned"):
            costs[head, correction] = [_cost(pool, labels, head, correction, seed) for seed in SPLITS]

    assert max(np.mean(cost) for cost in costs.values()) <= 0.01, costs


def _cost(pool, labels, head, correction, seed):
    """Macro accuracy without less with the correction, on the images that were not labelled."""
    order = np.random.default_rng(seed).permutation(len(pool))
    chosen, rest = order[:N_LABELS], order[N_LABELS:]
    model = train(pool, chosen, labels[chosen], head, correction, seed, n_folds=N_FOLDS, unlabelled=())
    plain, corrected = (one.predict(pool.take(rest)) for one in (model.with_tau(0), model))
    return macro_accuracy(labels[rest], plain) - macro_accuracy(labels[rest], corrected)
