"""Class names that differ in little, such as `Cat` and `cat`: named after an import, and made one when asked."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

_SHOWN = 30


def near_names(names: Iterable[str]) -> list[list[str]]:
    """Groups of names that differ only in case, blanks, punctuation or signs that nobody sees."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        groups.setdefault(_skeleton(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def one_spelling(labels: Mapping[str, str], recorded: Mapping[str, str]) -> dict[str, str]:
    """The labels of images, each near name written as most recorded labels have it, or else most of these."""
    known, new = Counter(recorded.values()), Counter(labels.values())
    spelling: dict[str, str] = {}
    for group in near_names([*known, *new]):
        best = max(group, key=lambda name: (known[name], new[name]))
        spelling |= dict.fromkeys(group, best)
    return {image: spelling.get(label, label) for image, label in labels.items()}


def classes_in_words(labels: Iterable[str], others: Iterable[str] = ()) -> list[str]:
    """The classes with their counts, most frequent first, and those of these and the others that are nearly the same."""
    counts = Counter(labels)
    if not counts:
        return []
    listed = ", ".join(f"{name!r} {count:,}" for name, count in counts.most_common(_SHOWN))
    more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    near = [group for group in near_names([*counts, *others]) if any(name in counts for name in group)]
    said = [f"Classes: {listed}{more}."]
    if near:
        pairs = "; ".join(", ".join(map(repr, group)) for group in near[:_SHOWN])
        said.append(f"Nearly the same: {pairs}. If each is one class: --undo, then import again with --one-spelling.")
    return said


def _skeleton(name: str) -> str:
    """What is left without case, blanks, punctuation and signs that nobody sees; accents stay, for they tell names apart."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    kept = "".join(sign for sign in folded if unicodedata.category(sign)[0] in "LNM")
    return kept or name
