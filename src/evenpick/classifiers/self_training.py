"""Self-training: unlabelled images that a first classifier is sure of, the same number of each class, train a second.

The weakly supervised expansion that section 3.1 of the paper leaves open: pseudo-labels (Lee, 2013) of the most
confident images of each class, so that common classes do not take over; as many of each, where class-balanced
self-training (Zou et al., 2018) takes the same share. It is a head like others, so that the folds judge it like others;
the labels that train a fold train all its classifiers.

A head whose scores are log probabilities divides out of them what it was trained on, labels and pseudo-labels, each time;
and what is handed out is a mean of the classifier on the labels alone and of the self-trained one, so that little is lost
where pseudo-labels are wrong. The second has half of it at most, and less where the first is mostly wrong. The class
frequencies of the labels are in that mean as they are in the first classifier, and are corrected for as there.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray
from ..probabilities import margins
from .choice import log_prior
from .heads import SHALLOW_HEADS, ShallowHead
from .linear_head import LinearHead

SUFFIX = "+self_training"  # of the name of a strategy
OF_EACH_CLASS = 10  # at least; as many as it has labels on average where these are more
OF_EACH_CLASS_IN_MEAN = 5  # where the first classifier stays half of what is handed out, however many labels there are
MOST_SHARE = 0.5  # of the self-trained classifier in that mean
ROUNDS = (1, 2)  # times so many: the second classifier is trusted with twice the images, and trains a third


def self_trained(head: ShallowHead, unlabelled: NDArray[np.float32], share: float = MOST_SHARE) -> ShallowHead:
    """The head, trained on the labels and then on pseudo-labels too, its C given.

    Parameters
    ----------
    head : ShallowHead
    unlabelled : array of shape (n_unlabelled, n_features)
        Of length 1, in the basis of the features that `fit` is given.
    share : float
        Of the self-trained classifier in the mean, if the head's scores are log probabilities.
    """

    if head.log_probabilities:
        return replace(head, grid=(head.student_c,), fit=partial(_mean, head, unlabelled, share))

    def fit(features: NDArray[np.floating], labels: NDArray[np.intp], grid: Sequence[float]) -> list[LinearHead]:
        most = max(OF_EACH_CLASS, round(len(labels) / (labels.max() + 1)))
        together: tuple[NDArray[np.floating], IndexArray] = features, labels
        for times in ROUNDS:
            teacher = head.fit(*together, (head.teacher_c,))[0]
            rows, numbers = pseudo_labels(_scores(teacher, unlabelled), times * most)
            together = np.vstack([features, unlabelled[rows]]), np.concatenate([labels, numbers])
        return head.fit(*together, grid)

    return replace(head, grid=(head.student_c,), fit=fit)


def _mean(
    head: ShallowHead,
    unlabelled: NDArray[np.float32],
    share: float,
    features: NDArray[np.floating],
    labels: NDArray[np.intp],
    grid: Sequence[float],
) -> list[LinearHead]:
    """A mean of the head on the labels and of the one on pseudo-labels too, both with the class frequencies of the labels."""
    first = last = _corrected(head, features, labels)
    for times in ROUNDS:
        rows, numbers = pseudo_labels(_scores(last, unlabelled), times * OF_EACH_CLASS_IN_MEAN)
        last = _corrected(head, np.vstack([features, unlabelled[rows]]), np.concatenate([labels, numbers]))
    weights, intercepts = (
        (1 - share) * of_first + share * of_last
        for of_first, of_last in ((first.weights, last.weights), (first.intercepts, last.intercepts))
    )
    return [LinearHead(weights, intercepts + log_prior(np.bincount(labels))) for _ in grid]


def _corrected(head: ShallowHead, features: NDArray[np.floating], labels: IndexArray) -> LinearHead:
    """The head without the class frequencies of what it was trained on."""
    (found,) = head.fit(features, labels, (head.student_c,))
    return LinearHead(found.weights, found.intercepts - log_prior(np.bincount(labels)))


def _scores(head: LinearHead, points: NDArray[np.float32]) -> NDArray[np.floating]:
    return np.asarray(points @ head.weights.T.astype(np.float32) + head.intercepts)


def pseudo_labels(scores: NDArray[np.floating], most: int) -> tuple[IndexArray, IndexArray]:
    """Rows of (n, n_classes) scores, and the class predicted for each: of each class the `most` with the largest margin.

    The margin is the largest score less the second largest; of equal margins the first rows.
    """
    predicted = scores.argmax(axis=1)
    surest_first = np.argsort(-margins(scores), kind="stable")
    rows = np.concatenate([surest_first[predicted[surest_first] == number][:most] for number in range(scores.shape[1])])
    return rows, predicted[rows]


def head_of(strategy: str) -> ShallowHead | None:
    """The head behind the name of a strategy, self-trained or not; None if it is no shallow one."""
    return SHALLOW_HEADS.get(strategy.removesuffix(SUFFIX))
