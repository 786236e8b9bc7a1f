"""Train on the labelled images, calibrate on held-out folds, correct for class frequencies (section 3.4)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import IndexArray, Singles, Values
from ..classifiers import (
    MOST_SHARE,
    N_FOLDS,
    SHALLOW_HEADS,
    SUFFIX,
    TUNED_TAUS,
    LinearHead,
    NestedFolds,
    ShallowHead,
    Validated,
    cross_validate,
    deal_nested_folds,
    head_of,
    in_own_basis,
    macro_with_error,
    self_trained,
)
from ..errors import EvenpickError, check_seed, first_few, unknown_name
from ..feature_transform import UNIT_LENGTH, FeatureTransform
from ..machine import one_blas_thread
from ..pool import Pool, given_pool, labelled_rows
from .fine_tuning_plan import FineTuningLeftOut, FineTuningOptions, NetworkTask, planned, validate_network
from .model import FINETUNE, Model, parts_of
from .network import FineTunedNetwork

AUTO = "auto"
MOST_UNLABELLED = 20_000  # that self-training looks at
DIRECTIONS = 300  # of their features in which logistic regression is self-trained
STRATEGIES = (*SHALLOW_HEADS, FINETUNE, AUTO)

Progress: TypeAlias = Callable[[str, int, int], None]  # strategy, steps done, steps in all (two a fold)


def train(
    pool: Pool | ArrayLike,
    indices: ArrayLike,
    labels: Iterable[object],
    strategy: str = "logistic_regression",
    prior_correction: bool | str = "tuned",
    random_state: int = 0,
    *,
    n_folds: int = N_FOLDS,
    fine_tuning: FineTuningOptions | None = None,
    unlabelled: ArrayLike | None = None,
    progress: Progress = lambda strategy, done, total: None,
) -> Model:
    """Train a classifier on labelled rows of the pool.

    Folds over the labels (ten by default) choose the softmax temperature, and C and tau of strategies that leave them open
    (each class's images are dealt round the folds; a class with one label stays in training; images of one group stay
    in one fold, so that accuracies hold for new groups), then all labels train the model. The class probabilities are
    divided by the class frequencies of the labels, which moves decisions towards the rare classes; not so after
    self-training of "svm" or "nearest_mean", whose pseudo-labels even the classes out, unless `True` asks for it.

    Parameters
    ----------
    pool : Pool, or array of features of shape (n, n_features)
    indices : array of shape (n_labels,)
        Rows of the pool.
    labels : sequence of str, int, float or bool, shape (n_labels,)
        All of one type, which `Model.classes` and predictions keep; none missing.
    strategy : str
        A name of `SHALLOW_HEADS`; "finetune": the source network with a new head, all layers trained; or "auto":
        the one of all these with the best nested accuracy on the folds that each has run.
    prior_correction : bool or "tuned"
        Correct for class frequencies as printed (True: tau = 1), not at all (False: 0), or as it is best: logistic
        regression in full before the temperature, which is tau = 1 / temperature after it, others as far as the folds
        show to help.
    random_state : int
    n_folds : int
    fine_tuning : FineTuningOptions, optional
        Epochs, bounds, checkpoints and progress of "finetune" and "auto".
    unlabelled : array of shape (n_unlabelled,), optional
        Rows that self-training may predict, by default all without a label; at most 20,000, drawn. Each strategy on fixed
        features is tried with pseudo-labels of them as well, and the folds decide whether it stays so; its
        name then ends in "+self_training". None of them, `()`: no self-training.
    progress : callable, optional
        Called with a strategy on fixed features, its steps done and its steps in all, first with 0: each fold is trained,
        then judged. "finetune" reports by its own options.

    Raises
    ------
    EvenpickError
        If there are fewer than two classes or folds, lengths differ, an option does not exist, a row is named
        twice or is not in the pool, or a label is missing or of another type than the first.
    """
    if strategy not in STRATEGIES:
        raise unknown_name("strategy", strategy, STRATEGIES)
    if prior_correction not in (True, False, "tuned"):
        raise EvenpickError(f"train: prior_correction must be True, False or 'tuned'; got {prior_correction!r}")
    if isinstance(n_folds, bool) or not isinstance(n_folds, int | np.integer) or n_folds < 2:
        raise EvenpickError(f"train: n_folds must be a whole number, at least 2; got {n_folds!r}")
    check_seed("train", random_state)
    pool = given_pool("train", pool)
    rows, names = labelled_rows("train", pool, indices, labels)
    if len(set(names)) < 2:
        raise EvenpickError(
            f"train needs labels of at least two classes; got {len(names)} labels of "
            f"{first_few(sorted(set(names))) or 'none'}: label more images first"
        )
    classes, numbers = np.unique(names, return_inverse=True)
    others = _unlabelled_rows(pool, rows, unlabelled, random_state)
    taus = TUNED_TAUS if prior_correction == "tuned" else (float(prior_correction),)
    task = _Task(pool, rows, numbers, others, taus, random_state, n_folds)
    found, left_out = _tried(task, strategy, fine_tuning or FineTuningOptions(), progress)
    best = _best({name: candidate.checked for name, candidate in found.items()}, numbers)
    judged = {name: candidate.checked.cross_validation for name, candidate in found.items()}
    return Model(
        best, tuple(classes.tolist()), tuple(np.bincount(numbers).tolist()), found[best].fit(), found[best].checked.choice,
        pool.source and pool.source.without_words, {name: folds for name, folds in judged.items() if folds}, left_out,
    )  # fmt: skip


@dataclass(frozen=True)
class _Candidate:
    """A strategy that was tried: what the folds say of it, and how it is trained on all labels, if it wins."""

    checked: Validated
    fit: Callable[[], LinearHead | FineTunedNetwork]


@dataclass(frozen=True)
class _Task:
    """What every strategy is given, the same folds among it, so that accuracies differ by the strategy alone."""

    pool: Pool
    rows: IndexArray
    labels: IndexArray  # class numbers of the rows
    unlabelled: IndexArray
    taus: Sequence[float]
    seed: int
    n_folds: int

    @cached_property
    def folds(self) -> NestedFolds:
        groups = None if self.pool.groups is None else self.pool.groups[self.rows]
        return deal_nested_folds(self.labels, self.n_folds, np.random.default_rng(self.seed), groups)

    def space(self, head: ShallowHead) -> "_Space":
        """The features as this head takes them."""
        return self._centred if head.centred else self._at_length_1

    @cached_property
    def _centred(self) -> "_Space":
        # The centre is of held-out images too: it takes no label.
        transform, points = FeatureTransform.fitted_to(self._features)
        return _Space(len(self.rows), points, transform)

    @cached_property
    def _at_length_1(self) -> "_Space":
        return _Space(len(self.rows), UNIT_LENGTH(self._features), UNIT_LENGTH)

    @property
    def _features(self) -> Singles:
        return self.pool.features[np.concatenate([self.rows, self.unlabelled])]


@dataclass(frozen=True)
class _Space:
    """Transformed features of the labels, then of the unlabelled images (n, n_features), and the bases they are used in."""

    n_labels: int
    points: Singles
    transform: FeatureTransform

    @cached_property
    def of_labels(self) -> tuple[Values, Values]:
        """Those of the labels alone, and their basis."""
        return in_own_basis(self.points[: self.n_labels])

    @cached_property
    def of_all(self) -> tuple[Values, Values, Singles]:
        """Those of the labels, the basis of all, and those of the unlabelled images in the same."""
        points, basis = in_own_basis(self.points)
        return points[: self.n_labels].copy(), basis, points[self.n_labels :].astype(np.float32)

    @cached_property
    def leading(self) -> tuple[Singles, Values, Singles]:
        """The same in the directions in which they differ most: a fraction of the time, and no less accurate."""
        features, basis, others = self.of_all
        return features[:, :DIRECTIONS].astype(np.float32), basis[:DIRECTIONS], others[:, :DIRECTIONS].copy()


def _tried(
    task: _Task, strategy: str, options: FineTuningOptions, progress: Progress
) -> tuple[dict[str, _Candidate], str]:
    """Every strategy that is asked for, by its name; and why fine-tuning was left out, in words."""
    found = {}
    for name in SHALLOW_HEADS if strategy == AUTO else {strategy} & set(SHALLOW_HEADS):
        found[name] = _shallow(task, name, progress)
        if (folds := found[name].checked.cross_validation) and len(task.unlabelled):
            found[name + SUFFIX] = _self_trained(task, name, min(MOST_SHARE, folds.corrected_accuracy), progress)
    if strategy not in (AUTO, FINETUNE):
        return found, ""
    try:
        found[FINETUNE] = _fine_tuned(task, options)
    except EvenpickError as reason:
        if strategy == FINETUNE:
            raise
        return found, str(reason)
    return found, ""


def _shallow(task: _Task, name: str, progress: Progress) -> _Candidate:
    head = SHALLOW_HEADS[name]
    features, basis = task.space(head).of_labels
    return _on_features(task, head, features, basis, task.taus, partial(progress, name))


def _self_trained(task: _Task, name: str, share: float, progress: Progress) -> _Candidate:
    """`share` is that of pseudo-labels that can be expected to be right, half at most: so much of a mean is self-trained.

    Where there is no mean, pseudo-labels even the classes out, so that no prior is corrected for unless that is asked for.
    """
    head = SHALLOW_HEADS[name]
    in_mean, space = head.log_probabilities, task.space(head)
    features, basis, others = space.leading if in_mean else space.of_all
    taus = (0.0,) if 0.0 in task.taus and not in_mean else task.taus
    return _on_features(
        task, self_trained(head, others, share), features, basis, taus, partial(progress, name + SUFFIX)
    )


def _on_features(
    task: _Task,
    head: ShallowHead,
    features: Values | Singles,
    basis: Values,
    taus: Sequence[float],
    progress: Callable[[int, int], None],
) -> _Candidate:
    checked = cross_validate(head, features, task.labels, task.folds, taus, progress)
    cs = [c for c in head.grid if c <= checked.choice.c]

    def fit() -> LinearHead:
        with one_blas_thread():
            fitted = head.fit(features, task.labels, cs)[-1].out_of(basis)
        return replace(fitted, transform=task.space(head).transform)

    return _Candidate(checked, fit)


def _fine_tuned(task: _Task, options: FineTuningOptions) -> _Candidate:
    pool = task.pool
    if pool.folder is None:
        raise FineTuningLeftOut("fine-tuning needs the images themselves; this pool has features only")
    if pool.source is None:
        raise FineTuningLeftOut(
            "the pool says nothing of its source model, so there is no network to train; embed the images"
        )
    images = parts_of(pool.take(task.rows))
    network = NetworkTask(pool.source, images, task.labels, task.folds.outer, task.taus, task.seed)
    checked, tuned = validate_network(network, planned(network, options), options)
    return _Candidate(checked, lambda: FineTunedNetwork(tuned.onnx(), tuned.preprocessing))


def _unlabelled_rows(pool: Pool, labelled: IndexArray, unlabelled: ArrayLike | None, seed: int) -> IndexArray:
    """The rows that self-training looks at."""
    try:
        given = np.arange(len(pool)) if unlabelled is None else np.asarray(unlabelled)
    except ValueError:
        given = np.array([None])  # ragged
    whole = np.issubdtype(given.dtype, np.integer)  # a mask would be taken for rows 0 and 1
    if given.size and (not whole or ((given < 0) | (given >= len(pool))).any()):
        raise EvenpickError(f"train: unlabelled rows must be from 0 to {len(pool) - 1} (the pool), as whole numbers")
    others = np.setdiff1d(given.astype(np.intp), labelled)
    if pool.groups is not None:  # frames of a labelled group would bring a held-out group into training
        others = others[~np.isin(pool.groups[others], pool.groups[labelled])]
    if len(others) > MOST_UNLABELLED:
        others = np.sort(np.random.default_rng(seed).choice(others, MOST_UNLABELLED, replace=False))
    return others


def _best(found: dict[str, Validated], labels: IndexArray) -> str:
    """The strategy with the best macro accuracy on the images that all have predicted; of equals the first.

    Self-training has to be ahead of the same strategy without it by more than half a standard error. Where it is a mean with
    the first classifier, little can be lost: there it stays unless it is behind by more than that.
    """
    shared = np.all([checked.predicted >= 0 for checked in found.values()], axis=0)
    if not shared.any():
        return next(iter(found))
    judged = {name: macro_with_error(labels[shared], checked.predicted[shared]) for name, checked in found.items()}

    def stands(name: str) -> bool:
        """Whether it takes the place of the same strategy in its other form."""
        plain, trained = name.removesuffix(SUFFIX), name.removesuffix(SUFFIX) + SUFFIX
        if trained not in judged:
            return True
        head = head_of(plain)
        in_mean = head is not None and head.log_probabilities
        (before, _), (after, error) = judged[plain], judged[trained]
        kept = after >= before - error / 2 if in_mean else after > before + error / 2
        return kept if name == trained else not (kept and in_mean)

    return max(filter(stands, judged), key=lambda name: judged[name][0])
