"""One transform of albumentations as an `Augmentation`."""

import copy
import random
import threading
from typing import Any

import numpy as np

from augseq.types import Image

# Where albumentations keeps the transforms whose result has a size of their own choice.
_SIZE_MODULES = (
    "albumentations.augmentations.crops",
    "albumentations.augmentations.geometric.pad",
    "albumentations.augmentations.geometric.resize",
)


class AlbumentationsTransform:
    """A transform, or a `Compose` of some, that keeps the contract of an augmentation.

    By itself an albumentations object is neither thread-safe nor pure: its generators and
    the parameters that it drew are its attributes, and a seed gives equal draws to all
    transforms of a `Compose`. Here each thread has a copy, and all draws come from `rng`; a
    `seed` that the object was made with has no influence.

    Args:
        transform: An object of `albumentations`. A copy is kept, so that later changes to
            the original have no effect.
    """

    def __init__(self, transform: Any) -> None:
        self._transform = copy.deepcopy(transform)
        self._copies = threading.local()
        self.__name__ = type(transform).__name__

    @property
    def sets_size(self) -> bool:
        """Whether it, or a transform inside it, chooses the size of its result."""
        return _sets_size(self._transform)

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """Apply the transform, with draws from `rng` alone."""
        transform = self._copy_of_this_thread()
        # `set_random_state`, unlike a seed, lets all transforms of a Compose draw in turn from
        # one stream: a horizontal and a vertical flip are independent.
        transform.set_random_state(rng, random.Random(int(rng.integers(2**63))))
        result: Image = transform(image=image)["image"]
        # OpenCV drops the channel axis of grey images, and not every transform puts it back.
        return result[:, :, np.newaxis] if np.ndim(result) == 2 else result

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self._transform,))

    def __repr__(self) -> str:
        return repr(self._transform)

    def _copy_of_this_thread(self) -> Any:
        try:
            return self._copies.transform
        except AttributeError:
            self._copies.transform = copy.deepcopy(self._transform)
            return self._copies.transform


def is_albumentations(item: object) -> bool:
    """Tell whether an object is a transform of albumentations, without importing it."""
    return hasattr(item, "set_random_state") and any(
        kind.__module__.split(".")[0] == "albumentations" for kind in type(item).__mro__
    )


def _sets_size(transform: Any) -> bool:
    inner = getattr(transform, "transforms", None)
    if inner is not None:
        return any(_sets_size(child) for child in inner)
    return any(kind.__module__.startswith(_SIZE_MODULES) for kind in type(transform).__mro__)
