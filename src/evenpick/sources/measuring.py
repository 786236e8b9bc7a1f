"""What a network gives, seen on an empty image; one that takes a single image a call is made to take any number."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from ..errors import EvenpickError
from ..images import Batch

Network: TypeAlias = Callable[[Batch], tuple[Batch, Batch]]


def measured(name: str, size: int, network: Network) -> tuple[int, int, Network]:
    """How many features and logits it gives of an image of so many pixels a side, and the network for any batch.

    Raises
    ------
    EvenpickError
        If it takes no such images, or gives something else.
    """
    image = np.zeros((1, 3, size, size), np.float32)
    try:
        features, logits = network(image)
    except EvenpickError:
        raise  # it says what is wrong already
    except Exception as error:
        raise EvenpickError(
            f"source '{name}' does not take images of shape (n, 3, {size}, {size}): {str(error).splitlines()[0]}"
        ) from error
    if features.ndim != 2 or logits.ndim != 2:
        raise EvenpickError(
            f"source '{name}' must give features (n, d) and logits (n, k), if any; "
            f"got shapes {features.shape} and {logits.shape}"
        )
    sizes = features.shape[1], logits.shape[1]
    return sizes[0], sizes[1], network if _takes_two(network, image, sizes) else _one_by_one(network)


def _takes_two(network: Network, image: Batch, sizes: tuple[int, int]) -> bool:
    """Whether the network takes more than one image a call; many are exported for a batch of one."""
    try:
        features, logits = network(np.concatenate([image, image]))
    except Exception:  # noqa: BLE001 (each runtime raises its own kinds; one image was taken just now)
        return False
    return (features.shape, logits.shape) == ((2, sizes[0]), (2, sizes[1]))


def _one_by_one(network: Network) -> Network:
    def run(batch: Batch) -> tuple[Batch, Batch]:
        features, logits = zip(*[network(image[None]) for image in batch], strict=True)
        return np.concatenate(features), np.concatenate(logits)

    return run
