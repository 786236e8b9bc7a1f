"""What labels tell by themselves: the accuracy to expect, the classes missing, and whether the source knows the domain."""

from .audit import AuditEstimate
from .audit_sample import images_stood_for
from .doubtful import Doubt, HeldOut, doubtful_labels, held_out_labels
from .expectation import points_gained
from .groups import one_of_each_group
from .missing_classes import ENOUGH, unseen_of_counts
from .outlook import Outlook, chosen_at_random, outlook_of_record
from .source_advice import Advice, advice
from .transferability import (
    AGREEING,
    INFORMATIVE,
    MeasuredTransfer,
    SourceKnowledge,
    measured_transfer,
    source_knowledge,
)

__all__ = [
    "AGREEING",
    "ENOUGH",
    "INFORMATIVE",
    "Advice",
    "AuditEstimate",
    "Doubt",
    "HeldOut",
    "MeasuredTransfer",
    "Outlook",
    "SourceKnowledge",
    "advice",
    "chosen_at_random",
    "doubtful_labels",
    "held_out_labels",
    "images_stood_for",
    "measured_transfer",
    "one_of_each_group",
    "outlook_of_record",
    "points_gained",
    "source_knowledge",
    "unseen_of_counts",
]
