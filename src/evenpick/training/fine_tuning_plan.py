"""Fine-tuning on the folds: how many folds and epochs the time allows, and what the held-out images say.

Fine-tuning has no C to choose. The temperature and tau that judge a fold are chosen on the held-out images of the
other folds, so that no image takes part in a choice that it judges.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Values
from ..atomic_files import LEFT_OVER, write_atomically
from ..classifiers import FoldJudge, Validated, choose, validated
from ..errors import EvenpickError, first_few
from ..images import Part
from ..sources import SourceDescription, trainable, weights_fingerprint
from .fine_tuning import FineTuned, Progress, fine_tune, seconds_per_image
from .fine_tuning_task import FineTuningSettings

FEWEST_FOLDS, FEWEST_EPOCHS = 2, 3
ON_TOP = 1.3  # measured: checkpoints and judging take up to a third more than the training steps
PLAN = "plan.json"
ONE_C = (1.0,)  # a network has no C to choose


class FineTuningLeftOut(EvenpickError):
    """Fine-tuning cannot be done here, or not in the time that is allowed."""


@dataclass(frozen=True)
class FineTuningOptions:
    """How the strategy "finetune" trains, and for how long at most.

    Attributes
    ----------
    settings : FineTuningSettings
    max_minutes : float or None
        Fewer folds, then fewer epochs are run so that the estimate, which depends on the machine and its load, stays
        within it; None for no bound.
    checkpoints : Path or None
        Folder of a checkpoint for each fold and for the whole, so that a killed run goes on. Once the model is
        saved, `clear_checkpoints` takes them away.
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
class NetworkTask:
    """What is fine-tuned on: the source as the pool describes it, images and class numbers (n,), their folds."""

    source: SourceDescription
    images: Sequence[Part]
    labels: IndexArray
    folds: IndexArray
    taus: Sequence[float]
    seed: int

    def digest(self, options: FineTuningOptions) -> str:
        """Hash of all that a plan and its checkpoints are made for."""
        parts = [
            self.source.to_json(),
            [str(image) for image in self.images],
            self.labels.tolist(),
            self.folds.tolist(),
        ]
        facts = [*parts, asdict(options.settings), options.max_minutes, self.seed]
        return hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Plan:
    """Folds and epochs that the time allows, the minutes they are estimated to take, and what was bounded in words."""

    n_folds: int
    epochs: int
    minutes: float
    bounds: str


def planned(task: NetworkTask, options: FineTuningOptions) -> Plan:
    """What can be run within the time; raises FineTuningLeftOut if nothing can.

    A killed run goes on with the plan that it began with, however fast the machine is now.
    """
    if (reason := _obstacle(task, options)) is not None:
        raise FineTuningLeftOut(reason)
    plan = _kept_plan(task, options) or _new_plan(task, options)
    if options.checkpoints is not None:
        options.checkpoints.mkdir(parents=True, exist_ok=True)
        facts = {"task": task.digest(options), **asdict(plan)}
        write_atomically(options.checkpoints / PLAN, json.dumps(facts).encode())
    options.announce(f"Fine-tuning: about {_in_words(plan.minutes)} for {plan.n_folds} folds and all labels.")
    return plan


def validate_network(task: NetworkTask, plan: Plan, options: FineTuningOptions) -> tuple[Validated, FineTuned]:
    """The network trained on all labels, and what the folds of the plan say of it."""
    settings = replace(options.settings, epochs=plan.epochs)
    run = [int(fold) for fold in np.unique(task.folds[task.folds >= 0])[: plan.n_folds]]
    parts = [*((f"fold-{fold}", task.folds != fold) for fold in run), ("all", np.ones(len(task.labels), bool))]
    total = sum(int(part.sum()) for _, part in parts) * plan.epochs
    scores, before = np.full((1, len(task.labels), int(task.labels.max()) + 1), np.nan), 0
    for name, part in parts:
        loss = float("nan")

        def progress(done: int, _: int, now: float, offset: int = before) -> None:
            nonlocal loss
            loss = now
            options.progress(offset + done, total, now)

        checkpoint = options.checkpoints and options.checkpoints / f"{name}.safetensors"
        tuned = fine_tune(
            task.source, _taken(task.images, part), task.labels[part], settings, task.seed, checkpoint, progress
        )
        before += int(part.sum()) * plan.epochs
        options.progress(before, total, loss)  # images held out for early stopping, and epochs that it saved
        if not part.all():
            scores[0, ~part] = tuned.logits(_taken(task.images, ~part))
    folds = np.where(np.isin(task.folds, run), task.folds, -1)
    return _judged(scores, task.labels, folds, task.taus, plan.bounds), tuned


def clear_checkpoints(folder: Path) -> None:
    """Take away what `validate_network` left to go on from, and the folder if nothing else is in it."""
    for file in [
        *folder.glob("fold-*.safetensors"),
        *folder.glob(LEFT_OVER),
        folder / "all.safetensors",
        folder / PLAN,
    ]:
        file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _obstacle(task: NetworkTask, options: FineTuningOptions) -> str | None:
    """Why fine-tuning cannot be begun, in words; None if it can."""
    if (reason := trainable(task.source)) is not None:
        return reason
    if options.max_minutes is not None and options.max_minutes <= 0:
        return "no time is allowed for fine-tuning; raise max_minutes (--max-minutes)"
    if task.source.fingerprint != weights_fingerprint(task.source.name):
        return f"source '{task.source.name}' has other weights now than when the images were embedded: embed again"
    if gone := [str(image) for image in task.images if not image.file.is_file()]:
        return f"images are missing: {first_few(gone)}; put them back or take their labels out"
    return None


def _kept_plan(task: NetworkTask, options: FineTuningOptions) -> Plan | None:
    """The plan of a run of this task that was killed."""
    try:
        facts = json.loads((options.checkpoints / PLAN).read_bytes()) if options.checkpoints else {}
        return Plan(**facts) if facts.pop("task", None) == task.digest(options) else None
    except (OSError, ValueError, TypeError, AttributeError):  # none, or damaged: it is made anew
        return None


def _new_plan(task: NetworkTask, options: FineTuningOptions) -> Plan:
    """Fewer folds first, then fewer epochs, until the estimated time fits."""
    wanted, most = options.settings.epochs, options.max_minutes
    all_folds = len(np.unique(task.folds[task.folds >= 0]))
    each = len(task.images) * ON_TOP * seconds_per_image(task.source, task.images, options.settings) / 60

    def minutes(folds: int, epochs: int) -> float:
        return epochs * each * (folds * (1 - 1 / max(all_folds, 1)) + 1)

    folds, epochs = all_folds, wanted
    while most is not None and minutes(folds, epochs) > most:
        if folds > min(FEWEST_FOLDS, all_folds):
            folds -= 1
        elif epochs > min(FEWEST_EPOCHS, wanted):
            epochs -= 1
        else:
            raise FineTuningLeftOut(
                f"on {len(task.images)} labels fine-tuning would take about {_in_words(minutes(folds, epochs))} here even "
                f"with {folds} folds and {epochs} epochs; {most:g} are allowed: raise max_minutes (--max-minutes)"
            )
    cuts = [f"{folds} of {all_folds} folds"] * (folds < all_folds) + [f"{epochs} of {wanted} epochs"] * (
        epochs < wanted
    )
    bounds = f"fine-tuning was bounded to {' and '.join(cuts)} by {most:g} minutes" if cuts else ""
    return Plan(folds, epochs, minutes(folds, epochs), bounds)


def _in_words(minutes: float) -> str:
    return f"{minutes:.0f} minutes" if minutes >= 100 else f"{minutes:.1f} minutes"


def _taken(images: Sequence[Part], part: NDArray[np.bool_]) -> list[Part]:
    return [images[i] for i in np.flatnonzero(part).tolist()]


def _judged(scores: Values, labels: IndexArray, folds: IndexArray, taus: Sequence[float], bounds: str) -> Validated:
    """What held-out scores (1, n, n_classes) say: a fold is judged with what the other folds choose."""
    judges = []
    for fold in np.unique(folds[folds >= 0]).tolist():
        others = np.where((folds == fold)[:, None], np.nan, scores)
        judges.append(FoldJudge(fold, scores[0], choose(others, labels, ONE_C, taus)[0]))
    choice, accuracy_of_c = choose(scores, labels, ONE_C, taus)
    return validated(choice, accuracy_of_c, labels, folds, judges, bounds)
