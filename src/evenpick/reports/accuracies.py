"""Every accuracy that is known of a workspace, with its interval and what it holds for, and the three sentences that say most."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..estimates import Outlook
from .evaluation_file import on_new_images
from .next_steps import Step, next_steps


def accuracy_facts(
    evaluation: Mapping[str, Any] | None, outlook: Outlook, model: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """What is measured before what is estimated; `low` and `high` are None where there is no interval."""
    lines = _of_test_images(evaluation) if evaluation else []
    audit, now, later, expected = outlook.audit, outlook.accuracy_now, outlook.accuracy_later, outlook.expectation
    if audit and now:
        of = f"all images of this pool, by {audit.n_told} audit labels"
        lines.append(_line("mean recall of all classes", now, of, 90))
        lines.append(_line("images recognised", audit.accuracy, of, 90))
    elif now:
        lines.append(
            _line("to expect now, a guess", now, "images like those of this pool, from labels that were chosen", 90)
        )
    if later and expected:
        lines.append(
            _line(f"with {expected.n_labels + expected.n_more} labels", later, "the same, by the learning curve", 90)
        )
    folds = model["cross_validation"] if model else None
    if model and folds:
        of = f"{folds['n_held_out']} labelled images, held out in folds: they were chosen, so new images differ"
        lines.append(
            {
                "name": "on held-out folds",
                "value": folds["corrected_accuracy"],
                "low": None,
                "high": None,
                "interval": "",
                "holds_for": of,
            }
        )
    return lines


def test_figure(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """The macro accuracy on test images, between which shares, and of how many images; on those that no label shows, if it can."""
    new = on_new_images(evaluation)
    value, half = _macro(new)
    return {
        "test_set": evaluation["test_set"],
        "n_images": new["n_images"],
        "accuracy": value,
        "low": max(value - half, 0.0),
        "high": min(value + half, 1.0),
        "none_is_new": _none_is_new(evaluation),
    }


def _none_is_new(evaluation: Mapping[str, Any]) -> bool:
    """Whether labels show all of the test images."""
    return _known(evaluation) > 0 and on_new_images(evaluation) is evaluation


def _known(evaluation: Mapping[str, Any]) -> int:
    """Test images that labels show."""
    return int(evaluation.get("among_labels", 0) + evaluation.get("near_labels", 0))


def headline(facts: Mapping[str, Any], outlook: Outlook, steps: Sequence[Step]) -> list[str]:
    """How good, how sure, and what to do next: a sentence or two each."""
    return [*_how_good(facts, outlook), _what_next(facts, outlook, steps)]


def _of_test_images(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    new = on_new_images(evaluation)
    those = f" that no label shows, of {evaluation['n_images']}" if new is not evaluation else ""
    of = f"{new['n_images']} test images{those} ({evaluation['test_set']})"
    lines = [_measured("mean recall of all classes", *_macro(new), of)]
    overall = new.get("overall_accuracy")  # which earlier versions did not keep
    if overall is not None:
        lines.append(_measured("images recognised", overall, new["overall_half_width"], of))
    return lines


def _macro(evaluation: Mapping[str, Any]) -> tuple[float, float]:
    """As the classifier predicts: with its correction, if it makes one."""
    if evaluation["tau"]:
        return evaluation["corrected_accuracy"], evaluation["corrected_half_width"]
    return evaluation["accuracy"], evaluation["accuracy_half_width"]


def _measured(name: str, value: float, half: float, of: str) -> dict[str, Any]:
    interval = {"low": max(value - half, 0.0), "high": min(value + half, 1.0), "interval": "95%"}
    return {"name": name, "value": value, **interval, "holds_for": of}


def _line(name: str, estimate: Any, of: str, percent: int) -> dict[str, Any]:
    interval = {"low": estimate.low, "high": estimate.high, "interval": f"{percent}%"}
    return {"name": name, "value": estimate.value, **interval, "holds_for": of}


def _how_good(facts: Mapping[str, Any], outlook: Outlook) -> list[str]:
    evaluation, audit, now = facts["evaluation"], outlook.audit, outlook.accuracy_now
    if evaluation:
        new = on_new_images(evaluation)
        value, half = _macro(new)
        n, missing = len(new["classes"]), len([one for one in new["classes"] if not one["discovered"]])
        lost = (
            f"; {missing} of them {'has no label yet and counts' if missing == 1 else 'have no label yet and count'} 0"
            if missing
            else ""
        )
        warned = ""
        if _none_is_new(evaluation):
            warned = " But labels show all of these images, so the figure says nothing of new ones."
        elif known := _known(evaluation):
            warned = f" {known} more that labels show are left out."
        return [
            f"The classifier recognises {value:.0%} of the images of a class, on average over the {n} classes of the test set{lost}.",
            f"{new['n_images']} test images say so: for others like them expect {_span(value - half, value + half)}, "
            f"nineteen times in twenty.{warned}",
        ]
    if audit and now:
        return [
            f"A classifier on these labels recognises {now.value:.0%} of the images of a class, on average over all classes of the pool.",
            f"{audit.n_told} images drawn at random say so: for this pool expect {_span(now.low, now.high)}, nine times in ten.",
        ]
    if now:
        sure = (
            "That holds for images like those of this pool, as the labels were drawn at random"
            if outlook.at_random
            else f"That is a guess, from labels that were chosen; {outlook.what_holds}"
        )
        return [
            f"Expect {'the classifier' if facts['model'] else 'a classifier on these labels'} to recognise about {now.value:.0%} of the images of a class, on average over all classes.",
            f"{sure}: {_span(now.low, now.high)}, nine times in ten.",
        ]
    return [
        "How good a classifier on these labels is cannot be told yet.",
        f"There {'is 1 label' if facts['n_labels'] == 1 else 'are ' + str(facts['n_labels']) + ' labels'} of "
        f"{facts['classes_found']} {'class' if facts['classes_found'] == 1 else 'classes'}: an estimate needs 20 labels, "
        "and most classes named more than once.",
    ]


def steps_of(facts: Mapping[str, Any], outlook: Outlook) -> list[Step]:
    """What `status` proposes too, but for the report that is being read."""
    model, settings, evaluation = facts["model"], facts["settings"], facts["evaluation"]
    steps = next_steps(
        {
            **facts,
            "labels": facts["n_labels"],
            "images": facts["n_images"],
            "budget": settings["budget"] if settings else None,
            "model": model and ("out of date" if model["out_of_date"] else "current"),
            "audit_labels": outlook.audit.n_told if outlook.audit else facts["n_audit_labels"],
            "at_random": outlook.at_random,
            "tested": evaluation
            and {
                "of": "earlier labels" if model and model["out_of_date"] else "these labels",
                "none_is_new": _none_is_new(evaluation),
            },
        }
    )
    return [step for step in steps if not step.command.startswith("evenpick report")]


def _what_next(facts: Mapping[str, Any], outlook: Outlook, steps: Sequence[Step]) -> str:
    evaluation = facts["evaluation"]
    if evaluation and evaluation["undiscovered"]:
        names = ", ".join(map(str, evaluation["undiscovered"][:3]))
        return f"Next: label some of what has no label yet, such as {names}."
    if steps:
        return f"Next, `{steps[0].command}`: {steps[0].why}."
    step = outlook.next_step.removeprefix("Next: ")
    return f"Next: {step[0].lower()}{step[1:]}" if step else "Next: label on."


def _span(low: float, high: float) -> str:
    return f"between {max(low, 0):.0%} and {min(high, 1):.0%}"
