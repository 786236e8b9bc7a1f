"""What labels tell by themselves: the accuracy to expect, the classes missing, and whether the source knows the domain."""

from .expectation import expected_accuracy, in_words
from .missing_classes import unseen_classes, unseen_of_counts
from .transferability import Advice, MeasuredTransfer, SourceKnowledge, advice, measured_transfer, source_knowledge

__all__ = [
    "Advice",
    "MeasuredTransfer",
    "SourceKnowledge",
    "advice",
    "expected_accuracy",
    "in_words",
    "measured_transfer",
    "source_knowledge",
    "unseen_classes",
    "unseen_of_counts",
]
