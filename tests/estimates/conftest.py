from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from evenpick.estimates.audit_sample import AuditSample


@pytest.fixture
def make_sample() -> Callable[..., AuditSample]:
    """A sample from labels, predictions and draws; scores are 1 for the predicted class, by default the last pieces are drawn, all alike."""

    def build(labels: Any, predicted: Any, open_predicted: Any, n_draws: int | None = None, **more: Any) -> AuditSample:
        labels, k = np.asarray(labels), int(max(*labels, *predicted)) + 1
        n, n_draws = len(labels), len(labels) if n_draws is None else n_draws
        places = np.arange(n - n_draws, n)
        known = more.pop("known", np.arange(n) < places[:, None])
        n_open = len(open_predicted)
        chances = more.pop("chances", 1 / (n + n_open - known.sum(axis=1)))
        eye = np.eye(k)
        return AuditSample(
            tuple(f"class {c}" for c in range(k)), labels, eye[np.asarray(predicted)], eye[np.asarray(open_predicted, dtype=int)],
            more.pop("n_open", n_open), more.pop("places", places), np.asarray(chances, dtype=float), known, np.zeros(n),
        )  # fmt: skip

    return build
