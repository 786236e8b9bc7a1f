"""The charts of a report, from its facts: what the templates draw."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from .charts import Axis, Chart, counting, shares
from .source_view import BARS

COLOURED = 6  # classes with a colour and a shape of their own; all others share one
MAP_WIDTH, MAP_HEIGHT, MAP_EDGE = 720, 460, 14
MOST_MARKS = 2000  # labelled images that are shapes with a name; the others are dots


def charts_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Every chart that the facts have numbers for."""
    drawn = {"found": found_chart(facts["found"]), "map": map_drawing(facts["map"], facts["classes"])}
    if facts["learning"]:
        drawn["learning"] = learning_chart(facts["learning"])
    if facts["calibration"]:
        drawn["calibration"] = calibration_chart(facts["calibration"])
    if facts["source_view"]["shares"]:
        drawn["source"] = source_chart(facts["source_view"]["shares"])
    return drawn


def found_chart(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Classes found, and those that labels drawn at random would have found."""
    found, at_random, n = facts["found"], facts["random"], len(facts["found"])
    chart = Chart(counting("labels given", n), counting("classes found", max(found[-1], *(at_random or [0]))))
    drawn = {**chart.frame(), "found": chart.steps([(0, 0), *zip(range(1, n + 1), found, strict=True)])}
    if at_random:
        step = max(n // 100, 1)
        drawn["random"] = chart.line([(0, 0), *((i + 1, at_random[i]) for i in range(0, n, step)), (n, at_random[-1])])
    if facts["switch_at"]:
        drawn["switch"] = chart.place(facts["switch_at"], 0)[0]
    return drawn


def learning_chart(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Accuracy by folds, and what is expected over all classes with its intervals."""
    ahead = facts["all_classes"]
    chart = Chart(counting("labels", ahead[-1]["labels"]), shares("macro accuracy"))
    folds = [(one["labels"], one["accuracy"]) for one in facts["folds"]]
    marks = [
        {"at": chart.place(one["labels"], one["value"]), "low": chart.place(0, one["low"])[1], "high": chart.place(0, one["high"])[1]}
        for one in ahead
    ]  # fmt: skip
    return {
        **chart.frame(), "folds": [chart.place(*point) for point in folds], "line": chart.line(folds), "ahead": marks,
        "dashes": chart.line((one["labels"], one["value"]) for one in ahead),
    }  # fmt: skip


def calibration_chart(facts: Mapping[str, Any]) -> dict[str, Any]:
    """How often it is right against how sure it is; the area of a point grows with the images of its bin."""
    chart, most = Chart(shares("how sure it is"), shares("how often it is right")), max(b["n"] for b in facts["bins"])
    points = [
        {"at": chart.place(b["confidence"], b["accuracy"]), "r": round(2.5 + 6.5 * (b["n"] / most) ** 0.5, 1), **b}
        for b in facts["bins"]
    ]
    line = chart.line((b["confidence"], b["accuracy"]) for b in facts["bins"])
    return {**chart.frame(), "points": points, "line": line, "diagonal": chart.line([(0, 0), (1, 1)])}


def source_chart(falling: list[float]) -> dict[str, Any]:
    """The shares of the most frequent source classes, falling."""
    top = falling[:BARS]
    ticks = tuple(
        (rank - 0.5, str(rank)) for rank in sorted({1, *(10 * i for i in range(1, 7)), len(top)}) if rank <= len(top)
    )
    kept = tuple(tick for i, tick in enumerate(ticks) if i in (0, len(ticks) - 1) or ticks[-1][0] - tick[0] > 4)
    chart = Chart(
        Axis("source classes, the most frequent first", 0, max(len(top), 10), kept), shares("share of the pool", top[0])
    )
    return {**chart.frame(), "bars": [chart.bar(i + 0.1, i + 0.9, share) for i, share in enumerate(top)]}


def map_drawing(facts: Mapping[str, Any], classes: list[dict[str, Any]]) -> dict[str, Any]:
    """Dots of every class, marks of labelled images, and which colours stand for what."""
    said = [label or taken for label, taken in zip(facts["labels"], facts["predicted"] or facts["labels"], strict=True)]
    drawn, known = Counter(said), [row["class"] for row in classes if row["labels"]]
    frequent = sorted(known, key=lambda name: (-drawn[name], name))
    colour = {name: min(rank, COLOURED) for rank, name in enumerate(frequent)}
    number = {name: place for place, name in enumerate(sorted(colour))}
    places = _places(facts["x"], facts["y"])
    dots: dict[str, list[str]] = defaultdict(list)
    marks: list[dict[str, Any]] = []
    for i, (x, y) in enumerate(places):
        label = facts["labels"][i]
        if label and len(marks) < MOST_MARKS:
            marks.append(
                {
                    "x": x,
                    "y": y,
                    "k": colour[label],
                    "class": number[label],
                    "label": label,
                    "image": facts["images"][i],
                }
            )
        else:
            dots[said[i]].append(f"M{x:g} {y:g}h0")
    named = (
        len(frequent) if len(frequent) == COLOURED + 1 else min(len(frequent), COLOURED)
    )  # one other is told by its name
    far, at = {one["image"] for one in facts["farthest"]}, dict(zip(facts["images"], places, strict=True))
    return {
        "width": MAP_WIDTH, "height": MAP_HEIGHT, "marks": marks, "far": [at[image] for image in facts["images"] if image in far],
        "dots": [
            {"k": colour.get(name, COLOURED), "class": number.get(name, -1), "path": "".join(dots[name])}
            for name in sorted(dots, key=lambda name: (-len(dots[name]), name))
        ],
        "legend": [*enumerate(frequent[:named])],
        "others": len(frequent) - named,
        "classes": [(place, name) for name, place in number.items()],
    }  # fmt: skip


def _places(xs: list[float], ys: list[float]) -> list[tuple[float, float]]:
    """Both axes in the same unit, as large as they fit."""
    wide, high = max(xs) - min(xs), max(ys) - min(ys)
    unit = min((MAP_WIDTH - 2 * MAP_EDGE) / (wide or 1e-9), (MAP_HEIGHT - 2 * MAP_EDGE) / (high or 1e-9), 1e6)
    left, top = (MAP_WIDTH - unit * wide) / 2, (MAP_HEIGHT - unit * high) / 2
    return [
        (round(left + unit * (x - min_x), 1), round(MAP_HEIGHT - top - unit * (y - min_y), 1))
        for min_x, min_y in [(min(xs), min(ys))]
        for x, y in zip(xs, ys, strict=True)
    ]
