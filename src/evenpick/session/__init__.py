"""Which image is asked next, and why: discovery, balancing, rounds, simulated and recorded sessions."""

from .audit import labels_until_accuracy
from .balancing_rules import BALANCINGS
from .corrections import change, standing_skips, take_back
from .grids import by_likeness, by_prediction, check_room, label_many, rows_of_class, standing_grids
from .recorded_session import RecordedSession
from .session import Session, phase_of
from .simulation import SimulationResult, answer_all, result_of, simulate
from .steering import Question
from .word_search import WordSearch

__all__ = [
    "BALANCINGS",
    "Question",
    "RecordedSession",
    "Session",
    "SimulationResult",
    "WordSearch",
    "answer_all",
    "by_likeness",
    "by_prediction",
    "change",
    "check_room",
    "label_many",
    "labels_until_accuracy",
    "phase_of",
    "result_of",
    "rows_of_class",
    "simulate",
    "standing_grids",
    "standing_skips",
    "take_back",
]
