"""What a pool, a model and a report state of the source that their features come from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..images import Preprocessing
from .words import Words

READY_MADE = "ready-made"  # the name of the source of features that were made elsewhere


@dataclass(frozen=True, repr=False)
class SourceDescription:
    """A source model without its network, as `pool.json` and `model.json` state it.

    Attributes
    ----------
    name : str
        As typed: `efficientnet_lite0`, `resnet18:FILE`, `onnx:FILE`, `timm:NAME`, or the caller's own.
    preprocessing : Preprocessing
    feature_size, class_count : int
        `class_count` is 0 of an encoder without classes, whose pools have no source predictions but for words.
    licence : str
        Licence of the weights.
    fingerprint : str
        Hash of the weights: pools of different weights are never mixed.
    words : Words or None
        Names that stand for its classes, by a text encoder; no part of how images are seen.
    """

    name: str
    preprocessing: Preprocessing
    feature_size: int
    class_count: int
    licence: str
    fingerprint: str
    words: Words | None = None

    def __repr__(self) -> str:
        classes = f"{self.class_count:,} source classes" if self.class_count else "no source classes"
        classes = f"{self.words!r}" if self.words and self.words.names else classes
        sizes = f"{self.feature_size:,} features, {classes}"
        return f"{self.name} ({sizes}; {self.licence}; {self.preprocessing!r})"

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> "SourceDescription":
        """What `to_json` gave; KeyError or TypeError if it is something else."""
        words = Words.from_json(facts["words"]) if facts.get("words") else None
        return cls(**{**facts, "preprocessing": Preprocessing.from_dict(facts["preprocessing"]), "words": words})

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON can hold them."""
        facts = {**vars(self), "preprocessing": self.preprocessing.to_dict()}
        if self.words is None:
            del facts["words"]
            return facts
        return {**facts, "words": self.words.to_json()}

    @property
    def has_predictions(self) -> bool:
        """Whether it says what images show: by classes of its own, or by words."""
        return bool(self.class_count or (self.words and self.words.names))

    @property
    def without_words(self) -> "SourceDescription":
        """The source as it was loaded."""
        return replace(self, words=None)

    @property
    def seen_with(self) -> str:
        """What decides the features: the weights and the preprocessing, wherever a file of weights lies."""
        settings = self.preprocessing.to_dict()
        settings.pop("max_pixels", None)  # it decides which files are read, not how
        return f"{self.fingerprint} with {json.dumps(settings, sort_keys=True)}"

    def difference(self, now: "SourceDescription") -> str:
        """In which respect this one and another one see images differently, in words: `fit crop, now squash`."""
        if self.fingerprint != now.fingerprint:
            same_name = " with other weights" if now.name == self.name else ""
            return f"source {self.name}, now {now.name}{same_name}"
        before, after = self.preprocessing.to_dict(), now.preprocessing.to_dict()
        names = [name for name in {**before, **after} if name != "max_pixels" and before.get(name) != after.get(name)]
        return "; ".join(
            f"{name.replace('_', '-')} {_said(before.get(name))}, now {_said(after.get(name))}" for name in names
        )


def _said(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(f"{part:g}" for part in value)
    return "as by default" if value is None else str(value)
