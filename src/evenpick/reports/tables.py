"""The CSV files beside a report: the numbers of each plot and list."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..atomic_files import write_csv


def write_tables(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write each that has a row; where none has, one of an earlier report goes."""
    for name, rows in tables_of(facts).items():
        if rows:
            write_csv(folder / name, list(rows[0]), (row.values() for row in rows))
        else:
            (folder / name).unlink(missing_ok=True)


def tables_of(facts: Mapping[str, Any]) -> dict[str, Sequence[Mapping[str, Any]]]:
    """The rows of each file."""
    confusions = facts["confusions"] or {"pairs": [], "mistakes": []}
    pairs = [_without(pair, "images") for pair in confusions["pairs"]]
    return {
        "classes.csv": facts["classes"],
        "labels.csv": facts["labelled"],
        "accuracies.csv": facts["accuracies"],
        "confusions.csv": pairs,
        "mistakes.csv": confusions["mistakes"],
        "map.csv": _map(facts["map"]),
        "found.csv": _found(facts["found"]),
        "learning.csv": _learning(facts["learning"]),
        "strategies.csv": _strategies(facts["model"]),
        "calibration.csv": facts["calibration"]["bins"] if facts["calibration"] else [],
        "source_classes.csv": [
            {"rank": i, "share": share} for i, share in enumerate(facts["source_view"]["shares"], 1)
        ],
        "doubtful.csv": facts["doubtful"],
    }


def _without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _map(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = {
        "image": "images",
        "x": "x",
        "y": "y",
        "label": "labels",
        "predicted": "predicted",
        "distance": "distance",
    }
    given = {name: facts[key] or [""] * facts["n_drawn"] for name, key in columns.items()}
    return [dict(zip(given, row, strict=True)) for row in zip(*given.values(), strict=True)]


def _found(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    at_random: Iterable[Any] = facts["random"] or [""] * len(facts["found"])
    return [
        {"labels": n, "classes_found": found, "expected_at_random": random}
        for n, (found, random) in enumerate(zip(facts["found"], at_random, strict=True), 1)
    ]


def _learning(facts: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if facts is None:
        return []
    folds = [
        {"of": "classes found, by folds", "labels": one["labels"], "value": one["accuracy"], "low": "", "high": ""}
        for one in facts["folds"]
    ]
    return [*folds, *({"of": "all classes", **one} for one in facts["all_classes"])]


def _strategies(model: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    tried = model["cross_validations"] if model else {}
    return [
        {"strategy": name, **_without(folds, "fold_accuracies", "accuracy_of_c", "bounds")}
        for name, folds in tried.items()
    ]
