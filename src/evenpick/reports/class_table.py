"""The classes of a report, worst first: labels before and after balancing, share of the pool, and recall with its interval."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..estimates import AuditEstimate, HeldOut
from ..labels import Annotation
from ..metrics import share_interval
from .evaluation_file import on_new_images
from .predictions import PoolClasses

# What the recalls are of, and what their intervals are.
OF_TEST = "test images, intervals of 95%"
OF_NEW = "test images that no label shows, intervals of 95%"
OF_AUDIT = "all images of the pool, by the audit labels and how sure the classifier is, intervals of 90%"
OF_FOLDS = "labelled images, each by a quick classifier that did not see it, intervals of 95%"
OF_NOTHING = ""  # there are too few labels to hold any out


def class_table(
    labelled: Sequence[Annotation],
    switch_at: int | None,
    evaluation: Mapping[str, Any] | None,
    audit: AuditEstimate | None,
    held: HeldOut | None,
    predicted: PoolClasses | None,
) -> tuple[list[dict[str, Any]], str]:
    """A row for every class that is labelled or tested, and what the recalls are of."""
    after = Counter(str(entry.label) for entry in labelled)
    before = Counter(str(entry.label) for entry in labelled[:switch_at])
    recalls, basis = _recalls(evaluation, audit, held)
    tested = {str(row["name"]): row for row in evaluation["classes"]} if evaluation else {}
    shares = _shares(audit, predicted)
    rows = []
    for name in {*after, *tested}:
        row: dict[str, Any] = {
            "class": name,
            "labels_before_balancing": before[name],
            "labels_added_by_balancing": after[name] - before[name],
            "labels": after[name],
            **dict(zip(("share_of_pool", "share_low", "share_high"), shares.get(name, (None,) * 3), strict=True)),
            **(recalls.get(name) or dict.fromkeys(("recall", "low", "high", "judged"))),
        }
        if evaluation:
            result = tested.get(name, {})
            row |= {key: result.get(key) for key in ("n_images", "accuracy", "corrected_accuracy")}
        rows.append(row)
    return sorted(rows, key=_worst_first), basis


def _shares(
    audit: AuditEstimate | None, predicted: PoolClasses | None
) -> dict[str, tuple[float, float | None, float | None]]:
    """The share of the pool of each class, with an interval where audit labels tell it."""
    if audit:
        return {one.name: (one.share.value, one.share.low, one.share.high) for one in audit.classes}
    return {name: (share, None, None) for name, share in (predicted.shares if predicted else {}).items()}


def _worst_first(row: Mapping[str, Any]) -> tuple[bool, float, int, str]:
    """A class of which no recall is known comes last."""
    recall = row["recall"]
    return recall is None, recall or 0.0, row["labels"], row["class"]


def _recalls(
    evaluation: Mapping[str, Any] | None, audit: AuditEstimate | None, held: HeldOut | None
) -> tuple[dict[str, dict[str, Any]], str]:
    """Of each class: its recall, the interval, and how many images say it."""
    new = on_new_images(evaluation) if evaluation else None
    if new and all("recall" in row for row in new["classes"]):  # as earlier versions did not keep it
        return {
            str(row["name"]): {
                "recall": row["recall"], "low": row["low"], "high": row["high"], "judged": row["n_images"]
            }
            for row in new["classes"]
        }, OF_TEST if new is evaluation else OF_NEW  # fmt: skip
    if audit:
        return {
            one.name: {
                "recall": one.recall.value, "low": one.recall.low, "high": one.recall.high, "judged": one.drawn
            }
            for one in audit.classes
        }, OF_AUDIT  # fmt: skip
    if held is None or not len(held.judged):
        return {}, OF_NOTHING
    given, taken_for = held.given[held.judged], held.taken_for[held.judged]
    sizes = np.bincount(given, minlength=len(held.classes))
    right = np.bincount(given, given == taken_for, minlength=len(held.classes))
    found = {}
    for name, n, hits in zip(held.classes, sizes.tolist(), right.tolist(), strict=True):
        if n:
            low, high = share_interval(hits / n, n)
            found[name] = {"recall": hits / n, "low": low, "high": high, "judged": n}
    return found, OF_FOLDS
