"""Several sources as one, by what is stated of each: which may stand side by side, and whose predictions are taken."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import EvenpickError
from ..images import Preprocessing
from .description import SourceDescription

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
        If one is there twice or has words for classes, or files would be decoded otherwise.
    """
    names = tuple(member.name for member in members)
    name = "+".join(names)
    _check_each_once(name, members)
    first, *others = (member.preprocessing for member in members)
    if setting := first.differing(others):
        raise EvenpickError(f"source '{name}': {_stated_otherwise(setting, members)}")
    preprocessing, predicting = first.beside(others), _predicting(members, class_lists)
    return SourceDescription(
        name, preprocessing, sum(member.feature_size for member in members),
        members[predicting[0]].class_count if predicting else 0,
        " + ".join(dict.fromkeys(member.licence for member in members)),
        "+".join(member.fingerprint for member in members), predicting=predicting,
        member_names=names, class_lists=tuple(class_lists),
    )  # fmt: skip


def _check_each_once(name: str, members: Sequence[SourceDescription]) -> None:
    for place, member in enumerate(members):
        if member.words:
            raise EvenpickError(f"source '{name}': '{member.name}' has words for classes, which it can have alone only")
        if other := next((one for one in members[:place] if one.seen_with == member.seen_with), None):
            raise EvenpickError(f"source '{name}': '{member.name}' sees just what '{other.name}' sees; give each once")


def _stated_otherwise(setting: str, members: Sequence[SourceDescription]) -> str:
    """What each states of a setting that must be one for all, and where it can be changed."""
    values = [getattr(member.preprocessing, setting) for member in members]
    default = getattr(Preprocessing(), setting)
    stated = [_file_beside(member.name) for member, value in zip(members, values, strict=True) if value != default]
    return (
        f"{setting} must be the same for all, as a file is decoded once; got {', '.join(map(str, dict.fromkeys(values)))}, "
        f"by {', '.join(stated)}: change it there, or give `embed` --{setting.replace('_', '-')} for all"
    )


def _file_beside(name: str) -> str:
    """Where the preprocessing of a source is stated."""
    kind, _, argument = name.partition(":")
    return f"'{Path(argument).with_suffix('.json')}'" if kind == "onnx" and "://" not in argument else f"'{name}'"


def _predicting(members: Sequence[SourceDescription], class_lists: Sequence[str]) -> tuple[int, ...]:
    """The places of the first that has classes, and of all that are known to have the same ones.

    That is known of lists that are called the same, and of the same outputs of the same weights if none or one is named.
    """
    first = next((place for place, member in enumerate(members) if member.class_count), None)
    if first is None:
        return ()
    taken, its_list = members[first], class_lists[first]
    return tuple(
        place
        for place, (member, class_list) in enumerate(zip(members, class_lists, strict=True))
        if member.class_count == taken.class_count
        and (class_list == its_list if class_list and its_list else member.fingerprint == taken.fingerprint)
    )
