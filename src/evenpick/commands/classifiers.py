"""The commands that train a classifier and use it, and compare sources for it: compare-sources, train, evaluate, predict."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..counting import counted
from ..progress import by_name, progress_bars
from .options import BOXES, FILE, FOLDER, JSON, SEED, SPLIT, WORKSPACE
from .terminal import print_json, print_left_out, print_table

if TYPE_CHECKING:
    from ..classifiers import CrossValidation
    from ..training import ClassResult, Model

# What a command needs is imported inside it, so that `evenpick --help` answers at once.

CLASSES_SHOWN = 20
PAIRS_SHOWN = 5
CORRECTIONS: dict[str, bool | str] = {"tuned": "tuned", "printed": True, "none": False}


@click.command(name="compare-sources")
@WORKSPACE
@click.option(
    "--source", "names", multiple=True, metavar="NAME", default=["efficientnet_lite2"], show_default=True,
    help="To compare with the pool's own; may be repeated; NAME+NAME is two side by side; see `evenpick sources`.",
)  # fmt: skip
@SEED
def compare_sources(workspace: Path, names: tuple[str, ...], seed: int) -> None:
    """Say which source model suits the labelled images best.

    Each --source is compared on its own; NAME+NAME is one source of two networks that look at each image side by side.
    """
    from ..workspace import Workspace

    with progress_bars() as begin:
        found = Workspace(workspace).compare_sources(names, seed, progress=begin("embedding", "images"))
    print_table(f"Sources on {found.n_labels} labels", found.columns, found.rows)
    click.echo(found.sentence)


@click.command()
@WORKSPACE
@click.option(
    "--strategy",
    default="logistic_regression",
    show_default=True,
    help="logistic_regression, svm, nearest_mean, finetune, or auto: the best of them on held-out folds.",
)
@click.option(
    "--prior-correction",
    type=click.Choice(list(CORRECTIONS)),
    default="tuned",
    show_default=True,
    help="For the frequencies of the classes: as each strategy is best, as the paper prints it, or not.",
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
    help="Try pseudo-labels of unlabelled images too; the folds decide whether they stay.",
)
@SEED
def train(
    workspace: Path, strategy: str, prior_correction: str, folds: int, epochs: int,
    learning_rate: float, max_minutes: float, self_training: bool, seed: int,
) -> None:  # fmt: skip
    """Train a classifier on the labels so far."""
    from ..training import FineTuningOptions, FineTuningSettings
    from ..workspace import Workspace

    settings = FineTuningSettings(epochs=epochs, learning_rate=learning_rate)
    with progress_bars() as begin:
        options = FineTuningOptions(settings, max_minutes, progress=begin("fine-tuning", "images"), announce=_say)
        model = Workspace(workspace).train(
            strategy,
            CORRECTIONS[prior_correction],
            seed,
            n_folds=folds,
            self_training=self_training,
            fine_tuning=options,
            progress=by_name(begin, "steps"),
        )
    click.echo(_trained(model))


@click.command()
@WORKSPACE
@FOLDER
@click.option("--labels", type=FILE, required=True, help="CSV with the class of the images of FOLDER.")
@SPLIT
@click.option("--skip-unknown", is_flag=True, help="Pass over images that are not in FOLDER.")
@BOXES
@JSON
def evaluate(workspace: Path, folder: Path, labels: Path, as_json: bool, **options: Any) -> None:
    """Measure the classifier on the labelled test images of FOLDER."""
    from ..workspace import Workspace

    work = Workspace(workspace)
    with progress_bars() as begin:
        result = work.evaluate(folder, labels, progress=begin("embedding", "images"), **options)
    if as_json:
        print_json(asdict(result))
        return
    click.echo("\n".join(result.sentences))
    if result.warning:
        click.echo(result.warning, err=True)
    worst = result.worst_first[:CLASSES_SHOWN]
    print_table(
        "Classes, the worst first; recall: of its images recognised; precision: right of those taken for it",
        ["class", "images", "recall (95 %)", "precision", "F1"],
        [_class_row(one) for one in worst],
    )
    if more := len(result.classes) - len(worst):
        least = result.worst_first[len(worst)].recall
        click.echo(f"{more} more classes{f', with a recall of {least:.0%} or more' if least else ''}: see --json.")
    if result.confusions:
        click.echo("\n  ".join(["Most confused:", *map(repr, result.confusions[:PAIRS_SHOWN])]))
    print_left_out(
        result.unreadable,
        "labelled image cannot be read and was left out",
        "labelled images cannot be read and were left out",
    )


@click.command()
@WORKSPACE
@FOLDER
@click.option("--out", type=FILE, default="predictions.csv", show_default=True, help="CSV to write.")
@click.option(
    "--probabilities",
    "every",
    is_flag=True,
    help="Write the second class, the margin and the probability of each class too.",
)
@click.option("--smooth", is_flag=True, help="Images that show the same thing, such as a burst, vote on one class.")
@BOXES
def predict(workspace: Path, folder: Path, out: Path, every: bool, smooth: bool, boxes: Path | None) -> None:
    """Say the class of every image of FOLDER with the trained classifier."""
    from ..workspace import Workspace

    with progress_bars() as begin:
        shown = begin("embedding", "images")
        predictions = Workspace(workspace).predict(folder, smooth=smooth, boxes=boxes, progress=shown)
    print_left_out(predictions.left_out)
    predictions.write_csv(out, every)
    click.echo(f"{counted(len(predictions.labels), 'prediction')} written to '{out}'.")
    if predictions.warning:
        click.echo(predictions.warning, err=True)


def _class_row(one: "ClassResult") -> list[str]:
    if not one.discovered:
        return [str(one.name), str(one.n_images), "never found", "", ""]
    recall = f"{one.recall:.0%} ({one.low:.0%} to {one.high:.0%})"
    return [
        str(one.name),
        str(one.n_images),
        recall,
        f"{one.precision:.0%}" if one.n_predicted else "never said",
        f"{one.f1:.2f}",
    ]


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
        f"{c}temperature {choice.temperature:.3g}, tau = {choice.tau:.3g}."
    ]
    if best:
        picked = (
            "; the strategy was picked on them, which flatters it a little" if len(model.cross_validations) > 1 else ""
        )
        lines.append(
            f"On held-out folds of the labels, macro accuracy over the {best.n_classes} classes of {len(model.classes)} that "
            f"could be held out (all that is chosen is chosen without the fold that is judged{picked}):"
        )
    lines += [
        f"  {name}: {_accuracies(folds)}; calibration error {folds.calibration_error_before:.3f} before and {folds.calibration_error:.3f} after"
        for name, folds in model.cross_validations.items()
    ]
    lines += [
        f"{folds.bounds[0].upper()}{folds.bounds[1:]}." for folds in model.cross_validations.values() if folds.bounds
    ]
    if model.warning:
        lines.append(model.warning)
    if model.left_out:
        lines.append(f"Fine-tuning was not tried: {model.left_out}.")
    return "\n".join(lines)
