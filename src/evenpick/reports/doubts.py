"""Labels that may be wrong, as status, report and JSON tell them."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..estimates import Doubt
from ..pool import Pool

SHOWN = 5


def doubt_facts(pool: Pool, doubts: Iterable[Doubt]) -> list[dict[str, Any]]:
    """The labels that may be wrong as JSON values, worst first."""
    return [
        {
            "image": pool.image_ids[doubt.row],
            "label": doubt.label,
            "likely": doubt.likely,
            "probability": round(doubt.probability, 4),
            "likely_probability": round(doubt.likely_probability, 4),
        }
        for doubt in doubts
    ]


def doubts_in_words(doubts: Sequence[Mapping[str, Any]], workspace: str) -> list[str]:
    """The worst of them, and the command that opens all; nothing where there is none."""
    if not doubts:
        return []
    said = [
        f"'{doubt['image']}' is labelled '{doubt['label']}' ({doubt['probability']:.0%}), perhaps '{doubt['likely']}' "
        f"({doubt['likely_probability']:.0%})"
        for doubt in doubts[:SHOWN]
    ]
    number = "1 label" if len(doubts) == 1 else f"{len(doubts)} labels"
    return [
        f"{number} may be wrong, by a classifier that did not see the image. First: {'; '.join(said)}. "
        f"`evenpick review {shlex.quote(workspace)}` shows them under 'May be wrong'."
    ]
