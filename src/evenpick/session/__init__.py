"""Which image is asked next, and why: discovery, balancing, rounds, simulated and recorded sessions."""

from .balancing_rules import BALANCINGS
from .corrections import change, take_back
from .recorded_session import RecordedSession
from .session import Session, phase_of
from .simulation import SimulationResult, answer_all, result_of, simulate
from .steering import Question

__all__ = [
    "BALANCINGS",
    "Question",
    "RecordedSession",
    "Session",
    "SimulationResult",
    "answer_all",
    "change",
    "phase_of",
    "result_of",
    "simulate",
    "take_back",
]
