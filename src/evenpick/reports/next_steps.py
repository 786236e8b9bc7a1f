"""What to do next in a workspace, the first thing first: commands, and why."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..counting import counted
from ..estimates import points_gained

FIRST_BUDGET = 100  # labels, where nobody has said how many
AUDIT_LABELS = 50  # to propose: enough for an accuracy, few beside what a classifier needs
MANY_DOUBTS = 0.2  # of the labels: then the classifier that doubts them is itself weak


class Step(NamedTuple):
    """A command as a shell takes it, and what it is for."""

    command: str
    why: str

    def __str__(self) -> str:
        return f"  {self.command}\n      {self.why}"


def next_steps(facts: Mapping[str, Any]) -> list[Step]:
    """At most three, by the facts of a status."""
    return list(_steps(facts, shlex.quote(str(facts["workspace"]))))[:3]


def _steps(facts: Mapping[str, Any], workspace: str) -> Iterator[Step]:
    labels, budget = facts["labels"], facts["budget"]
    if not labels:
        size = "" if budget else f" --budget {min(FIRST_BUDGET, facts['images'])}"
        yield Step(f"evenpick label {workspace}{size}", "asks for the images that are worth most, in the browser")
        return
    left = (budget or 0) - labels
    if left > 0:
        until = facts["labels_until_accuracy"]
        tells = f"; after {until} of them those drawn at random tell an accuracy" if until else ""
        yield Step(f"evenpick label {workspace}", f"goes on: {left} of {budget} labels are left{tells}")
    enough = facts["classes_found"] > 1
    if enough and left <= 0 and facts["model"] is None:
        yield Step(f"evenpick train {workspace}", "makes a classifier of these labels")
    if enough and left <= 0 and facts["model"] == "out of date":
        yield Step(f"evenpick train {workspace}", "makes it anew: the labels have changed since")
    if left <= 0 and (gain := _gain(facts)):
        points, n = gain
        brought = f"{n} labels would bring about {counted(points, 'point')} more accuracy"
        yield Step(f"evenpick label {workspace} --budget {n}", brought)
    if doubts := facts["doubtful"]:
        yield Step(f"evenpick review {workspace}", _doubts(len(doubts), labels))
    if enough and not facts["audit_labels"] and not facts["labels_until_accuracy"] and not facts["at_random"]:
        yield Step(
            f"evenpick audit {workspace} --labels {AUDIT_LABELS}",
            "tells an accuracy that holds for this pool; "
            + ("test images speak of images like them" if _tested(facts) else "without it the figures are a guess"),
        )
    if facts["model"]:
        yield Step(f"evenpick report {workspace}", "shows all of it on one page")


def _gain(facts: Mapping[str, Any]) -> tuple[int, int] | None:
    """How many points twice the labels would bring, and how many they are, where that is worth it and can be told."""
    expected = facts["expectation"]
    if expected is None or facts["unseen"]["too_early"] or not expected["n_more"]:
        return None
    shown = (facts.get("audit") or {"macro": expected["now"]})["macro"]["value"]
    points = points_gained(shown, expected["now"]["value"], expected["doubled"]["value"])
    return (points, expected["n_labels"] + expected["n_more"]) if points else None


def _tested(facts: Mapping[str, Any]) -> bool:
    """Whether test images that no label shows tell how good the classifier of these labels is."""
    tested = facts.get("tested")
    return bool(tested and tested["of"] == "these labels" and not tested["none_is_new"])


def _doubts(n: int, labels: int) -> str:
    if n > MANY_DOUBTS * labels:
        return f"shows {n} labels that may be wrong; these are many: the first few will tell"
    return f"shows {n} {'label' if n == 1 else 'labels'} that may be wrong, the likeliest first"
