"""Fine-tuning on the folds: how many folds and epochs the time allows, and what the held-out images say.

Fine-tuning has no C to choose. The temperature and tau that judge a fold are chosen on the held-out images of the
other folds, so that no image takes part in a choice that it judges.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cross_validation import Choice, Validated, Values, choose, log_prior, validated
from .errors import EvenpickError
from .fine_tuning import FineTuned, FineTuningSettings, Progress, fine_tune, seconds_per_image
from .trainable_source import trainable

FEWEST_FOLDS, FEWEST_EPOCHS = 2, 3
ON_TOP = 1.3  # measured: decoding, checkpoints and judging take up to a third more than the training steps


class FineTuningLeftOut(EvenpickError):
    """Fine-tuning cannot be done here, or not in the time that is allowed."""


@dataclass(frozen=True)
class FineTuningOptions:
    """How the strategy "finetune" trains, and for how long at most.

    Attributes
    ----------
    settings : FineTuningSettings
    max_minutes : float or None
        Fewer folds, then fewer epochs are run to stay within it; None for no bound.
    checkpoints : Path or None
        Folder of a checkpoint for each fold and for the whole, so that a killed run goes on; emptied at the end.
    progress : callable
        Told the images done, the images in all over every fold and epoch, and the loss.
    announce : callable
        Told in words what is about to happen and how long it may take.
    """

    settings: FineTuningSettings = field(default_factory=FineTuningSettings)
    max_minutes: float | None = 30.0
    checkpoints: Path | None = None
    progress: Progress = lambda done, total, loss: None
    announce: Callable[[str], None] = lambda words: None


@dataclass(frozen=True)
class Plan:
    """Folds and epochs that the time allows, the minutes they are estimated to take, and what was bounded in words."""

    n_folds: int
    epochs: int
    minutes: float
    bounds: str


def planned(source: Mapping[str, Any], n_labels: int, n_folds: int, options: FineTuningOptions) -> Plan:
    """What can be run within the time; raises FineTuningLeftOut if the source cannot be trained or nothing fits."""
    reason = trainable(source)
    if reason is not None:
        raise FineTuningLeftOut(reason)
    wanted, most = options.settings.epochs, options.max_minutes
    if most is not None and most <= 0:
        raise FineTuningLeftOut("no time is allowed for fine-tuning; raise max_minutes (--max-minutes)")
    each = ON_TOP * seconds_per_image(source, options.settings) / 60

    def minutes(folds: int, epochs: int) -> float:
        return n_labels * epochs * each * (folds * (1 - 1 / n_folds) + 1)

    folds, epochs = n_folds, wanted
    while most is not None and minutes(folds, epochs) > most:
        if folds > min(FEWEST_FOLDS, n_folds):
            folds -= 1
        elif epochs > min(FEWEST_EPOCHS, wanted):
            epochs -= 1
        else:
            raise FineTuningLeftOut(
                f"on {n_labels} labels fine-tuning would take about {minutes(folds, epochs):.0f} minutes here even with "
                f"{folds} folds and {epochs} epochs; {most:g} are allowed: raise max_minutes (--max-minutes)"
            )
    cuts = [f"{folds} of {n_folds} folds"] * (folds < n_folds) + [f"{epochs} of {wanted} epochs"] * (epochs < wanted)
    options.announce(f"Fine-tuning: about {minutes(folds, epochs):.0f} minutes for {folds} folds and all labels.")
    bounds = f"fine-tuning was bounded to {' and '.join(cuts)} by {most:g} minutes" if cuts else ""
    return Plan(folds, epochs, minutes(folds, epochs), bounds)


def validate_network(
    source: Mapping[str, Any],
    files: Sequence[Path],
    labels: NDArray[np.intp],
    folds: NDArray[np.intp],
    plan: Plan,
    options: FineTuningOptions,
    taus: Sequence[float],
    seed: int,
) -> tuple[Validated, FineTuned]:  # fmt: skip
    """The network trained on all labels, and what the folds of the plan say of it."""
    settings = replace(options.settings, epochs=plan.epochs)
    run = [int(fold) for fold in np.unique(folds[folds >= 0])[: plan.n_folds]]
    parts = [*(folds != fold for fold in run), np.ones(len(labels), bool)]
    total = sum(int(part.sum()) for part in parts) * plan.epochs
    scores, before = np.full((1, len(labels), int(labels.max()) + 1), np.nan), 0
    tuned = None
    for name, part in zip([*(f"fold-{fold}" for fold in run), "all"], parts, strict=True):
        mine, offset = [files[i] for i in np.flatnonzero(part).tolist()], before

        def progress(done: int, _: int, loss: float, offset: int = offset) -> None:
            options.progress(offset + done, total, loss)

        checkpoint = options.checkpoints and options.checkpoints / f"{name}.safetensors"
        tuned = fine_tune(source, mine, labels[part], settings, seed, checkpoint, progress)
        before += int(part.sum()) * plan.epochs
        if not part.all():
            scores[0, ~part] = tuned.logits([files[i] for i in np.flatnonzero(~part).tolist()])
    assert tuned is not None  # the last part is always there
    found = _judged(scores, labels, np.where(np.isin(folds, run), folds, -1), taus, plan.bounds)
    _empty(options.checkpoints)
    return found, tuned


def _judged(
    scores: Values, labels: NDArray[np.intp], folds: NDArray[np.intp], taus: Sequence[float], bounds: str
) -> Validated:
    choices: dict[int, Choice] = {}
    for fold in np.unique(folds[folds >= 0]):
        others = scores.copy()
        others[:, folds == fold] = np.nan
        choices[int(fold)] = choose(others, labels, (1.0,), taus)[0]
    priors = {fold: log_prior(np.bincount(labels[folds != fold])) for fold in choices}
    choice, accuracy_of_c = choose(scores, labels, (1.0,), taus)
    return validated(
        choice, accuracy_of_c, labels, folds, {f: (scores[0], choices[f], priors[f]) for f in choices}, bounds
    )


def _empty(folder: Path | None) -> None:
    if folder is not None and folder.is_dir():
        for file in folder.glob("*.safetensors"):
            file.unlink()
        folder.rmdir()
