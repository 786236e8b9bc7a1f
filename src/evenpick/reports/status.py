"""Where a workspace stands, what to expect of its labels, and what more would buy: `evenpick status`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..counting import counted
from ..errors import EvenpickError, first_few
from ..estimates import Outlook, doubtful_labels, outlook_of_record
from ..labels import RecordedLabels, recorded_labels
from ..metrics import imbalance_ratio
from ..notebook import html_sentences, html_table
from ..paths import Paths
from ..pool import Pool
from ..session import labels_until_accuracy, phase_of
from ..training import Model
from .accuracies import test_figure
from .doubts import doubt_facts, doubts_in_words
from .evaluation_file import model_digest, read_evaluation
from .lines import in_lines
from .next_steps import next_steps
from .record_facts import is_of

# What a session does in each phase.
PHASES = {
    "discovery": "spreads over all images, to find classes",
    "balancing": "asks for rare classes first",
}

# What a classifier is of, by `model` in the facts.
MODELS = {"current": "of these labels", "out of date": "out of date: the labels have changed since it was trained"}


@dataclass(frozen=True, repr=False)
class Status:
    """Where a workspace stands and what to expect.

    Attributes
    ----------
    facts : dict
        Everything, as JSON values.
    outlook : Outlook
        What to expect.
    """

    facts: dict[str, Any]
    outlook: Outlook

    @property
    def title(self) -> str:
        """What the rows are of."""
        return f"{self.facts['workspace']}: {self.facts['images']:,} images. In brackets: from, to, nine times in ten."

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The numbers with their names, for a table."""
        facts = self.facts
        of = f" of {facts['budget']}" if facts["budget"] else ""
        skipped = f", {facts['not_told']} could not be told" if facts["not_told"] else ""
        ratio = facts["imbalance_ratio"]
        return [
            ("labels", f"{facts['labels']}{of}{skipped}"),
            *([("of images drawn at random", str(drawn))] if (drawn := facts["audit_labels"]) else []),
            *([("images whose file is gone, not asked for", f"{facts['gone']:,}")] if facts["gone"] else []),
            *([("images that inherited them", f"{facts['inherited']}")] if facts["inherited"] else []),
            ("phase", f"{facts['phase']}: {PHASES[facts['phase']]}"),
            ("classes found", str(facts["classes_found"])),
            ("imbalance ratio over them", "none yet" if ratio is None else f"{ratio:.2f}; 0: as many labels of each"),
            *(_hits(facts) if facts["guesses_offered"] else []),
            *([("classifier", MODELS[facts["model"]])] if facts["model"] else []),
            *([("macro accuracy on test images", _tested_in_words(facts["tested"]))] if facts["tested"] else []),
            *((name, value + _meaning(name)) for name, value in self.outlook.rows),
        ]

    @property
    def next(self) -> str:
        """What to do next, the first thing first, and why."""
        return "\n".join(["Next:", *map(str, next_steps(self.facts))])

    @property
    def sentences(self) -> list[str]:
        """What is still to be found, what is reached, what more labels would buy, and what to look at again."""
        again = self.facts["replaced_since"]
        doubts = doubts_in_words(self.facts["doubtful"], self.facts["workspace"])
        return [*self.outlook.sentences, *doubts, *([_look_again(again)] if again else [])]

    def __repr__(self) -> str:
        return "\n".join([self.next, self.title, in_lines(self.rows), *self.sentences])

    def _repr_html_(self) -> str:
        steps = html_table("Next", [(step.command, step.why) for step in next_steps(self.facts)])
        return steps + html_table(self.title, self.rows) + html_sentences(self.sentences)


def _meaning(name: str) -> str:
    return "; each class counts the same" if name.startswith("macro accuracy") else ""


def _hits(facts: dict[str, Any]) -> list[tuple[str, str]]:
    offered, first, one = facts["guesses_offered"], facts["guesses_first_right"], facts["guesses_one_right"]
    return [
        ("labels given with guesses", str(offered)),
        ("the first guess was right", f"{first / offered:.0%}"),
        ("one of the guesses was right", f"{one / offered:.0%}"),
    ]


def _guess_facts(labels: RecordedLabels) -> dict[str, int]:
    """Of the labels that guesses were offered with, how many are the first guess, and how many are one of them."""
    labelled = [said for said in labels.annotations if said.label is not None and said.offered]
    return {
        "guesses_offered": len(labelled),
        "guesses_first_right": sum(said.label == said.offered[0] for said in labelled),
        "guesses_one_right": sum(said.label in said.offered for said in labelled),
    }


def _look_again(images: Sequence[str]) -> str:
    files, them = (
        ("file of 1 labelled image was", "it")
        if len(images) == 1
        else (f"files of {len(images):,} labelled images were", "them")
    )
    return f"The {files} replaced since; look at {them} again: {first_few(images)}."


def workspace_status(workspace: Path) -> Status:
    """The status of a workspace; changes nothing.

    Raises
    ------
    EvenpickError
        If there is no pool.
    """
    pool = Pool.open(workspace)
    labels = recorded_labels(workspace, pool)
    model = _model(workspace)
    counts, settings, until = labels.seen.counts, labels.settings, labels_until_accuracy(pool, labels)
    expected = outlook_of_record(pool, labels, until)
    facts = {
        "workspace": str(workspace),
        "images": len(pool),
        "gone": 0 if pool.present is None else int((~pool.present).sum()),
        "replaced_since": list(labels.replaced_since),
        "labels": len(labels.seen.names),
        "audit_labels": sum(draw.label is not None for draw in labels.draws),
        "labels_until_accuracy": until,
        "inherited": len(labels.names) - len(labels.seen.names),
        "budget": settings["budget"] if settings else None,
        "not_told": len(labels.seen.skipped),
        "phase": phase_of(pool, labels.answers, settings["budget"], settings["balancing"]) if settings else "discovery",
        "classes_found": len(counts),
        "imbalance_ratio": imbalance_ratio(list(counts.values())) if counts else None,
        **_guess_facts(labels),
        **expected.facts,
        "doubtful": doubt_facts(pool, doubtful_labels(pool, labels.seen.rows, labels.seen.names)),
        "at_random": expected.at_random,
        "model": model and _state_of(model, labels),
        "tested": _tested(workspace, model, labels),
    }
    facts["next"] = [{"command": step.command, "why": step.why} for step in next_steps(facts)]
    return Status(facts, expected)


def _model(workspace: Path) -> Model | None:
    """The classifier; None where there is none, or it is to be trained anew."""
    try:
        return Model.load(Paths(workspace).model) if Paths(workspace).model_json.exists() else None
    except EvenpickError:
        return None


def _state_of(model: Model, labels: RecordedLabels) -> str:
    """Whether a classifier is of these labels."""
    return "current" if is_of(model, labels.counts) else "out of date"


def _tested(workspace: Path, model: Model | None, labels: RecordedLabels) -> dict[str, Any] | None:
    """What was measured on test images, and of which classifier; None where nothing was, or it cannot be read."""
    try:
        evaluation = read_evaluation(workspace)
    except EvenpickError:
        return None
    if evaluation is None:
        return None
    evaluation.setdefault("tau", model.choice.tau if model else 0)  # which earlier versions did not keep
    of = "another classifier"
    if model and evaluation["model"] == model_digest(workspace):
        of = "these labels" if is_of(model, labels.counts) else "earlier labels"
    return {**test_figure(evaluation), "of": of}


def _tested_in_words(tested: dict[str, Any]) -> str:
    of = {"these labels": "", "earlier labels": "; of the labels before they changed"}
    said = f"{tested['accuracy']:.0%} ({tested['low']:.0%} to {tested['high']:.0%}, nineteen times in twenty)"
    said += f" on {counted(tested['n_images'], 'image')}{of.get(tested['of'], '; of an earlier classifier')}"
    return f"{said}; labels show all of them, so it says nothing of new ones" if tested["none_is_new"] else said
