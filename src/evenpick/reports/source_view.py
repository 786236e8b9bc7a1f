"""How the source model sees the pool: which of its classes it predicts how often (Figure 1 of the paper), and what follows."""

from typing import Any

from .diagnosis import Diagnosis

BARS = 60  # source classes that are drawn


def source_view(diagnosis: Diagnosis) -> dict[str, Any]:
    """The shares of the source classes, falling, and what `diagnose` says."""
    shares = diagnosis.knowledge.shares if diagnosis.knowledge else ()
    return {
        "shares": [round(share, 6) for share in shares],
        "finding": diagnosis.advice.finding,
        "method": diagnosis.advice.method,
        "by_words": bool(diagnosis.words),
        "rows": [list(row) for row in diagnosis.rows],
    }
