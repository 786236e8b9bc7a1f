"""Pairs of classes that are confused, mistakes as images, and how sure the classifier was: of test images, else of held-out labels."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..estimates import ENOUGH, HeldOut
from ..metrics import calibration_bins
from ..pool import Pool
from .evaluation_file import on_new_images

OF_TEST = "the test images"
OF_NEW = "the test images that no label shows"
OF_FOLDS = "labelled images, each judged by a quick classifier that did not see it"
OF_DRAWS = (
    "the images drawn at random, each counted as often as there are images without a label that it stands for and judged by "
    "a quick classifier that did not see it"
)
PAIRS, EXAMPLES, MISTAKES = 10, 4, 24
OFTEN = 0.2  # of the images of a class: from here on two classes that are confused both ways may be one


@dataclass(frozen=True)
class Pair:
    """Images of one class that are taken for another one, and the other way round."""

    true: str
    predicted: str
    n: int
    of: int
    back: int
    back_of: int
    labels: int  # of the true class

    @property
    def how_often(self) -> str:
        """How often one is called the other, and what to do about it."""
        said = f"{_times(self.n)} of {self.of}"
        if not self.labels:
            return f"{said}: no label names it, so label some."
        if self.back and self.n >= OFTEN * self.of and self.back >= OFTEN * self.back_of:
            other = f"the other way round {_times(self.back)} of {self.back_of}"
            return f"{said}, {other}: label more of both, or merge them if they are one to you."
        if self.n < 2:
            return f"{said}."
        return f"{said}: it has {self.labels} {'label' if self.labels == 1 else 'labels'}, so label more of it."


def confusion_facts(
    evaluation: Mapping[str, Any] | None, held: HeldOut | None, pool: Pool, labels: Mapping[str, int]
) -> dict[str, Any] | None:
    """None where nothing was held out and nothing tested; `labels` are those of each class."""
    if evaluation and "mistakes" in evaluation:
        counted = {(str(p["true"]), str(p["predicted"])): p["n"] for p in evaluation["confusions"]}
        sizes = {str(row["name"]): row["n_images"] for row in evaluation["classes"]}
        return {
            "of": OF_TEST, "of_test_images": True, "n": evaluation["n_images"], "n_wrong": evaluation["n_mistakes"],
            **_pairs(counted, sizes, labels, evaluation["mistakes"]),
        }  # fmt: skip
    if held is None or not len(held.judged):
        return None
    wrong = held_out_mistakes(held, pool)
    counted = Counter((one["true"], one["predicted"]) for one in wrong)
    sizes = Counter(held.classes[number] for number in held.given[held.judged].tolist())
    return {
        "of": OF_FOLDS, "of_test_images": False, "n": len(held.judged), "n_wrong": len(wrong),
        **_pairs(counted, sizes, labels, wrong),
    }  # fmt: skip


def calibration_facts(
    evaluation: Mapping[str, Any] | None, held: HeldOut | None, stands_for: Mapping[int, float]
) -> dict[str, Any] | None:
    """The calibration curve with its counts: of test images, else of an audit with as many labels as figures need, else of
    all labels, which were chosen; None where nothing was judged.

    `stands_for` are the images that the audit label of a row stands for.
    """
    new = on_new_images(evaluation) if evaluation else {}
    if new.get("calibration"):
        return {"of": OF_TEST if new is evaluation else OF_NEW, "bins": new["calibration"]}
    if held is None or not len(held.judged):
        return None
    probabilities = held.probabilities[held.judged]
    right = held.taken_for[held.judged] == held.given[held.judged]
    weights = np.array([stands_for.get(row, 0.0) for row in held.rows[held.judged].tolist()])
    drawn = weights > 0
    if drawn.sum() < ENOUGH:
        return {"of": OF_FOLDS, "bins": [asdict(one) for one in calibration_bins(probabilities.max(axis=1), right)]}
    bins = calibration_bins(probabilities[drawn].max(axis=1), right[drawn], weights=weights[drawn])
    return {"of": OF_DRAWS, "bins": [asdict(one) for one in bins]}


def held_out_mistakes(held: HeldOut, pool: Pool) -> list[dict[str, Any]]:
    """The labelled images that a classifier which did not see them takes for another class, the surest first."""
    places = held.judged[held.taken_for[held.judged] != held.given[held.judged]]
    sure = held.probabilities[places].max(axis=1)
    order = places[np.argsort(-sure, kind="stable")]
    return [
        {
            "image": pool.image_ids[held.rows[place]],
            "true": held.classes[held.given[place]],
            "predicted": held.classes[held.taken_for[place]],
            "probability": float(held.probabilities[place].max()),
            "probability_of_true": float(held.probabilities[place, held.given[place]]),
        }
        for place in order.tolist()
    ]


def _pairs(
    counted: Mapping[tuple[str, str], int],
    sizes: Mapping[str, int],
    labels: Mapping[str, int],
    mistakes: list[dict[str, Any]],
) -> dict[str, Any]:
    order = sorted(counted, key=lambda pair: (-counted[pair], -counted[pair] / sizes[pair[0]], pair))
    pairs: list[dict[str, Any]] = []
    images = defaultdict(list)
    for one in mistakes:
        images[str(one["true"]), str(one["predicted"])].append(one["image"])
    for true, predicted in order:
        back = counted.get((predicted, true), 0)
        pair = Pair(
            true, predicted, counted[true, predicted], sizes[true], back, sizes.get(predicted, 0), labels.get(true, 0)
        )
        pairs.append({**asdict(pair), "how_often": pair.how_often, "images": images[true, predicted][:EXAMPLES]})
    repeated = [pair for pair in pairs if pair["n"] > 1][:PAIRS]
    return {"pairs": pairs, "shown_pairs": repeated or pairs[:EXAMPLES], "mistakes": mistakes[:MISTAKES]}


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"
