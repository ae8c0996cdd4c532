"""Convert Pillow's pictures to upright arrays, a band of rows at a time.

Pillow stores colour in 4 bytes per pixel, and each conversion makes a copy: 1.7 GB for a picture
of 89 million pixels. In bands, conversion takes little more than the picture and the array.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image as PillowImage

from augseq.pixels.decoders.orientation import turn, turn_back
from augseq.pixels.options import DecodeOptions
from augseq.types import Image

_MODES = {"rgb": "RGB", "grayscale": "L", "rgba": "RGBA"}
_BAND_PX = 1 << 20


def convert_bands(
    shape: tuple[int, int],
    band: Callable[[int, int], PillowImage.Image],
    options: DecodeOptions,
    orientation: int,
) -> Image:
    """Convert a picture to the requested colour mode, and turn it upright.

    Args:
        shape: (height, width) of the picture as stored.
        band: Returns the 8-bit rows from the first number up to, but not including, the second.
        options: Colour mode and background.
        orientation: 1 (upright) to 8.

    Returns:
        Shape (height, width, channels) of the upright image, uint8; a new array.
    """
    height, width = shape
    size = shape if orientation < 5 else (width, height)
    pixels = np.empty((*size, options.num_channels), np.uint8)
    stored = turn(pixels, turn_back(orientation))
    step = max(1, _BAND_PX // width)
    for top in range(0, height, step):
        bottom = min(top + step, height)
        rows = np.asarray(convert_colors(band(top, bottom), options))
        stored[top:bottom] = rows.reshape(bottom - top, width, -1)
    return pixels


def convert_colors(picture: PillowImage.Image, options: DecodeOptions) -> PillowImage.Image:
    """Convert an 8-bit picture to the requested colour mode."""
    if picture.mode == "La":
        # Premultiplied grey, which Pillow converts to LA only.
        picture = picture.convert("LA")
    if picture.has_transparency_data:
        if options.color_mode == "rgba":
            return picture.convert("RGBA")
        picture = _flatten(picture.convert("RGBA"), options.background)
    if picture.mode not in ("L", "RGB", "RGBA"):
        # Pillow cannot convert some modes, such as CMYK, directly to grey or RGBA.
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    return picture.convert(_MODES[options.color_mode])


def _flatten(picture: PillowImage.Image, background: tuple[int, int, int]) -> PillowImage.Image:
    canvas = PillowImage.new("RGBA", picture.size, (*background, 255))
    return PillowImage.alpha_composite(canvas, picture).convert("RGB")
