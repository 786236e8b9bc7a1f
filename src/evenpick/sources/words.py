"""Words as source classes: the names of a list, as a text encoder places them among the features of images.

This is zero-shot classification as CLIP does it (Radford et al., 2021): each name stands in a prompt, and an image is
taken for the name whose vector its features have the largest cosine with.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Singles
from ..errors import EvenpickError
from ..names import checked_class_name
from ..probabilities import softmax, summarise_probabilities
from ..sheets import rows_with_names
from ..vectors import normalised
from .text_encoders import TextEncoder, absolute_name

PROMPT = "a photo of a {}"


@dataclass(frozen=True)
class Words:
    """What `pool.json` states of words.

    Attributes
    ----------
    names : tuple of str
        Class number i is the name i. None of them: the text encoder is there to find images by words alone.
    prompts : tuple of str
        What each name stands in, at `{}`; of several the mean vector counts.
    encoder, fingerprint : str
        The text encoder, with the whole path of its file, and the hash of its weights and tokenizer.
    scale : float
        What cosines are multiplied by before they become probabilities.
    bias : float or None
        What is added then, where a sigmoid makes the probability of each name (SigLIP); they are brought to the sum 1.
    """

    names: tuple[str, ...]
    prompts: tuple[str, ...]
    encoder: str
    fingerprint: str
    scale: float
    bias: float | None = None

    @property
    def of_search(self) -> tuple[str, ...]:
        """What a text that is looked for stands in: prompts of the person's own, or nothing.

        The usual prompt is made for the name of a thing, and a text may be anything.
        """
        return ("{}",) if self.prompts == (PROMPT,) else self.prompts

    def __repr__(self) -> str:
        return f"{f'{len(self.names):,} words' if self.names else 'any words'} by text encoder {self.encoder}"

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> "Words":
        """What `to_json` gave; KeyError or TypeError if it is something else."""
        return cls(**{**facts, "names": tuple(facts["names"]), "prompts": tuple(facts["prompts"])})

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON can hold them."""
        return {**vars(self), "names": [*self.names], "prompts": [*self.prompts]}


@dataclass(frozen=True, eq=False)
class WordClasses:
    """Words with their vectors, (n_names, d) of length 1."""

    words: Words
    vectors: Singles

    def logits(self, features: Singles) -> Singles:
        """Of each name (n, n_names), from features (n, d)."""
        scores = self.words.scale * (normalised(features) @ self.vectors.T)
        if self.words.bias is None:
            return np.asarray(scores, np.float32)
        return np.asarray(-np.logaddexp(0, -(scores + self.words.bias)), np.float32)  # of the sigmoid

    def predictions(self, features: Singles) -> NDArray[np.void]:
        """What selection needs to know of the probabilities of each name."""
        return summarise_probabilities(softmax(self.logits(features)))


def word_classes(names: Sequence[str], prompts: Sequence[str], encoder: TextEncoder) -> WordClasses:
    """The names as this text encoder places them; `names` may be empty, to find images by words alone.

    Raises
    ------
    EvenpickError
        If there is one name alone, names are equal, a prompt has no place for them, a prompt or text is too long, or it is
        not known what makes probabilities of cosines.
    """
    checked = _checked([(f"class name {i}", name) for i, name in enumerate(names, start=1)])
    if len(checked) == 1:
        raise EvenpickError(
            f"the only class name is '{checked[0]}': give two or more, so that one can be told from others"
        )
    for prompt in prompts:
        if prompt.count("{}") != 1:
            raise EvenpickError(f"prompt '{prompt}' must hold {{}} once, where the class name is put")
    said = Words(
        tuple(checked),
        tuple(prompts),
        absolute_name(encoder.name),
        encoder.fingerprint,
        encoder.scale or 1.0,
        encoder.bias,
    )
    if not checked:
        encoder([prompt.replace("{}", "a") for prompt in said.of_search])  # a prompt that is too long is told now
        return WordClasses(said, np.empty((0, encoder.width), np.float32))
    if encoder.scale is None:
        beside = Path(encoder.name.removeprefix("onnx:")).with_suffix(".json")
        raise EvenpickError(
            f"text encoder '{encoder.name}' is of a SigLIP, each of which has its own scale and bias: state them in '{beside}' "
            'as {"scale": ..., "bias": ...}, the exponential of the logit_scale of its weights, and their logit_bias'
        )
    vectors = [encoder([prompt.replace("{}", name) for name in checked]) for prompt in prompts]
    found = WordClasses(said, normalised(np.mean(vectors, axis=0)))
    _check_told_apart(found)
    return found


def _check_told_apart(found: WordClasses) -> None:
    """Refuse names that the encoder does not know, or takes for the same: no image could ever be one of them alone."""
    first: dict[bytes, str] = {}
    for name, vector in zip(found.words.names, found.vectors + 0.0, strict=True):  # -0.0 is 0.0
        other = first.setdefault(vector.tobytes(), name)
        if other != name or not vector.any():
            told = (
                f"class names '{other}' and '{name}' are the same"
                if other != name
                else f"class name '{name}' is unknown"
            )
            raise EvenpickError(f"{told} to text encoder '{found.words.encoder}': say it in other words")


def check_one_pair(encoder: str, width: int, source: str, feature_size: int) -> None:
    """Refuse a text encoder whose vectors cannot be compared with the features of a source."""
    if width != feature_size:
        raise EvenpickError(
            f"text encoder '{encoder}' gives vectors of {width} numbers and source '{source}' features of {feature_size}: they "
            "are not of one pair"
        )


def vector_of_words(text: str, prompts: Sequence[str], encoder: TextEncoder) -> Singles:
    """The vector (d,) of what somebody looks for, in these prompts.

    Raises
    ------
    EvenpickError
        If the encoder knows nothing of the text, or it is too long.
    """
    vectors = encoder([prompt.replace("{}", text) for prompt in prompts])
    vector = np.asarray(normalised(vectors.mean(axis=0, keepdims=True))[0])
    if not vector.any():
        raise EvenpickError(f"'{text:.60}' is unknown to text encoder '{encoder.name}': say it in other words")
    return vector


def read_class_names(file: str | Path) -> list[str]:
    """The names of a file: one a line, or the column `name` of a CSV, as `label --classes` takes them.

    Raises
    ------
    EvenpickError
        Naming file and line, if there is none, or one is none or is there twice.
    """
    try:
        rows = rows_with_names(Path(file).read_text("utf-8-sig"))
        names = [(f"'{file}', line {place}", row.get("name", "")) for place, row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = (
            "save it as UTF-8" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", None) or error
        )
        raise EvenpickError(f"class names '{file}' cannot be read: {reason}") from error
    if not names:
        raise EvenpickError(f"'{file}' names no class: write one name a line")
    return _checked(names)


def _checked(named: Sequence[tuple[str, str]]) -> list[str]:
    """The names as they are kept; each comes with its place."""
    names: dict[str, str] = {}
    for place, name in named:
        kept = checked_class_name(name, f"{place}: a class name")
        if (other := names.get(kept.casefold())) is not None:
            raise EvenpickError(f"{place}: class name '{kept}' is there twice (as '{other}')")
        names[kept.casefold()] = kept
    return [*names.values()]
