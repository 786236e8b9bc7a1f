"""Which columns of a table name the image and its label, and the tables of other tools that are known by theirs."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ..detections import is_camtrap_dp, read_camtrap_dp
from ..errors import EvenpickError, unknown_name
from ..sheets import Sheet, key_of

IMAGE_COLUMNS = (
    "image", "file", "filename", "path", "image_id", "file_name", "filepath", "file_path", "image_path", "image_name",
    "img", "photo",
)  # fmt: skip
LABEL_COLUMNS = (
    "label", "class", "category", "labels", "class_name", "species", "common_name", "scientific_name", "scientificname",
    "vernacularname", "taxon",
)  # fmt: skip

_RANKS = frozenset(("kingdom", "phylum", "order", "family", "genus"))  # beside these, a class is one of animals

Cells: TypeAlias = Mapping[str, str]  # of one row, by the key of the column


@dataclass(frozen=True)
class TableOptions:
    """How a table of labels is read.

    Attributes
    ----------
    split : str, optional
        Take only the rows whose column `split` says this.
    image_column, label_column : str, optional
        The names of these columns, where the table does not tell by itself.
    skip_unknown : bool
        Pass over images that the pool does not hold, and count them.
    """

    split: str | None = None
    image_column: str | None = None
    label_column: str | None = None
    skip_unknown: bool = False


class Reading(NamedTuple):
    """How a row is read: several ways to name its image, of which the first that names a known one counts."""

    images: Sequence[Callable[[Cells], str]]
    label: Callable[[Cells], str]
    form: str = ""  # whose table it is, and what is taken of it, in words; empty for a plain one


def reading_of(sheet: Sheet, options: TableOptions) -> Reading:
    """How the rows of a table are read.

    Raises
    ------
    EvenpickError
        If no column holds the image or the label, or several may.
    """
    known = next((read(sheet) for columns, read in _FORMS.items() if columns <= set(sheet.keys)), _PLAIN)
    images = [_cell(_named(sheet, options.image_column))] if options.image_column else known.images
    if not images:
        images = [_cell(key) for key in _candidates(sheet, IMAGE_COLUMNS, "--image-column")]
    label = known.label
    if options.label_column:
        label = _cell(_named(sheet, options.label_column))
    elif label is _no_label:
        label = _cell(_label_column(sheet))
    form = known.form and f"{known.form}, classes by '{options.label_column}'" if options.label_column else known.form
    return Reading(images, label, form)


def _no_label(cells: Cells) -> str:
    raise NotImplementedError  # stands for a form that does not say which column it is


_PLAIN = Reading((), _no_label)


def _cell(key: str) -> Callable[[Cells], str]:
    return lambda cells: cells[key]


def _named(sheet: Sheet, name: str) -> str:
    """The key of a column that somebody has named."""
    if name in sheet.columns or key_of(name) in sheet.keys:
        return _once(sheet, key_of(name))
    raise unknown_name(f"'{sheet.file}': column", name, sheet.columns, listed=10)


def _once(sheet: Sheet, key: str) -> str:
    if sheet.keys.count(key) > 1:
        raise EvenpickError(f"'{sheet.file}' has {sheet.keys.count(key)} columns '{key}': rename all but one of them")
    return key


def _candidates(sheet: Sheet, wanted: Sequence[str], option: str) -> list[str]:
    keys = sheet.keys
    found = [_once(sheet, key) for key in wanted if key in keys]
    if not found:
        raise EvenpickError(
            f"'{sheet.file}' needs a first line with a column '{wanted[0]}' (or {', '.join(wanted[1:])}), or say {option}; "
            f"found {sheet.found}"
        )
    return found


def _label_column(sheet: Sheet) -> str:
    found = _candidates(sheet, LABEL_COLUMNS, "--label-column")
    if _RANKS & set(sheet.keys) and "class" in found:
        found = [key for key in found if key != "class"] or ["class", *sorted(_RANKS & set(sheet.keys))]
    if len(found) > 1:
        raise EvenpickError(
            f"'{sheet.file}' has several columns that may hold the labels: {', '.join(sorted(found))}; "
            "say which by --label-column"
        )
    return found[0]


def _wildlife_insights(sheet: Sheet) -> Reading:
    images = [_cell(key) for key in ("location", "filename") if key in sheet.keys]

    def label(cells: Cells) -> str:
        blank = cells.get("is_blank", "").strip().casefold() in ("1", "true", "yes")
        return cells["common_name"] or ("Blank" if blank else "")

    return Reading(images, label, "Read as a table of Wildlife Insights, classes by common_name")


def _timelapse(sheet: Sheet) -> Reading:
    def image(cells: Cells) -> str:
        return f"{cells['relativepath']}/{cells['file']}".replace("\\", "/").removeprefix("/")

    return Reading([image], _no_label, "Read as a table of Timelapse, images by RelativePath and File")


def _camtrap_dp(sheet: Sheet) -> Reading:
    if not is_camtrap_dp(sheet.file):
        raise EvenpickError(
            f"'{sheet.file}' is of a Camtrap DP package, and names images by media.csv: put the whole package together"
        )
    media = read_camtrap_dp(sheet.file).media

    def path(cells: Cells) -> str:
        return media[cells["mediaid"]].path if cells["mediaid"] else ""

    def name(cells: Cells) -> str:
        return media[cells["mediaid"]].name if cells["mediaid"] else ""

    def label(cells: Cells) -> str:
        kind = cells["observationtype"]
        return "" if not cells["mediaid"] or kind == "unclassified" else cells.get("scientificname", "") or kind

    said = "Read as observations of Camtrap DP, classes by scientificName, or observationType where it is empty"
    return Reading([path, name], label, said)


def _inaturalist(sheet: Sheet) -> Reading:
    def photo(cells: Cells) -> str:
        """The number of the photograph, as in `.../photos/12345/medium.jpg`."""
        return cells["image_url"].rpartition("/")[0].rpartition("/")[2]

    said = "Read as observations of iNaturalist, classes by scientific_name"
    return Reading([_cell("image_url"), _cell("id"), photo], _cell("scientific_name"), said)


# By columns that no other table has together.
_FORMS: Mapping[frozenset[str], Callable[[Sheet], Reading]] = {
    frozenset(("image", "label", "annotator", "at", "phase", "target")): lambda sheet: Reading(
        [_cell("image")], _cell("label")
    ),
    frozenset(("wi_taxon_id", "common_name")): _wildlife_insights,
    frozenset(("relativepath", "file")): _timelapse,
    frozenset(("observationid", "mediaid", "observationtype")): _camtrap_dp,
    frozenset(("id", "image_url", "scientific_name", "taxon_id")): _inaturalist,
}


def best_images(reading: Reading, rows: Sequence[Cells], resolve: Callable[[Sequence[str]], list[str]],
                known: Collection[str]) -> list[str]:  # fmt: skip
    """What the rows call their images, by the first way that names one that is known, or else by the first way."""
    first: list[str] | None = None
    for image in reading.images:
        names = resolve([image(cells) for cells in rows])
        if any(name in known for name in names):
            return names
        first = names if first is None else first
    return first or []
