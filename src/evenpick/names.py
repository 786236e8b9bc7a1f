"""Names that people type: of classes and of themselves, and when two of them name the same class.

`static/names.js` of the labelling page holds the same rule; both are tested on the same cases.
"""

import re
import unicodedata
from collections.abc import Iterable

from .errors import EvenpickError

LONGEST_NAME = 200

# What nobody sees: soft hyphen, zero-width blanks, direction marks. Joiners stay, scripts need them.
_UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u2060-\u2064\u206a-\u206f\ufeff]")
# What fills a place and shows nothing, where nothing else stands: joiners, variation selectors, fillers, tags.
_NOTHING = re.compile("[\\s\u115f\u1160\u200c\u200d\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]*")
# Halves of surrogate pairs, control characters, and what turns the direction of all that follows.
_REFUSED = re.compile("[\ud800-\udfff\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# The same in text of several lines, and what nobody sees.
_CHANGING = re.compile(f"(?!\n)(?:{_REFUSED.pattern}|{_UNSEEN.pattern})")


def checked_class_name(name: object, what: str = "a class name") -> str:
    """The name of a class as it is kept; anything that is no text, as a missing value, is refused."""
    return checked_name(what, name)


def checked_name(what: str, name: object) -> str:
    """A text of 1 to 200 readable characters, without blanks around it.

    Accents are composed (NFC), any white space is one blank and what nobody sees is left out, so that names that
    look the same are the same.
    """
    if not isinstance(name, str) or _NOTHING.fullmatch(seen := _UNSEEN.sub("", name).strip()):
        raise EvenpickError(f"{what} must be a text that is not empty; got {name!r}")
    if "\n" in seen or "\r" in seen:
        raise EvenpickError(
            f"{what} must be on one line, and there is a line break in it: put a blank there; got {seen!r:.60}"
        )
    tidy = _tidy(seen)
    if len(tidy) > LONGEST_NAME or _REFUSED.search(seen):
        raise EvenpickError(
            f"{what} must have at most {LONGEST_NAME} characters, none of them a control character; got {tidy!r:.60}"
        )
    return tidy


def shown(text: str) -> str:
    """The text with what would change a terminal or the direction of letters written out, as `\\u202e`."""
    return _CHANGING.sub(lambda sign: sign[0].encode("unicode_escape").decode(), text)


def same_class(names: Iterable[str], name: str) -> str | None:
    """Of these classes the one that `name` means: the very same, or else the first that differs in case alone."""
    meant, folded = None, _folded(name)
    for known in names:
        if known == name:
            return known
        if meant is None and _folded(known) == folded:
            meant = known
    return meant


def _tidy(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(_UNSEEN.sub("", name).split()))


def _folded(name: str) -> str:
    """Equal for names of the same class."""
    return unicodedata.normalize("NFC", _tidy(name).casefold())
