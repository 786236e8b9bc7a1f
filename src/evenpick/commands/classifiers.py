"""The commands that train a classifier and use it: train, evaluate, predict, report."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import EvenpickError
from ..paths import Paths
from .options import FILE, FOLDER, SEED, SPLIT, WORKSPACE, embed_with_bar
from .terminal import progress_bars

if TYPE_CHECKING:
    from ..classifiers import CrossValidation
    from ..pool import Pool
    from ..sources import SourceDescription
    from ..training import Model

# What a command needs is imported inside it, so that `evenpick --help` answers at once.

CORRECTIONS: dict[str, bool | str] = {"tuned": "tuned", "printed": True, "none": False}


@click.command()
@WORKSPACE
@click.option(
    "--strategy",
    default="svm",
    show_default=True,
    help="svm, logistic_regression, nearest_mean, finetune, or auto: the best of them on held-out folds.",
)
@click.option(
    "--prior-correction",
    type=click.Choice(list(CORRECTIONS)),
    default="tuned",
    show_default=True,
    help="For the frequencies of the classes: as far as the folds show to help, as the paper prints it, or not.",
)
@click.option("--folds", type=click.IntRange(min=2), default=10, show_default=True, help="Folds over the labels.")
@click.option("--epochs", type=click.IntRange(min=1), default=20, show_default=True, help="finetune: of the labels.")
@click.option("--learning-rate", type=float, default=0.01, show_default=True, help="finetune: of the first epochs.")
@click.option(
    "--max-minutes",
    type=click.FloatRange(min=0),
    default=30,
    show_default=True,
    help="finetune: at most about so long, with fewer folds and epochs; 0 leaves it out of auto.",
)
@click.option(
    "--self-training/--no-self-training",
    default=True,
    show_default=True,
    help="Try pseudo-labels of unlabelled images too, and keep them if the folds say that they help.",
)
@SEED
def train(
    workspace: Path, strategy: str, prior_correction: str, folds: int, epochs: int,
    learning_rate: float, max_minutes: float, self_training: bool, seed: int,
) -> None:  # fmt: skip
    """Train a classifier on the labels so far."""
    import numpy as np

    from ..labels import recorded_labels
    from ..pool import Pool
    from ..training import FineTuningOptions, FineTuningSettings, clear_checkpoints
    from ..training import train as fit

    pool = Pool.open(workspace)
    labels = recorded_labels(workspace, pool)
    if not labels.names:
        raise EvenpickError(f"workspace '{workspace}' has no label yet: label or import some first")
    # What a person could not tell has no class to be told.
    others = np.setdiff1d(np.arange(len(pool)), labels.answered) if self_training else ()
    with progress_bars() as begin:
        options = FineTuningOptions(
            FineTuningSettings(epochs=epochs, learning_rate=learning_rate),
            max_minutes,
            Paths(workspace).fine_tuning,
            begin("fine-tuning", "images"),
            _say,
        )
        correction = CORRECTIONS[prior_correction]
        model = fit(pool, labels.rows, labels.names, strategy, correction, seed, folds, options, others)
    model.save(Paths(workspace).model)
    clear_checkpoints(Paths(workspace).fine_tuning)
    click.echo(_trained(model))


@click.command()
@WORKSPACE
@FOLDER
@click.option("--labels", type=FILE, required=True, help="CSV with the class of the images of FOLDER.")
@SPLIT
def evaluate(workspace: Path, folder: Path, labels: Path, split: str | None) -> None:
    """Measure the classifier on the labelled test images of FOLDER."""
    from ..images import find_images
    from ..labels import read_labels
    from ..pool import pool_of_files
    from ..reports import write_evaluation
    from ..training import Model
    from ..training import evaluate as measure

    model = Model.load(Paths(workspace).model)
    pool, rows = _images_of(workspace, folder, model.source)
    table = read_labels(labels, [*rows, *find_images(folder)], (), split)
    tested = {image_id: label for image_id, label in table.labels.items() if image_id in rows}
    if not tested:
        raise EvenpickError(f"'{labels}' labels no readable image of '{folder}'")
    test_pool = pool_of_files(pool, {image_id: rows[image_id] for image_id in tested}, folder)
    result = measure(model, test_pool, list(tested.values()))
    write_evaluation(workspace, result, f"{folder}, labelled by {labels.name}")
    plain = f"{result.accuracy:.1%} ± {100 * result.accuracy_half_width:.1f}"
    corrected = f"{result.corrected_accuracy:.1%} ± {100 * result.corrected_half_width:.1f}"
    click.echo(
        f"Macro accuracy on {result.n_images} test images of {len(result.classes)} classes: "
        + (
            f"{corrected} with and {plain} without prior correction."
            if model.choice.tau
            else f"{plain} (this classifier corrects for no prior; with the printed correction {corrected})."
        )
    )
    if result.undiscovered:
        click.echo(f"{len(result.undiscovered)} classes were never found and count 0.")
    if missed := len(table.labels) - len(tested):
        click.echo(f"{missed} labelled images cannot be read and were left out.")


@click.command()
@WORKSPACE
@FOLDER
@click.option("--out", type=FILE, default="predictions.csv", show_default=True, help="CSV to write.")
def predict(workspace: Path, folder: Path, out: Path) -> None:
    """Say the class of every image of FOLDER with the trained classifier."""
    from ..labels import write_predictions
    from ..training import Model

    model = Model.load(Paths(workspace).model)
    pool, rows = _images_of(workspace, folder, model.source)
    probabilities = model.predict_proba(pool)[list(rows.values())]
    names = [model.classes[i] for i in probabilities.argmax(axis=1)]
    write_predictions(out, list(rows), names, probabilities.max(axis=1).tolist())
    click.echo(f"{len(rows):,} predictions written to '{out}'.")


@click.command()
@WORKSPACE
@click.option("--title", help="What the page is called.")
def report(workspace: Path, title: str | None) -> None:
    """Write what was chosen, found and reached as one HTML page, JSON and CSV."""
    from ..reports import write_report

    click.echo(f"The report: {write_report(workspace, title).resolve()}")


def _images_of(workspace: Path, folder: Path, described: "SourceDescription | None") -> tuple["Pool", dict[str, int]]:
    """A pool seen with the model's source, and the row in it of every readable image of the folder, copies too."""
    from ..pool import embedded_already, forget_if_changed, rows_of_files
    from ..training import source_of

    source = source_of(described)
    embedded = Paths(workspace).other_folder(folder)
    forget_if_changed(embedded, folder)
    result = embedded_already(workspace, folder, source) or embed_with_bar(embedded, folder, source)
    return result.pool, rows_of_files(result, folder)


def _say(words: str) -> None:
    click.echo(words, err=True)


def _accuracies(folds: "CrossValidation") -> str:
    if folds.corrected_accuracy == folds.accuracy:
        return f"{folds.accuracy:.1%}"
    return f"{folds.corrected_accuracy:.1%} with and {folds.accuracy:.1%} without prior correction"


def _trained(model: "Model") -> str:
    from ..classifiers import SUFFIX, head_of

    choice, best, head = model.choice, model.cross_validation, head_of(model.strategy)
    c = f"C = {choice.c:g}, " if head and len(head.grid) > 1 else ""
    lines = [
        f"Trained {model.strategy} on {sum(model.counts)} labels of {len(model.classes)} classes"
        f"{' and on pseudo-labels of unlabelled images' if model.strategy.endswith(SUFFIX) else ''}: "
        f"{c}temperature {choice.temperature:.3g}, tau = {choice.tau:g}."
    ]
    if best:
        picked = (
            "; the strategy was picked on them, which flatters it a little" if len(model.cross_validations) > 1 else ""
        )
        lines.append(
            f"On held-out folds of the labels, macro accuracy over the {best.n_classes} classes of {len(model.classes)} that "
            f"could be held out (C and tau chosen without the fold that is judged{picked}):"
        )
    lines += [
        f"  {name}: {_accuracies(folds)}; calibration error {folds.calibration_error_before:.3f} before and {folds.calibration_error:.3f} after"
        for name, folds in model.cross_validations.items()
    ]
    lines += [
        f"{folds.bounds[0].upper()}{folds.bounds[1:]}." for folds in model.cross_validations.values() if folds.bounds
    ]
    if model.left_out:
        lines.append(f"Fine-tuning was not tried: {model.left_out}.")
    return "\n".join(lines)
