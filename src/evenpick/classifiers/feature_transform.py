"""What is done to features before a linear classifier sees them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Singles
from ..vectors import normalised

AT_CENTRE = 1e-6  # what is nearer to the centre is there but for rounding


@dataclass(frozen=True, eq=False)
class FeatureTransform:
    """Features at length 1; with a centre, also their square roots, less the centre, at length 1 again.

    The root is power normalisation (Perronnin et al., 2010): a few features that answer strongly to one thing in an image no
    longer make up its direction. What all images of a pool share is in the centre, and tells no class from another
    (Wang et al., 2019).

    Attributes
    ----------
    centre : array of shape (n_features,), float32, or None
        None: only length 1.
    rooted : bool
        sign(x) sqrt(|x|) of each feature, before the centre is taken off.
    """

    centre: Singles | None = None
    rooted: bool = False

    @classmethod
    def fitted(cls, features: NDArray[np.floating]) -> "FeatureTransform":
        """The centre of these features (n, n_features); rooted where none is below 0, as behind a rectifier."""
        rooted = not (features < 0).any()
        centre = cls(rooted=rooted)(features).mean(axis=0, dtype=np.float64)
        return cls(np.asarray(centre, np.float32), rooted)

    def __call__(self, features: NDArray[np.floating]) -> Singles:
        """Features (n, n_features) as they are given, transformed; a vector of zeros stays one, and one at the centre, too."""
        values = normalised(np.sqrt(np.abs(features)) * np.sign(features) if self.rooted else features)
        if self.centre is None:
            return values
        values = values - self.centre
        lengths = np.linalg.norm(values, axis=1, keepdims=True)
        return np.asarray(values / np.where(lengths > AT_CENTRE, lengths, 1), np.float32)


UNIT_LENGTH = FeatureTransform()
