"""Make a balanced data set imbalanced, as the paper's Table 1 has it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray
from ..errors import EvenpickError
from ..metrics import imbalance_ratio as ratio_of


def induce_imbalance(
    labels: Sequence[str] | NDArray[Any],
    imbalance_ratio: float,
    mean: float | None = None,
    random_state: int = 0,
) -> IndexArray:
    """Rows to keep so that the classes have a wanted mean and imbalance ratio.

    The class of rank i keeps n_max * r ** (-i / (C - 1)) images, rounded and at least one; r is found by
    bisection, ranks and images are drawn. The paper prints the result (Table 1) but no procedure: this
    one reproduces its means and ratios.

    Parameters
    ----------
    labels : sequence of length n
        The class of each image. Give the training images only, never the test set.
    imbalance_ratio : float
        Wanted standard deviation (ddof = 0) over mean of the images per class; 0 keeps classes equal.
    mean : float, optional
        Wanted images per class; by default as many as the classes can give.
    random_state : int

    Returns
    -------
    array of intp
        The kept rows, ascending.

    Raises
    ------
    EvenpickError
        If the ratio cannot be reached with so many classes, or a class is too small for its rank.
    """
    values = np.asarray(labels)
    available = Counter(values.tolist())
    names = sorted(available)
    if len(names) < 2:
        raise EvenpickError(f"imbalance needs at least two classes; the labels have {len(names)}")
    rng = np.random.default_rng(random_state)
    ranks = rng.permutation(len(names))
    exponents = np.arange(len(names)) / (len(names) - 1)
    sizes = np.array([available[name] for name in names])[np.argsort(ranks)]  # by rank
    wanted = _counts(exponents, imbalance_ratio, mean, sizes)
    kept = []
    for name, rank in zip(names, ranks, strict=True):
        if wanted[rank] > available[name]:
            raise EvenpickError(
                f"class {name!r} has {available[name]} images and needs {wanted[rank]} for its rank; "
                "ask for a lower mean or imbalance ratio, or use another seed"
            )
        kept.append(rng.choice(np.flatnonzero(values == name), wanted[rank], replace=False))
    return np.sort(np.concatenate(kept)).astype(np.intp)


def _counts(
    exponents: NDArray[np.float64], ratio: float, mean: float | None, sizes: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Images to keep for each rank: the r whose rounded counts come nearest to the wanted ratio."""
    if not 0 <= ratio < np.sqrt(len(exponents) - 1):
        raise EvenpickError(
            f"imbalance_ratio must be from 0 to below {np.sqrt(len(exponents) - 1):.2f} "
            f"for {len(exponents)} classes; got {ratio}"
        )
    if mean is not None and not mean >= 1:
        raise EvenpickError(f"mean must be at least 1 image a class; got {mean}")

    def rounded(log_r: float) -> NDArray[np.intp]:
        shape = np.exp(-log_r * exponents)
        largest = (sizes / shape).min() if mean is None else mean * len(shape) / shape.sum()
        whole = np.floor(largest * shape) if mean is None else np.rint(largest * shape)
        return np.asarray(np.maximum(whole, 1), dtype=np.intp)

    low, high = 0.0, 50.0  # log r; e^50 is beyond any data set
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if ratio_of(rounded(middle)) < ratio else (low, middle)
    best = min((rounded(low), rounded(high)), key=lambda counts: abs(ratio_of(counts) - ratio))
    if abs(ratio_of(best) - ratio) > max(0.05, 0.05 * ratio):
        raise EvenpickError(
            f"imbalance_ratio {ratio} cannot be reached with {len(exponents)} classes of these sizes; "
            f"the nearest is {ratio_of(best):.2f}: ask for a higher mean or a lower ratio"
        )
    return best
