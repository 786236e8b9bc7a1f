"""The kinds of arrays that are handed around, by what they hold."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

IndexArray: TypeAlias = NDArray[np.intp]  # rows of the pool, or numbers of classes
Values: TypeAlias = NDArray[np.float64]
Singles: TypeAlias = NDArray[np.float32]
FloatArray: TypeAlias = NDArray[np.floating[Any]]  # of either precision
