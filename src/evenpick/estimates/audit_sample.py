"""What the figures of an audit are made of: the pieces with an answer, those without, and how some of them were drawn.

A piece is an image or, where there are groups, a group. The classifier is the quick one of `ridge_classifier`: pieces with an
answer are judged by one that was trained without them, the others by one trained on all.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Values
from ..labels import Answer, AuditDraw, RecordedLabels
from ..pool import Pool
from ..vectors import normalised
from .groups import rows_of_other_groups
from .missing_classes import ENOUGH
from .ridge_classifier import RidgeClassifier

MOST_CHANGED = 0.02  # of the pieces: a draw from a pool that was larger or smaller by more says nothing of this one
MOST_LOOKED_AT = 10_000  # pieces without an answer, drawn
UNTOLD = -1  # the class of an answer that nobody could give
# Labelled pieces lie where classes meet, so that one label more or less changes more of them than of the others: what these
# gain is taken for half. Set by hand on the sets of benchmarks/audit.md, which says what comes of it.
_LESS = 0.5


@dataclass(frozen=True, eq=False)
class AuditSample:
    """n pieces with an answer, m looked at of those without, and the draws.

    Attributes
    ----------
    classes : tuple of str, length k
        In the order in which they were found.
    labels : array of intp, shape (n,)
        Class numbers; -1 for a piece whose class nobody could tell.
    scores : array of shape (n, k)
        Of each piece with an answer, by a classifier that was trained without it.
    open_scores : array of shape (m, k)
        Of those without.
    n_open : int
        Pieces without an answer; m or more.
    places : array of intp, shape (n_draws,)
        The piece of each draw, in the order of the draws.
    chances : array of shape (n_draws,)
        What each draw had of drawing it.
    known : array of bool, shape (n_draws, n)
        The pieces that had their answer before each draw, and could not be drawn.
    gains : array of shape (n,)
        For a piece that is wrong: the chance that it would be right if its class had one label more. The open pieces are
        judged with that label.
    """

    classes: tuple[str, ...]
    labels: IndexArray
    scores: Values
    open_scores: Values
    n_open: int
    places: IndexArray
    chances: Values
    known: NDArray[np.bool_]
    gains: Values

    @property
    def n_pieces(self) -> int:
        """Of the pool."""
        return len(self.labels) + self.n_open

    @cached_property
    def predicted(self) -> IndexArray:
        """The class that each piece with an answer is taken for."""
        return np.asarray(self.scores.argmax(axis=1))

    @cached_property
    def open_predicted(self) -> IndexArray:
        """The class that each piece looked at without an answer is taken for."""
        return np.asarray(self.open_scores.argmax(axis=1))

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Whether it is of that class; what nobody could tell is not."""
        return np.asarray(self.predicted == self.labels)

    @cached_property
    def counts(self) -> IndexArray:
        """Labels of each class (k,)."""
        return np.bincount(self.labels[self.labels != UNTOLD], minlength=len(self.classes))

    @cached_property
    def weights(self) -> Values:
        """Of the draws (n_draws,), sum 1: the variance of one grows with the square of the pieces that it was drawn from."""
        could = self.n_pieces - self.known.sum(axis=1)
        weights = 1.0 / could**2
        return np.asarray(weights / weights.sum())

    @cached_property
    def weights_by_chance(self) -> Values:
        """The same, times the pieces that each draw stands for; sum 1."""
        weights = self.weights / self.chances
        return np.asarray(weights / weights.sum())


def audit_sample(pool: Pool, labels: RecordedLabels) -> AuditSample | None:
    """The pieces and draws of a record; None with fewer than 20 audit labels of this pool or two classes."""
    drawn, pool = draws_of_this_pool(pool, labels), _as_drawn(pool, labels)
    if sum(draw.label is not None for draw in drawn) < ENOUGH:
        return None
    pieces = _answered_pieces(pool, labels)
    names = [answer.label for answer in pieces.values() if answer.label is not None]
    number_of = {name: number for number, name in enumerate(dict.fromkeys(names))}
    if len(number_of) < 2:
        return None
    rows = np.array([answer.index for answer in pieces.values()], dtype=np.intp)
    told = np.array([UNTOLD if a.label is None else number_of[a.label] for a in pieces.values()], dtype=np.intp)
    n_open, looked_at = _open_pieces(pool, labels)
    scores, open_scores, gains = _scores(pool, rows, told, looked_at)
    place_of = {piece: place for place, piece in enumerate(pieces)}
    known = np.zeros((len(drawn), len(rows)), dtype=bool)
    for line, draw in zip(known, drawn, strict=True):
        before = {_piece(pool, pool.row_of[image]) for image in draw.before} - {_piece(pool, pool.row_of[draw.image])}
        line[[place_of[piece] for piece in before if piece in place_of]] = True
    n, n_known = len(rows) + n_open, known.sum(axis=1)
    then = np.array([n if draw.n_pieces is None else draw.n_pieces for draw in drawn])
    # As if drawn from all pieces of now.
    chances = np.array([draw.chance for draw in drawn]) * (then - n_known) / (n - n_known)
    return AuditSample(
        tuple(number_of), told, scores, open_scores, n_open,
        np.array([place_of[_piece(pool, pool.row_of[draw.image])] for draw in drawn], dtype=np.intp),
        chances, known, gains,
    )  # fmt: skip


def draws_of_this_pool(pool: Pool, labels: RecordedLabels) -> list[AuditDraw]:
    """Those from as many pieces as there are now, or nearly; of others the chances do not add up."""
    pool = _as_drawn(pool, labels)
    n = len(_answered_pieces(pool, labels)) + _open_pieces(pool, labels)[0]
    return [draw for draw in labels.draws if draw.n_pieces is None or abs(draw.n_pieces - n) <= MOST_CHANGED * n]


def images_stood_for(pool: Pool, labels: RecordedLabels) -> dict[int, float]:
    """By row, how many images (or groups) without a label by then each audit label stands for: 1 / chance."""
    return {
        pool.row_of[draw.image]: 1 / draw.chance for draw in draws_of_this_pool(pool, labels) if draw.label is not None
    }


def drawn_one_by_one(pool: Pool, labels: RecordedLabels) -> bool:
    """Whether images of groups were drawn, not groups."""
    return pool.groups is not None and bool((labels.settings or {}).get("one_by_one", False))


def _as_drawn(pool: Pool, labels: RecordedLabels) -> Pool:
    """Where images were drawn one by one each is a piece: those that look like it may be among the labels for the others too."""
    return replace(pool, groups=None) if drawn_one_by_one(pool, labels) else pool


def _piece(pool: Pool, row: int) -> int:
    return row if pool.groups is None else int(pool.groups[row])


def _answered_pieces(pool: Pool, labels: RecordedLabels) -> dict[int, Answer]:
    """One answer of each piece: that of its draw, else the first."""
    pieces: dict[int, Answer] = {}
    for answer in labels.answers:
        piece = _piece(pool, answer.index)
        if answer.chance is not None or piece not in pieces:
            pieces[piece] = answer
    return pieces


def _open_pieces(pool: Pool, labels: RecordedLabels) -> tuple[int, IndexArray]:
    """How many pieces have no answer, and the rows that are looked at of them."""
    rows = rows_of_other_groups(pool, labels.answered)
    if pool.present is not None:
        rows = rows[pool.present[rows]]
    if len(rows) <= MOST_LOOKED_AT:
        return len(rows), rows
    return len(rows), np.sort(np.random.default_rng(0).choice(rows, MOST_LOOKED_AT, replace=False))


def _scores(pool: Pool, rows: IndexArray, told: IndexArray, looked_at: IndexArray) -> tuple[Values, Values, Values]:
    is_told = told != UNTOLD
    classifier = RidgeClassifier(normalised(pool.features[rows[is_told]]), told[is_told])
    scores, gains = np.empty((len(rows), int(told.max()) + 1)), np.zeros(len(rows))
    scores[is_told] = classifier.scores_left_out()
    scores[~is_told] = classifier.scores(normalised(pool.features[rows[~is_told]]))
    right = scores[is_told].argmax(axis=1) == told[is_told]
    gains[is_told] = gains_of(np.bincount(told[is_told])[told[is_told]], right, classifier.right_without_two())
    return scores, classifier.scores(normalised(pool.features[looked_at])), gains


def gains_of(counts: IndexArray, right: NDArray[np.bool_], right_without_two: Values) -> Values:
    """The chance that each wrong piece would be right with one label more of its class, of which there are `counts` (n,).

    From what it costs to leave out two labels in place of one: a curve that rises by b t^-1.5 with label t of a class.
    """
    known = np.isfinite(right_without_two)
    if not known.any():
        return np.zeros(len(counts))
    cost = float((right[known] - right_without_two[known]).sum())
    steepness = max(cost, 0.0) / float(((counts[known] - 1.0) ** -1.5).sum())
    wrong = 1 - float(right[known].mean())
    chances = np.minimum(_LESS * steepness * counts.astype(float) ** -1.5 / max(wrong, 0.05), 1.0)
    return np.where(counts > 1, chances, 0.0)
