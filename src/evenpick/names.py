"""Names that people type: of classes and of themselves."""

import unicodedata

from .errors import EvenpickError

LONGEST_NAME = 200


def checked_class_name(name: object, what: str = "a class name") -> str:
    """The name of a class as it is kept; anything that is no text, as a missing value, is refused."""
    return checked_name(what, name)


def checked_name(what: str, name: object) -> str:
    """A text of 1 to 200 readable characters, without blanks around it.

    Accents are composed (NFC), so that names that look the same are the same.
    """
    if not isinstance(name, str) or not name.strip():
        raise EvenpickError(f"{what} must be a text that is not empty; got {name!r}")
    composed = unicodedata.normalize("NFC", name.strip())
    # Control characters and halves of surrogate pairs.
    if len(composed) > LONGEST_NAME or any(unicodedata.category(c) in ("Cc", "Cs") for c in composed):
        raise EvenpickError(
            f"{what} must have at most {LONGEST_NAME} characters, none of them a control character; "
            f"got {composed!r:.60}"
        )
    return composed
