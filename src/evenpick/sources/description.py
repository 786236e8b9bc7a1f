"""What a pool, a model and a report state of the source that their features come from."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..images import Preprocessing
from .source_names import without_folders
from .words import Words

READY_MADE = "ready-made"  # the name of the source of features that were made elsewhere
_OF_SEVERAL = ("predicting", "member_names", "class_lists")
_LATER = ("words", *_OF_SEVERAL)  # left out while they say nothing, as before they came


@dataclass(frozen=True, repr=False)
class SourceDescription:
    """A source model without its network, as `pool.json` and `model.json` state it.

    Attributes
    ----------
    name : str
        As typed: `efficientnet_lite0`, `resnet18:FILE`, `onnx:FILE`, `timm:NAME`, or the caller's own; of several side by
        side all of them, with + between.
    preprocessing : Preprocessing
    feature_size, class_count : int
        `class_count` is 0 of an encoder without classes, whose pools have no source predictions but for words.
    licence : str
        Licence of the weights.
    fingerprint : str
        Hash of the weights: pools of different weights are never mixed.
    words : Words or None
        Names that stand for its classes, by a text encoder; no part of how images are seen.
    predicting : tuple of int
        Of several side by side, the places of those whose predictions are taken, from 0; empty for one alone.
    member_names, class_lists : tuple of str
        Of several side by side, the name of each, and what its classes are called as a whole; empty for one alone.
    """

    name: str
    preprocessing: Preprocessing
    feature_size: int
    class_count: int
    licence: str
    fingerprint: str
    words: Words | None = None
    predicting: tuple[int, ...] = ()
    member_names: tuple[str, ...] = ()
    class_lists: tuple[str, ...] = ()

    def __repr__(self) -> str:
        classes = f"{self.class_count:,} source classes" if self.class_count else "no source classes"
        classes = f"{self.words!r}" if self.words and self.words.names else classes
        sizes = f"{self.feature_size:,} features, {classes}"
        return f"{self.name} ({sizes}; {self.licence}; {self.preprocessing!r})"

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> "SourceDescription":
        """What `to_json` gave; KeyError or TypeError if it is something else."""
        words = Words.from_json(facts["words"]) if facts.get("words") else None
        preprocessing = Preprocessing.from_dict(facts["preprocessing"])
        several = {name: _as_tuple(facts.get(name, [])) for name in _OF_SEVERAL}
        described = cls(**{**facts, "preprocessing": preprocessing, "words": words, **several})
        described._check_of_so_many(len(preprocessing.each))
        return described

    def _check_of_so_many(self, n_networks: int) -> None:
        n = n_networks if n_networks > 1 else 0
        texts = all(isinstance(text, str) for text in (*self.member_names, *self.class_lists))
        if (
            not texts
            or (len(self.member_names), len(self.class_lists)) != (n, n)
            or (n and self.name != "+".join(self.member_names))
            or any(place not in range(n) for place in self.predicting)
        ):
            several = {name: getattr(self, name) for name in _OF_SEVERAL}
            raise TypeError(f"'{self.name}' is not what {n_networks} preprocessings and {several} are of")

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON can hold them."""
        facts = {**vars(self), "preprocessing": self.preprocessing.to_dict()}
        facts["words"] = self.words and self.words.to_json()
        return {name: value for name, value in facts.items() if name not in _LATER or value}

    @property
    def names(self) -> list[str]:
        """That of each source that looks at an image, one by one."""
        return [*self.member_names] or [self.name]

    @property
    def without_folders(self) -> "SourceDescription":
        """The same for reports and results: of a file only its last part, of an address all."""
        names = tuple(map(without_folders, self.names))
        return replace(self, name="+".join(names), member_names=names if self.member_names else ())

    @property
    def predictions_an_image(self) -> int:
        """How many an image has, of which the mean is kept: one of each view by each source that is asked."""
        return self.preprocessing.views * max(1, len(self.predicting)) if self.has_predictions else 0

    @property
    def predictions_in_words(self) -> str:
        """Of several side by side, whose predictions are taken; empty for one alone."""
        names = self.names
        if len(names) == 1:
            return ""
        if not self.predicting:
            return f"None of the {len(names)} sources has classes: there are no source predictions"
        taken = ", ".join(f"'{names[place]}'" for place in self.predicting)
        mean = "the mean of those of " if len(self.predicting) > 1 else "those of "
        others = len(names) - len(self.predicting)
        has, known = ("has", "is") if others == 1 else ("have", "are")
        without = f"; {others} {has} no classes, or {known} not known to have the same" if others else ""
        return f"Source predictions are {mean}{taken}{without}"

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
        if self.predicting:
            settings["predicting"] = self.predicting
        return f"{self.fingerprint} with {json.dumps(settings, sort_keys=True)}"

    def difference(self, now: "SourceDescription") -> str:
        """In which respect this one and another one see images differently, in words: `fit crop, now squash`."""
        if self.fingerprint != now.fingerprint:
            what = "outputs" if _weights(self.fingerprint) == _weights(now.fingerprint) else "weights"
            return f"source {self.name}, now {now.name}{f' with other {what}' if now.name == self.name else ''}"
        pairs = zip(self.preprocessing.each, now.preprocessing.each, strict=False)
        said = [words for one, other in pairs for words in _differences(one.to_dict(), other.to_dict())]
        if self.predicting != now.predicting:
            said.append(f"{self.predictions_in_words}, now they are otherwise: {now.predictions_in_words}")
            each = zip(now.names, self.class_lists, now.class_lists, strict=True)
            said += [
                f"the list of classes of '{name}' was {before or 'not stated'}, is {after or 'not stated'} now"
                for name, before, after in each
                if before != after
            ]
        return "; ".join(dict.fromkeys(said))


def _weights(fingerprint: str) -> str:
    """That of the weights alone, whichever outputs of a file are taken."""
    return re.sub("/[0-9a-f]{8}", "", fingerprint)


def _as_tuple(stated: object) -> tuple[Any, ...]:
    if not isinstance(stated, list | tuple):
        raise TypeError(f"{stated!r:.60} is no list")
    return tuple(stated)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    names = [name for name in {**before, **after} if name != "max_pixels" and before.get(name) != after.get(name)]
    return [f"{name.replace('_', '-')} {_said(before.get(name))}, now {_said(after.get(name))}" for name in names]


def _said(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(f"{part:g}" for part in value)
    return "as by default" if value is None else str(value)
