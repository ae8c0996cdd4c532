"""Resize images: stretch, crop or pad."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from augseq.pixels.decoded_image import OpenImage
from augseq.pixels.options import ResizeOptions
from augseq.pixels.region import Region
from augseq.types import Image

# Pillow's filters widen with the reduction, so downscaling is antialiased; and its 8-bit
# arithmetic uses integers, so all machines produce the same pixels.
_FILTERS = {
    "nearest": PillowImage.Resampling.NEAREST,
    "bilinear": PillowImage.Resampling.BILINEAR,
    "bicubic": PillowImage.Resampling.BICUBIC,
    "area": PillowImage.Resampling.BOX,
    "lanczos3": PillowImage.Resampling.LANCZOS,
}


def resize_image(image: Image, options: ResizeOptions) -> Image:
    """Resize an image to `options.image_size`.

    Args:
        image: Shape (height, width, channels), uint8 or float32.
        options: Size, mode and interpolation.

    Returns:
        Shape (*image_size, channels), same dtype and range; the image itself if it already has
        that size, otherwise a new array. Bicubic and Lanczos keep uint8 within 0 to 255, but can
        slightly exceed the range of float32.

    Source:
        Modes as in `keras.utils.image_dataset_from_directory`; filters as in Pillow.
    """
    height, width = image.shape[:2]
    if (height, width) == options.image_size:
        return image
    if options.resize_mode == "pad":
        return _pad(image, options)
    box = (0, 0, width, height)
    if options.resize_mode == "crop":
        box = centre_box(height, width, options.image_size)
    return _resample(image, options.image_size, box, options.interpolation)


def resize_map(values: npt.NDArray[Any], options: ResizeOptions, fill: int) -> npt.NDArray[Any]:
    """Resize a label map in the same way as its image, to the nearest pixel.

    Args:
        values: Labels, uint16, shape (height, width).
        options: Size and mode.
        fill: Label of the padding.

    Returns:
        Shape `options.image_size`, uint16; the map itself if it already has that size.
    """
    height, width = values.shape
    target = options.image_size
    if (height, width) == target:
        return values
    if options.resize_mode == "pad":
        padded = np.full(target, fill, values.dtype)
        inner, (top, left) = _inner_size((height, width), target)
        rows, columns = (_nearest(values.shape[k], (0, values.shape[k]), inner[k]) for k in (0, 1))
        padded[top : top + inner[0], left : left + inner[1]] = values[np.ix_(rows, columns)]
        return padded
    left, top, right, bottom = 0, 0, width, height
    if options.resize_mode == "crop":
        left, top, right, bottom = centre_box(height, width, target)
    rows = _nearest(height, (top, bottom), target[0])
    columns = _nearest(width, (left, right), target[1])
    return values[np.ix_(rows, columns)]


def _nearest(size: int, ends: tuple[int, int], target: int) -> npt.NDArray[np.int64]:
    """Return the pixel nearest to the centre of each of `target` pixels between two ends."""
    start, end = ends
    # In integers: a centre between two pixels goes to the later one on every machine.
    centres = (2 * np.arange(target) + 1) * (end - start) + 2 * target * start
    return np.minimum(centres // (2 * target), size - 1)


def resized_place(
    size: tuple[int, int], options: ResizeOptions
) -> tuple[float, float, float, float]:
    """Return where resizing puts a point: x * scale_x + offset_x, and the same for y.

    Args:
        size: (height, width) of the image.
        options: Size and mode.

    Returns:
        (scale_x, scale_y, offset_x, offset_y), in pixels.
    """
    height, width = size
    target = options.image_size
    if size == target:
        return 1.0, 1.0, 0.0, 0.0
    if options.resize_mode == "pad":
        inner, (top, left) = _inner_size(size, target)
        return inner[1] / width, inner[0] / height, left, top
    box = (0, 0, width, height)
    if options.resize_mode == "crop":
        box = centre_box(height, width, target)
    scale_x, scale_y = target[1] / (box[2] - box[0]), target[0] / (box[3] - box[1])
    return scale_x, scale_y, -box[0] * scale_x, -box[1] * scale_y


def shrunk_size(size: tuple[int, int], shorter_side_px: int) -> tuple[int, int]:
    """Return the (height, width) of an image downscaled to a shorter side, if that is longer."""
    scale = shorter_side_px / min(size)
    return size if scale >= 1 else (round(size[0] * scale), round(size[1] * scale))


def covered_size(shape: tuple[int, ...], options: ResizeOptions) -> tuple[int, int]:
    """Return the smallest (height, width) that resizing does not need to enlarge.

    Args:
        shape: (height, width, ...) of the image.
        options: How it will be resized.
    """
    height, width = options.image_size
    if options.resize_mode == "stretch":
        return height, width
    pick = max if options.resize_mode == "crop" else min
    scale = pick(height / shape[0], width / shape[1])
    return math.ceil(shape[0] * scale), math.ceil(shape[1] * scale)


def resized_region(opened: OpenImage, options: ResizeOptions, *, scaled_decode: bool) -> Region:
    """Return what to read of an image that is resized next.

    Args:
        opened: The image.
        options: How it will be resized.
        scaled_decode: Whether large JPEG files may be downscaled while decoding.
    """
    covers = covered_size(opened.shape, options) if scaled_decode else None
    return Region(covers=covers, resize=options, scales=opened.scales)


def centre_box(height: int, width: int, target: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of the largest centred box of given ratio.

    Args:
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        target: (height, width) in pixels.
    """
    box_height = max(1, min(height, round(width * target[0] / target[1])))
    box_width = max(1, min(width, round(height * target[1] / target[0])))
    top, left = (height - box_height) // 2, (width - box_width) // 2
    return left, top, left + box_width, top + box_height


def _pad(image: Image, options: ResizeOptions) -> Image:
    height, width, channels = image.shape
    inner, (top, left) = _inner_size((height, width), options.image_size)
    padded = np.zeros((*options.image_size, channels), image.dtype)
    padded[top : top + inner[0], left : left + inner[1]] = _resample(
        image, inner, (0, 0, width, height), options.interpolation
    )
    return padded


def _inner_size(
    size: tuple[int, int], target: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the size of an image inside its padding, and the (top, left) of its place."""
    scale = min(target[0] / size[0], target[1] / size[1])
    height = max(1, min(target[0], round(size[0] * scale)))
    width = max(1, min(target[1], round(size[1] * scale)))
    return (height, width), ((target[0] - height) // 2, (target[1] - width) // 2)


def _resample(
    image: Image, size: tuple[int, int], box: tuple[int, int, int, int], interpolation: str
) -> Image:
    def resample(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
        picture = PillowImage.fromarray(plane)
        resized = picture.resize((size[1], size[0]), _FILTERS[interpolation], box=box)
        return np.asarray(resized)

    if image.dtype == np.uint8 and image.shape[2] == 3:
        return np.array(resample(image))
    # Channel by channel: Pillow has no float colour mode, and treats a fourth channel as alpha,
    # which it would multiply into the other three.
    planes = (resample(np.ascontiguousarray(image[:, :, k])) for k in range(image.shape[2]))
    return np.stack(list(planes), axis=2)
