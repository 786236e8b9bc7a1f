"""Several sources as one, by what is stated of each: which may stand side by side, and whose predictions are taken."""

from collections.abc import Sequence

from ..errors import EvenpickError
from .description import SourceDescription
from .source_names import joined

MOST = 4


def check_number(n: int) -> None:
    """Refuse none and too many, before any of them is loaded."""
    if not 1 <= n <= MOST:
        raise EvenpickError(f"sources: there must be one, or 2 to {MOST} side by side; got {n}")


def together(members: Sequence[SourceDescription], class_lists: Sequence[str]) -> SourceDescription:
    """What is stated of two sources or more as one; `class_lists` say what the classes of each are called as a whole.

    Raises
    ------
    EvenpickError
        If one is there twice or has words for classes, names cannot be told apart, or files would be decoded otherwise.
    """
    name = joined([member.name for member in members])
    _check_each_once(name, members)
    try:
        preprocessing = members[0].preprocessing.beside([member.preprocessing for member in members[1:]])
    except EvenpickError as error:
        raise EvenpickError(f"source '{name}': {error}") from error
    predicting = _predicting(members, class_lists)
    return SourceDescription(
        name, preprocessing, sum(member.feature_size for member in members),
        members[predicting[0]].class_count if predicting else 0,
        " + ".join(dict.fromkeys(member.licence for member in members)),
        "+".join(member.fingerprint for member in members), predicting=predicting,
    )  # fmt: skip


def _check_each_once(name: str, members: Sequence[SourceDescription]) -> None:
    for place, member in enumerate(members):
        if member.words:
            raise EvenpickError(f"source '{name}': '{member.name}' has words for classes, which it can have alone only")
        if other := next((one for one in members[:place] if one.seen_with == member.seen_with), None):
            raise EvenpickError(f"source '{name}': '{member.name}' sees just what '{other.name}' sees; give each once")


def _predicting(members: Sequence[SourceDescription], class_lists: Sequence[str]) -> tuple[int, ...]:
    """The places of the first that has classes, and of all that are known to have the same ones.

    That is known of lists that are called the same, and of the same weights.
    """
    first = next((place for place, member in enumerate(members) if member.class_count), None)
    if first is None:
        return ()
    taken, its_list = members[first], class_lists[first]
    return tuple(
        place
        for place, (member, class_list) in enumerate(zip(members, class_lists, strict=True))
        if member.class_count == taken.class_count
        and (member.fingerprint == taken.fingerprint or (class_list == its_list != ""))
    )
