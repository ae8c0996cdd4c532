"""How the maps and points of an image follow it when it is read and resized.

Augmentations move them too, but do not know how images are read: see `MovingMap.move`.
"""

from typing import Any

import numpy.typing as npt

from augseq.augment.geometry import Geometry
from augseq.augment.moving_map import UNCOVERED, MovingMap
from augseq.pixels.options import ResizeOptions
from augseq.pixels.region import Region, cut_map, read_box, scaled_box
from augseq.pixels.resize import resize_image, resize_map, resized_place


def fit_to_pixels(moving: MovingMap, region: Region, pixels: tuple[int, ...]) -> None:
    """Turn the points, labels or values of a whole image into those of what was read of it.

    Args:
        moving: The map.
        region: What was to be read.
        pixels: (height, width, channels) of what was read.
    """
    if moving.kind == "points":
        moving.values = _read_geometry(moving.values, region, pixels)
        return
    moving.values = cut_to_pixels(moving.values, region, pixels)
    if region.resize is not None and is_resized(region, pixels):
        resize_with_image(moving, region.resize)


def cut_to_pixels(
    values: npt.NDArray[Any], region: Region, pixels: tuple[int, ...]
) -> npt.NDArray[Any]:
    """Return the part of a map that belongs to the pixels that were read of its image.

    Args:
        values: The map of the whole image, shape (height, width, ...).
        region: What was to be read.
        pixels: (height, width, ...) of what was read: all pixels of the region, or those of the
            image downscaled by a factor, in which case the region was widened; or all of the
            image, resized, to which the map is still to be resized.
    """
    if is_resized(region, pixels):
        scale = region.scale(values.shape)
        return cut_map(values, scale, scaled_box(None, values.shape, scale))
    return cut_map(values, *read_box(region, values.shape, pixels))


def is_resized(region: Region, pixels: tuple[int, ...]) -> bool:
    """Return whether pixels are already resized as the caller of `read` wants them.

    Args:
        region: What was to be read.
        pixels: (height, width, ...) of what was read.
    """
    return region.resize is not None and tuple(pixels[:2]) == region.resize.image_size


def resize_with_image(moving: MovingMap, options: ResizeOptions) -> None:
    """Resize a map as its image is resized."""
    if moving.kind == "labels":
        moving.values = resize_map(moving.values, options, UNCOVERED)
    elif moving.kind == "points":
        moving.values = _resized_geometry(moving.values, options)
    else:
        # Padding is 0, also for the weights of values.
        moving.values = resize_image(moving.values, options)


def _read_geometry(whole: Geometry, region: Region, pixels: tuple[int, ...]) -> Geometry:
    """Return where the points of a whole image are in the pixels that were read of it.

    Args:
        whole: The geometry of the whole image.
        region: What was to be read.
        pixels: (height, width, channels) of what was read.
    """
    size = (pixels[0], pixels[1])
    if region.resize is None or not is_resized(region, pixels):
        scale, (top, left, *_) = read_box(region, whole.size, pixels)
        return whole.scaled(size, 1 / scale, 1 / scale, -left, -top)
    scale = region.scale(whole.size)
    _, _, height, width = scaled_box(None, whole.size, scale)
    decoded = whole.scaled((height, width), 1 / scale, 1 / scale)
    return _resized_geometry(decoded, region.resize)


def _resized_geometry(geometry: Geometry, options: ResizeOptions) -> Geometry:
    """Return where the points of an image are after it was resized."""
    return geometry.scaled(options.image_size, *resized_place(geometry.size, options))
