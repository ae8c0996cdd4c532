"""How the maps and points of an image follow it when it is read and resized.

Augmentations move them too, but do not know how images are read: see `MovingMap.move`.
"""

from augseq.augment.geometry import Geometry
from augseq.augment.moving_map import UNCOVERED, MovingMap
from augseq.manifest.record import Record
from augseq.pixels.decoders.jpeg import JPEG
from augseq.pixels.options import ResizeOptions
from augseq.pixels.region import Region, cut_map, read_box, scaled_box
from augseq.pixels.resize import resize_image, resize_map, resized_place


def fit_to_pixels(
    moving: MovingMap, record: Record, region: Region, pixels: tuple[int, ...]
) -> None:
    """Turn the map of a whole image into that of the pixels that were read of it.

    Args:
        moving: The map; of kind "pixels" and "twin", already what was read.
        record: The record of the image.
        region: What was to be read.
        pixels: (height, width, channels) of what was read.
    """
    if moving.kind == "points":
        moving.values = _read_geometry(moving.values, record, region, pixels)
    elif moving.kind in ("labels", "values"):
        moving.values = cut_map(moving.values, region, pixels)
        if region.resize is not None and pixels[:2] == region.resize.image_size:
            # Read from a cache of resized images.
            resize_with_image(moving, region.resize)


def resize_with_image(moving: MovingMap, options: ResizeOptions) -> None:
    """Resize a map as its image is resized."""
    if moving.kind == "labels":
        moving.values = resize_map(moving.values, options, UNCOVERED)
    elif moving.kind == "points":
        moving.values = _resized_geometry(moving.values, options)
    else:
        # Padding is 0, also for the weights of values.
        moving.values = resize_image(moving.values, options)


def _read_geometry(
    whole: Geometry, record: Record, region: Region, pixels: tuple[int, ...]
) -> Geometry:
    """Return where the points of a whole image are in the pixels that were read of it.

    Args:
        whole: The geometry of the whole image.
        record: The record of the image.
        region: What was to be read.
        pixels: (height, width, channels) of what was read.
    """
    size = (pixels[0], pixels[1])
    if region.resize is None or size != region.resize.image_size:
        scale, (top, left, *_) = read_box(region, whole.size, pixels)
        return whole.scaled(size, 1 / scale, 1 / scale, -left, -top)
    # Perhaps from a cache of resized images, which does not say at which scale a JPEG was decoded.
    scale = region.scale(whole.size) if record.path.lower().endswith(JPEG.endings) else 1
    _, _, height, width = scaled_box(None, whole.size, scale)
    decoded = whole.scaled((height, width), 1 / scale, 1 / scale)
    return _resized_geometry(decoded, region.resize)


def _resized_geometry(geometry: Geometry, options: ResizeOptions) -> Geometry:
    """Return where the points of an image are after it was resized."""
    return geometry.scaled(options.image_size, *resized_place(geometry.size, options))
