"""Images that transforms have moved, and how."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from augseq.augment.augmentation_list import make_augmentation_list
from augseq.augment.geometry import Geometry
from augseq.augment.moving_map import MovingMap
from augseq.sampling.randomness import Stream, record_rng


def moved_image(
    transforms: Sequence[Any], image: np.ndarray, seed: int
) -> tuple[Geometry, np.ndarray]:
    """Return the geometry of an image after transforms, and the image."""
    augment = make_augmentation_list(transforms)
    augment.require_maps({"points"})
    points = MovingMap(Geometry((image.shape[0], image.shape[1])), "points")
    rng = record_rng(seed, Stream.AUGMENT, epoch=0, index=0)
    image = augment(image, rng, None, [points])
    assert points.values.size == image.shape[:2]
    return points.values, image
