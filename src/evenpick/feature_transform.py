"""What is done to features before the default classifier sees them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrays import Singles
from .vectors import normalised

POWER = 0.7
AT_CENTRE = 1e-6  # what is nearer to the centre is there but for rounding
_ROUNDING = 1e-6  # of the largest feature: below 0 by less than that is not below 0


@dataclass(frozen=True, eq=False)
class FeatureTransform:
    """Features at length 1; with a centre, a power of each before, and less the centre at length 1 again.

    The power (power normalisation: Perronnin et al., 2010) keeps a few features that answer strongly to one thing in an
    image from making up its direction. What all images of a pool share is in the centre, and tells no class from
    another (Wang et al., 2019).

    Attributes
    ----------
    centre : array of shape (n_features,), float32, or None
        None: only length 1.
    power : float
        sign(x) |x|^power of each feature, before length 1 and the centre.
    """

    centre: Singles | None = None
    power: float = 1.0

    @classmethod
    def fitted_to(cls, features: NDArray[np.floating]) -> tuple["FeatureTransform", Singles]:
        """Centred at the mean of these features (n, n_features), and these transformed.

        The power is `POWER` where none of them is below 0, as behind a rectifier. Of features with signs, powers were no
        better than none.
        """
        signed = features.min() < -_ROUNDING * max(features.max(), 0)
        power = 1.0 if signed else POWER
        values = cls(power=power)(features)
        transform = cls(np.asarray(values.mean(axis=0, dtype=np.float64), np.float32), power)
        return transform, transform._centred(values)

    def __call__(self, features: NDArray[np.floating]) -> Singles:
        """Features (n, n_features) as they are given, transformed; what lies within `AT_CENTRE` of the centre stays as short."""
        powers = features if self.power == 1 else np.copysign(np.abs(features) ** self.power, features)
        return self._centred(normalised(powers))

    def _centred(self, values: Singles) -> Singles:
        if self.centre is None:
            return values
        values = values - self.centre
        lengths = np.linalg.norm(values, axis=1, keepdims=True)
        values /= np.where(lengths > AT_CENTRE, lengths, 1)
        return values

    @property
    def words(self) -> str:
        """What it does, for a report."""
        if self.centre is None:
            return "features of length 1"
        return "centred features" if self.power == 1 else "centred powers of features"


UNIT_LENGTH = FeatureTransform()
