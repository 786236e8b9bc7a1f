"""Class probabilities: from logits, and what selection needs to know of a source model's."""

import numpy as np
from numpy.typing import NDArray

from .arrays import FloatArray, Values
from .errors import EvenpickError
from .machine import in_threads, one_blas_thread

PREDICTION = np.dtype([("entropy", "<f4"), ("margin", "<f4"), ("confidence", "<f4"), ("source_class", "<i4")])
# Of several views, with how much their predictions differ.
PREDICTION_OF_VIEWS = np.dtype([*PREDICTION.descr, ("variation_ratio", "<f4"), ("mutual_information", "<f4")])

_MOST_AT_ONCE = 1 << 17  # probabilities that are looked at together; they stay in the processor's cache


def summarise_probabilities(probabilities: FloatArray) -> NDArray[np.void]:
    """What selection needs of source probabilities of shape (n, k): one `PREDICTION` a row.

    Works through a few rows at a time, on all cores, in the precision of the probabilities, float32 at least.
    Entropy is Eq. 1's H in nats, with 0 log 0 = 0.
    """
    if probabilities.ndim != 2 or probabilities.shape[1] < 2:
        raise EvenpickError(f"probabilities must have shape (n, n_source_classes >= 2); got {probabilities.shape}")
    summary = np.empty(len(probabilities), PREDICTION)
    step = max(1, _MOST_AT_ONCE // probabilities.shape[1])

    def summarise(start: int) -> None:
        part = slice(start, start + step)
        _summarise(probabilities[part], summary[part])

    with one_blas_thread():
        in_threads(summarise, range(0, len(probabilities), step))
    if (wrong := np.flatnonzero(np.isnan(summary["entropy"]))).size:
        raise _wrong_probabilities(int(wrong[0]), np.asarray(probabilities[wrong[0]]))
    return summary


@np.errstate(divide="ignore", invalid="ignore")
def _summarise(probabilities: FloatArray, summary: NDArray[np.void]) -> None:
    """Fill in the summary of these rows; entropy is NaN where they are no probabilities."""
    values = np.asarray(probabilities, dtype=np.result_type(probabilities, np.float32))
    here, largest = np.arange(len(values)), values.argmax(axis=1)
    logs = np.log(values)
    entropy = -np.einsum("ij,ij->i", values, logs)
    # Not a number where a probability is 0, or is none. Mostly few rows: all others are spared the look.
    if (rows := np.flatnonzero(np.isnan(entropy))).size:
        entropy[rows] = _entropy(values[rows])
    # A product with ones takes half the time of a sum over rows.
    entropy[~(np.abs(values @ np.ones(values.shape[1], values.dtype) - 1) < 1e-3)] = np.nan
    # Logarithms have the order of their numbers, but for neighbours in the last digit; so no copy is needed.
    logs[here, largest] = -np.inf
    confidence, next_to_it = values[here, largest], logs.argmax(axis=1)
    second = np.where(next_to_it == largest, 0, values[here, next_to_it])  # the same one if all others are 0
    summary["entropy"], summary["source_class"] = entropy, largest
    summary["confidence"], summary["margin"] = confidence, confidence - second


def _entropy(values: FloatArray) -> FloatArray:
    logs = np.log(values, out=np.zeros_like(values), where=values > 0)
    logs[~(values >= 0)] = np.nan
    return np.asarray(-np.einsum("ij,ij->i", values, logs))


def summarise_views(probabilities: FloatArray) -> NDArray[np.void]:
    """What selection needs of the source probabilities of several views, shape (n, n_views >= 2, k): one `PREDICTION_OF_VIEWS` a row.

    It is that of their mean, with the share of views whose class is not the most frequent one (Freeman's variation
    ratio, 1965), and the entropy of the mean less the mean entropy: what the class tells of the view, in nats (BALD).
    """
    if probabilities.ndim != 3 or probabilities.shape[1] < 2:
        raise EvenpickError(
            f"probabilities of views must have shape (n, n_views >= 2, n_source_classes); got {probabilities.shape}"
        )
    each = np.stack([summarise_probabilities(view) for view in np.moveaxis(probabilities, 1, 0)], axis=1)
    of_mean = summarise_probabilities(probabilities.mean(axis=1, dtype=np.result_type(probabilities, np.float32)))
    summary = np.empty(len(probabilities), PREDICTION_OF_VIEWS)
    for name in PREDICTION.names or ():
        summary[name] = of_mean[name]
    votes = each["source_class"]
    most = (votes[:, :, None] == votes[:, None, :]).sum(axis=2).max(axis=1)
    summary["variation_ratio"] = 1 - most / votes.shape[1]
    # Never negative but by rounding.
    summary["mutual_information"] = np.maximum(of_mean["entropy"] - each["entropy"].mean(axis=1), 0)
    return summary


def softmax(logits: FloatArray) -> Values:
    """Class probabilities of shape (n, k) from logits, in float64."""
    shifted: Values = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def margins(values: FloatArray) -> Values:
    """The largest of each row of values (n, k >= 2) less the second largest, shape (n,)."""
    best = np.partition(values, -2, axis=1)
    return np.asarray(best[:, -1] - best[:, -2], dtype=np.float64)


def _wrong_probabilities(row: int, values: FloatArray) -> EvenpickError:
    got = f"{values.sum():.6g}" if (values >= 0).all() else "a negative or missing value"
    return EvenpickError(
        f"probabilities: each row must be >= 0 and sum to 1; row {row} has {got} (logits need a softmax first)"
    )
