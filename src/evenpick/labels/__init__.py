"""The record of who said what of which image, and every form in which labels come and go."""

from .answers import BY_DEFAULT, DEFAULTS, SETTLED, Answer, RecordedLabels, as_answers, recorded_labels, said_of
from .class_list import ClassList, keep_class_list, kept_class_list, read_class_list
from .columns import TableOptions
from .draws import AuditDraw
from .entries import (
    Annotation,
    Entry,
    Kind,
    Means,
    Phase,
    Rename,
    Undo,
    counting_answers,
    effective_answers,
    have_been_asked_for,
    standing_answers,
)
from .files import FORMS, FileResult, export_file
from .from_files import ImportOptions, import_file, is_imported, undo_last_import
from .record import LabelStore, set_aside
from .tables import UnknownImagesError, read_labels, write_predictions, write_selection

__all__ = [
    "BY_DEFAULT",
    "DEFAULTS",
    "FORMS",
    "SETTLED",
    "Annotation",
    "Answer",
    "AuditDraw",
    "ClassList",
    "Entry",
    "FileResult",
    "ImportOptions",
    "Kind",
    "LabelStore",
    "Means",
    "Phase",
    "RecordedLabels",
    "Rename",
    "TableOptions",
    "Undo",
    "UnknownImagesError",
    "as_answers",
    "counting_answers",
    "effective_answers",
    "export_file",
    "have_been_asked_for",
    "import_file",
    "is_imported",
    "keep_class_list",
    "kept_class_list",
    "read_class_list",
    "read_labels",
    "recorded_labels",
    "said_of",
    "set_aside",
    "standing_answers",
    "undo_last_import",
    "write_predictions",
    "write_selection",
]
