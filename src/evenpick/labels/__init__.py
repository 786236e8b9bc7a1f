"""The record of who said what of which image, and every form in which labels come and go."""

from .answers import DEFAULTS, Answer, Phase, RecordedLabels, as_answers, recorded_labels
from .files import export_file, import_file
from .record import Entry, Kind, LabelStore, effective_answers, set_aside, standing_answers
from .tables import read_labels, write_predictions, write_selection

__all__ = [
    "DEFAULTS",
    "Answer",
    "Entry",
    "Kind",
    "LabelStore",
    "Phase",
    "RecordedLabels",
    "as_answers",
    "effective_answers",
    "export_file",
    "import_file",
    "read_labels",
    "recorded_labels",
    "set_aside",
    "standing_answers",
    "write_predictions",
    "write_selection",
]
