"""Which image is asked next, and why: discovery, balancing, rounds, simulated and recorded sessions."""

from .balancing import BALANCINGS, should_switch
from .recorded_session import RecordedSession
from .rounds import FIRST_ROUND
from .session import AUTO, Question, Session
from .simulation import SimulationResult, answer_all, result_of, simulate

__all__ = [
    "AUTO",
    "BALANCINGS",
    "FIRST_ROUND",
    "Question",
    "RecordedSession",
    "Session",
    "SimulationResult",
    "answer_all",
    "result_of",
    "should_switch",
    "simulate",
]
